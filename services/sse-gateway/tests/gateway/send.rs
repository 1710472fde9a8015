//! POST /internal/send: every row of its table, and what arrives.

use serde_json::{Value, json};
use test_kit::{Answer, http_post, http_request};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::world::{World, judge};

#[tokio::test]
async fn bodies_without_a_token_are_refused() {
    let world = World::start().await;
    for (body, code) in [
        ("", "INVALID_JSON"),
        ("{", "INVALID_JSON"),
        ("{} {}", "INVALID_JSON"),
        ("\u{feff}{}", "INVALID_JSON"),
        (&"[".repeat(10_000), "INVALID_JSON"),
        ("null", "INVALID_TOKEN_MISSING"),
        ("[]", "INVALID_TOKEN_MISSING"),
        (r#""text""#, "INVALID_TOKEN_MISSING"),
        ("{}", "INVALID_TOKEN_MISSING"),
        (r#"{"token":""}"#, "INVALID_TOKEN_MISSING"),
        (r#"{"token":7}"#, "INVALID_TOKEN_MISSING"),
        (
            r#"{"token":null,"event":null,"close":1}"#,
            "INVALID_TOKEN_MISSING",
        ),
    ] {
        judge(&world.post(body).await, 400, code);
    }
    let missing = world.post("{}").await.json();
    assert_eq!(
        missing["error"]["message"],
        "Invalid request: token is required and must be a string"
    );
    world.shutdown().await;
}

#[tokio::test]
async fn orders_are_judged_in_the_order_of_the_contract() {
    let world = World::start().await;
    let (stream, token) = world.stream("/s").await;
    for (rest, code) in [
        (r#","event":null"#, "INVALID_EVENT_TYPE"),
        (r#","event":[]"#, "INVALID_EVENT_TYPE"),
        (r#","event":"e","close":1"#, "INVALID_EVENT_TYPE"),
        (r#","event":{}"#, "INVALID_EVENT_DATA_MISSING"),
        (r#","event":{"data":null}"#, "INVALID_EVENT_DATA_MISSING"),
        (
            r#","event":{"name":7,"data":{}}"#,
            "INVALID_EVENT_DATA_MISSING",
        ),
        (
            r#","event":{"name":7,"data":"d"},"close":1"#,
            "INVALID_EVENT_NAME_TYPE",
        ),
        (
            r#","event":{"name":null,"data":"d"}"#,
            "INVALID_EVENT_NAME_TYPE",
        ),
        (
            r#","event":{"name":"a\nb","data":"d"}"#,
            "INVALID_EVENT_NAME",
        ),
        (
            r#","event":{"name":"a\rb","data":"d"}"#,
            "INVALID_EVENT_NAME",
        ),
        (
            r#","event":{"name":"a\u0000b","data":"d"}"#,
            "INVALID_EVENT_NAME",
        ),
        (r#","event":{"id":"a\nb","data":"d"}"#, "INVALID_EVENT_ID"),
        (r#","event":{"id":7,"data":"d"}"#, "INVALID_EVENT_ID"),
        (r#","close":"true""#, "INVALID_CLOSE_TYPE"),
        (r#","close":null"#, "INVALID_CLOSE_TYPE"),
    ] {
        for whose in ["x", token.as_str()] {
            let body = format!(r#"{{"token":"{whose}"{rest}}}"#);
            judge(&world.post(&body).await, 400, code);
        }
    }
    let nobody = "6f2c0a0e-0000-4000-8000-000000000000";
    for unknown in ["x", nobody, &token.replace('-', "")] {
        let body = json!({"token": unknown}).to_string();
        judge(&world.post(&body).await, 404, "TOKEN_NOT_FOUND");
    }
    drop(stream);
    world.all_told().await;
    world.shutdown().await;
}

#[tokio::test]
async fn whatever_is_sent_arrives_as_the_wire_format_says() {
    let world = World::start().await;
    let (mut stream, token) = world.stream("/s").await;
    for (event, wire) in [
        (
            json!({"name": "n", "data": "one"}),
            "event: n\ndata: one\n\n",
        ),
        (json!({"data": ""}), "data: \n\n"),
        (json!({"name": "", "data": "x"}), "data: x\n\n"),
        (
            json!({"data": "a\nb\r\nc\rd"}),
            "data: a\ndata: b\ndata: c\ndata: d\n\n",
        ),
        (json!({"data": "end\n"}), "data: end\ndata: \n\n"),
        (
            json!({"name": "n", "id": "7", "data": "x"}),
            "id: 7\nevent: n\ndata: x\n\n",
        ),
        (
            json!({"data": " lead", "unknown": [1, {}]}),
            "data:  lead\n\n",
        ),
        (
            json!({"name": "ação", "data": "\u{1F5FC}\0"}),
            "event: ação\ndata: \u{1F5FC}\0\n\n",
        ),
    ] {
        let before = stream.raw_bytes().len();
        let body = json!({"token": token, "event": event, "x": null});
        assert_eq!(
            world.post(&body.to_string()).await.json(),
            json!({"status": "ok"})
        );
        stream.next_event().await;
        let chunk = format!("{:x}\r\n{wire}\r\n", wire.len());
        assert_eq!(&stream.raw_bytes()[before..], chunk.as_bytes());
    }
    drop(stream);
    world.all_told().await;
    world.shutdown().await;
}

#[tokio::test]
async fn halves_of_characters_arrive_as_replacements() {
    let world = World::start().await;
    let (mut stream, token) = world.stream("/s").await;
    for (data, wanted) in [
        (r"cut \ud83d", "cut \u{FFFD}"),
        (r"\ude00 \ud83d\ude00", "\u{FFFD} \u{1F600}"),
        (r"\\ud83d", r"\ud83d"),
    ] {
        let send = format!(r#"{{"token":"{token}","event":{{"data":"{data}"}}}}"#);
        assert_eq!(world.post(&send).await.status(), 200, "{data}");
        assert_eq!(stream.next_event().await.data, wanted);
        let batch = format!(r#"{{"sends":[{send}]}}"#);
        let answer = world.post(&batch).await.json();
        assert_eq!(answer["results"][0]["status"], 200, "{data}");
        assert_eq!(stream.next_event().await.data, wanted);
    }
    drop(stream);
    world.all_told().await;
    world.shutdown().await;
}

#[tokio::test]
async fn what_a_body_says_of_its_type_does_not_matter() {
    let world = World::start().await;
    let (mut stream, token) = world.stream("/s").await;
    let url = world.url("/internal/send");
    let event = json!({"token": token, "event": {"data": "x"}}).to_string();
    for kind in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=x"),
        Some("application/json; charset=latin1"),
        Some("no type"),
    ] {
        let headers: Vec<_> = kind
            .map(|kind| ("content-type", kind))
            .into_iter()
            .collect();
        let answer = http_post(&url, &headers, event.as_bytes()).await;
        assert_eq!(answer.json(), json!({"status": "ok"}), "{kind:?}");
        assert_eq!(stream.next_event().await.data, "x");
        let nonsense = http_post(&url, &headers, b"token=x").await;
        judge(&nonsense, 400, "INVALID_JSON");
    }
    drop(stream);
    world.all_told().await;
    world.shutdown().await;
}

#[tokio::test]
async fn a_token_alone_is_answered_and_sends_nothing() {
    let world = World::start().await;
    let (mut stream, token) = world.stream("/s").await;
    let body = json!({"token": token, "close": false}).to_string();
    assert_eq!(world.post(&body).await.json(), json!({"status": "ok"}));
    world.send(&token, "real", "1").await;
    assert_eq!(stream.next_event().await.event, "real");
    drop(stream);
    world.all_told().await;
    world.shutdown().await;
}

#[tokio::test]
async fn of_a_field_that_comes_twice_the_last_one_counts() {
    let world = World::start().await;
    let (mut stream, token) = world.stream("/s").await;
    let body = format!(
        r#"{{"token":7,"event":null,"event":{{"data":1,"data":"last"}},"token":"{token}","close":1,"close":false}}"#
    );
    assert_eq!(world.post(&body).await.status(), 200);
    assert_eq!(stream.next_event().await.data, "last");
    drop(stream);
    world.all_told().await;
    world.shutdown().await;
}

#[tokio::test]
async fn a_batch_is_answered_in_order_each_send_on_its_own() {
    let world = World::start().await;
    let (mut stream, token) = world.stream("/s").await;
    let send = |data: &str| json!({"token": token, "event": {"data": data}});
    let sends = json!({"sends": [send("1"), {"token": ""}, 7, {"token": "x"}, send("2"), {"token": token, "close": true}, send("3")]});
    let answer = world.post(&sends.to_string()).await;
    assert_eq!(answer.status(), 200);
    let results = answer.json()["results"].as_array().unwrap().clone();
    let told: Vec<Value> = results
        .iter()
        .map(|result| result["status"].clone())
        .collect();
    assert_eq!(told, [200, 400, 400, 404, 200, 200, 404]);
    assert_eq!(results[0]["body"], json!({"status": "ok"}));
    assert_eq!(results[1]["body"]["error"]["code"], "INVALID_TOKEN_MISSING");
    let events = stream.read_to_end().await;
    let data: Vec<&str> = events.iter().map(|event| event.data.as_str()).collect();
    assert_eq!(data, ["1", "2"]);

    assert_eq!(
        world.post(r#"{"sends":[]}"#).await.json(),
        json!({"results": []})
    );
    let thousand = json!({"sends": vec![json!({"token": "x"}); 1_000]});
    let answer = world.post(&thousand.to_string()).await.json();
    assert_eq!(answer["results"].as_array().unwrap().len(), 1_000);
    let more = json!({"sends": vec![json!({"token": "x"}); 1_001]});
    judge(
        &world.post(&more.to_string()).await,
        413,
        "PAYLOAD_TOO_LARGE",
    );
    world.all_told().await;
    world.shutdown().await;
}

#[tokio::test]
async fn a_mebibyte_is_taken_and_one_byte_more_is_not() {
    let world = World::start().await;
    let (mut stream, token) = world.stream("/s").await;
    let around = json!({"token": token, "event": {"data": ""}})
        .to_string()
        .len();
    let data = "x".repeat(1024 * 1024 - around);
    let reader = async { stream.next_event().await.data.len() };
    let body = json!({"token": token, "event": {"data": data}}).to_string();
    let sender = world.post(&body);
    let (read, answer) = tokio::join!(reader, sender);
    assert_eq!((read, answer.status()), (data.len(), 200));
    let body = json!({"token": token, "event": {"data": format!("{data}x")}}).to_string();
    judge(&world.post(&body).await, 413, "PAYLOAD_TOO_LARGE");
    drop(stream);
    world.all_told().await;
    world.shutdown().await;
}

#[tokio::test]
async fn with_a_secret_only_its_bearer_may_send_and_look() {
    let world = World::with(|settings| {
        settings.internal.internal_secret = Some("hunter2".to_owned().into());
    })
    .await;
    let (stream, _) = world.stream("/s").await;
    let ask = async |method: &str, path: &str, authorization: Option<&str>| -> Answer {
        let headers: Vec<_> = authorization
            .map(|value| ("authorization", value))
            .into_iter()
            .collect();
        http_request(method, &world.url(path), &headers, b"{}").await
    };
    for wrong in [
        None,
        Some("hunter2"),
        Some("Bearer"),
        Some("Bearer "),
        Some("Bearer hunter"),
        Some("Bearer hunter22"),
        Some("Basic hunter2"),
        Some("Bearer\u{e9}hunter2"),
    ] {
        judge(
            &ask("POST", "/internal/send", wrong).await,
            401,
            "INTERNAL_AUTH_FAILED",
        );
        judge(
            &ask("GET", "/internal/connections", wrong).await,
            401,
            "INTERNAL_AUTH_FAILED",
        );
    }
    let known = ask("POST", "/internal/send", Some("bearer hunter2")).await;
    judge(&known, 400, "INVALID_TOKEN_MISSING");
    assert_eq!(
        ask("GET", "/internal/connections", Some("Bearer hunter2"))
            .await
            .status(),
        200
    );
    drop(stream);
    world.stop().await;
}

#[tokio::test]
async fn with_a_port_of_its_own_the_inside_is_served_there_only() {
    let world = World::with(|settings| settings.internal.internal_port = Some(0)).await;
    assert_ne!(world.address, world.internal);
    let (mut stream, token) = world.stream("/s").await;
    world.send(&token, "x", "1").await;
    stream.expect("x").await;
    for path in ["/internal/send", "/internal/connections"] {
        judge(
            &http_post(&world.url(path), &[], b"{}").await,
            404,
            "NOT_FOUND",
        );
        judge(&world.get(path).await, 404, "NOT_FOUND");
    }
    let inside = |path: &str| format!("http://{}{path}", world.internal);
    judge(
        &test_kit::http_get(&inside("/s"), &[]).await,
        404,
        "NOT_FOUND",
    );
    assert_eq!(
        test_kit::http_get(&inside("/healthz"), &[]).await.status(),
        200
    );
    assert_eq!(world.tokens().await, [token]);
    drop(stream);
    world.all_told().await;
    world.shutdown().await;
}

#[tokio::test]
async fn those_who_are_here_are_listed_without_the_secrets_of_their_addresses() {
    let world = World::start().await;
    let (stream, token) = world.stream("/s?a=1&token=hunter2&secret=hunter2").await;
    let listed = world.get("/internal/connections").await.json();
    assert!(!listed.to_string().contains("hunter2"), "{listed}");
    let connect = world.backend.calls_of("connect").remove(0);
    assert_eq!(listed["instance"], connect.json["instance"]);
    let entry = &listed["connections"][0];
    assert_eq!(entry["token"], json!(token));
    assert_eq!(entry["bytes_queued"], 0);
    assert!(entry["since"].is_string());
    assert!(
        entry["url"].as_str().unwrap().starts_with("/s?a=1&"),
        "{entry}"
    );
    let mut odd = TcpStream::connect(world.address).await.unwrap();
    let target = "http://u:hunter2@x/odd?ticket=hunter2#token=hunter2";
    let head = format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n");
    odd.write_all(head.as_bytes()).await.unwrap();
    world.holds(2).await;
    let listed = world.get("/internal/connections").await.json();
    assert!(!listed.to_string().contains("hunter2"), "{listed}");
    drop((stream, odd));
    world.all_told().await;
    world.shutdown().await;
}
