//! The way of a client into a stream, and everything that can stand in it.

use std::time::Duration;

use serde_json::{Value, json};
use sse_gateway::settings::{EventFormat, RejectMode};
use test_kit::{SseClient, http_get};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::backend::Act;
use crate::world::{World, judge};

/// Opens a stream with this answer.
pub fn open_with(answer: &Value) -> Act {
    Act::Say(200, answer.to_string())
}

#[tokio::test]
async fn a_stream_is_opened_with_the_headers_of_the_contract() {
    let world = World::start().await;
    let (stream, _) = world.stream("/api/anything?x=1").await;
    let head = stream.head();
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-cache"),
        ("connection", "keep-alive"),
        ("x-accel-buffering", "no"),
        ("access-control-allow-origin", "*"),
        ("access-control-allow-methods", "GET, POST, OPTIONS"),
        (
            "access-control-allow-headers",
            "Content-Type, Cache-Control, Last-Event-ID",
        ),
    ] {
        assert_eq!(head.header(name), Some(value), "{name}");
    }
    drop(stream);
    world.all_told().await;
    world.shutdown().await;
}

#[tokio::test]
async fn the_backend_is_told_the_raw_target_and_every_header() {
    let world = World::start().await;
    let headers = [
        ("X-Mixed-Case", "A"),
        ("x-twice", "one"),
        ("X-Twice", "two"),
        ("Cookie", "a=1"),
        ("cookie", "b=2"),
        ("Set-Cookie", "odd"),
        ("Authorization", "first"),
        ("authorization", "second"),
        ("Server", "first"),
        ("server", "second"),
    ];
    let target = "/a%20b//c?q=%2F&q=é&token=t";
    let stream = SseClient::connect(&world.url(target), &headers).await;
    let call = world.backend.wait_for("connect", 1).await.remove(0);
    assert!(
        call.head
            .starts_with("POST /callback?secret=s3cret HTTP/1.1"),
        "{}",
        call.head
    );
    assert!(
        call.head
            .to_lowercase()
            .contains("content-type: application/json")
    );
    let told = &call.json;
    assert_eq!(told["request"]["url"], target);
    let told = &told["request"]["headers"];
    assert_eq!(told["x-mixed-case"], "A");
    assert_eq!(told["x-twice"], "one, two");
    assert_eq!(told["cookie"], "a=1; b=2");
    assert_eq!(told["set-cookie"], json!(["odd"]));
    assert_eq!(told["authorization"], "first");
    assert_eq!(told["server"], "first");
    assert_eq!(told["accept"], "text/event-stream");
    let token = call.token();
    assert_eq!(
        (token.len(), &token[14..15]),
        (36, "4"),
        "a UUID v4: {token}"
    );
    assert!(call.json["instance"]["id"].is_string());
    assert!(call.json["instance"]["started_at"].is_string());
    drop(stream);
    world.all_told().await;
    world.shutdown().await;
}

#[tokio::test]
async fn the_answer_comes_first_then_what_was_sent_meanwhile_in_order() {
    let world = World::start().await;
    let answer = json!({"event": {"name": "hello", "data": "you"}});
    world.backend.on_connect(open_with(&answer).after(300));
    let url = world.url("/s");
    let client = async {
        let mut stream = SseClient::connect(&url, &[]).await;
        let mut names = Vec::new();
        for _ in 0..4 {
            names.push(stream.next_event().await.data);
        }
        assert_eq!(names, ["you", "0", "1", "2"]);
    };
    let sender = async {
        let token = world.backend.wait_for("connect", 1).await[0].token();
        for number in 0..3 {
            let body = json!({"token": token, "event": {"name": "n", "data": number.to_string()}});
            let answer = world.post(&body.to_string()).await;
            assert_eq!(answer.json(), json!({"status": "buffered"}));
        }
    };
    tokio::join!(client, sender);
    world.all_told().await;
    world.shutdown().await;
}

#[tokio::test]
async fn what_is_buffered_is_bounded_and_the_rest_is_refused() {
    let world = World::start().await;
    world.backend.on_connect(Act::ok().after(600));
    let url = world.url("/s");
    let client = async {
        let mut stream = SseClient::connect(&url, &[]).await;
        for number in 0..100 {
            assert_eq!(stream.next_event().await.data, number.to_string());
        }
    };
    let sender = async {
        let token = world.backend.wait_for("connect", 1).await[0].token();
        let send = |number: usize| json!({"token": token, "event": {"data": number.to_string()}});
        let sends: Vec<Value> = (0..101).map(send).collect();
        let answer = world
            .post(&json!({"sends": sends}).to_string())
            .await
            .json();
        let results = answer["results"].as_array().unwrap();
        assert!(
            results[..100]
                .iter()
                .all(|result| result["body"]["status"] == "buffered")
        );
        assert_eq!(results[100]["status"], 500);
        assert_eq!(results[100]["body"]["error"]["code"], "WRITE_FAILED");
    };
    tokio::join!(client, sender);
    world.all_told().await;
    world.shutdown().await;
}

#[tokio::test]
async fn a_buffered_close_ends_the_stream_after_all_before_it() {
    let world = World::start().await;
    world.backend.on_connect(Act::ok().after(300));
    let url = world.url("/s");
    let client = async {
        let mut stream = SseClient::connect(&url, &[]).await;
        let events = stream.read_to_end().await;
        assert_eq!(events.len(), 1, "{events:?}");
        assert!(!stream.cut_short());
        assert_eq!(stream.raw_bytes(), b"d\r\ndata: first\n\n\r\n0\r\n\r\n");
    };
    let sender = async {
        let token = world.backend.wait_for("connect", 1).await[0].token();
        let first = json!({"token": token, "event": {"data": "first"}});
        assert_eq!(world.post(&first.to_string()).await.status(), 200);
        assert_eq!(world.close(&token).await, 200);
        assert_eq!(world.close(&token).await, 404, "it is as good as closed");
    };
    tokio::join!(client, sender);
    let told = world.backend.wait_for("disconnect", 1).await;
    assert_eq!(told[0].json["reason"], "server_closed");
    world.all_told().await;
    world.shutdown().await;
}

#[tokio::test]
async fn an_answer_may_close_at_once() {
    let world = World::start().await;
    world.backend.on_connect(open_with(
        &json!({"event": {"name": "bye", "data": ""}, "close": true}),
    ));
    let mut stream = SseClient::connect(&world.url("/s"), &[]).await;
    stream.read_to_end().await;
    assert_eq!(
        stream.raw_bytes(),
        b"13\r\nevent: bye\ndata: \n\n\r\n0\r\n\r\n"
    );
    let told = world.backend.wait_for("disconnect", 1).await;
    assert_eq!(told[0].json["reason"], "server_closed");
    assert_eq!(
        told[0].json["request"],
        world.backend.calls_of("connect")[0].json["request"]
    );
    world.shutdown().await;
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_opens_the_stream_all_the_same() {
    let world = World::start().await;
    for body in [
        "",
        "no json",
        "[]",
        "null",
        "7",
        "{}",
        r#"{"event":7}"#,
        r#"{"event":{"name":"x"}}"#,
        r#"{"close":"yes"}"#,
    ] {
        world.backend.on_connect(Act::Say(200, body.to_owned()));
        let (mut stream, token) = world.stream("/s").await;
        world.send(&token, "after", body).await;
        assert_eq!(stream.next_event().await.event, "after", "{body}");
    }
    world.all_told().await;
    world.shutdown().await;
}

#[tokio::test]
async fn every_2xx_opens_the_stream() {
    let world = World::start().await;
    for status in [200, 201, 204, 299] {
        world.backend.on_connect(Act::status(status));
        let (stream, _) = world.stream("/s").await;
        drop(stream);
    }
    world.all_told().await;
    world.shutdown().await;
}

#[tokio::test]
async fn a_rejection_keeps_its_status_and_is_no_connect() {
    let world = World::start().await;
    for (status, told, code) in [
        (400, 400, "BACKEND_ERROR"),
        (401, 401, "BACKEND_AUTH_FAILED"),
        (403, 403, "BACKEND_FORBIDDEN"),
        (404, 404, "BACKEND_ERROR"),
        (429, 429, "BACKEND_ERROR"),
        (500, 500, "BACKEND_ERROR"),
        (503, 503, "BACKEND_ERROR"),
        (301, 502, "BACKEND_ERROR"),
        (304, 502, "BACKEND_ERROR"),
    ] {
        world.backend.on_connect(Act::status(status));
        let answer = world.get("/s").await;
        judge(&answer, told, code);
        let message = format!("Backend returned {status}");
        assert_eq!(answer.json()["error"]["message"], message);
    }
    world.holds(0).await;
    world.all_told().await;
    assert!(world.backend.calls_of("disconnect").is_empty());
    world.shutdown().await;
}

#[tokio::test]
async fn only_a_4xx_refuses_a_client_and_any_other_no_is_a_failure_of_the_backend() {
    let world = World::start().await;
    let counted = async || {
        let count = async |outcome| {
            let name = format!("gateway_connects_total{{outcome=\"{outcome}\"}}");
            world.metric(&name).await
        };
        (count("rejected").await, count("failed").await)
    };
    let mut so_far = counted().await;
    for (status, refuses) in [
        (301, false),
        (399, false),
        (400, true),
        (429, true),
        (499, true),
        (500, false),
        (503, false),
        (599, false),
    ] {
        world.backend.on_connect(Act::status(status));
        world.get("/s").await;
        let (rejected, failed) = so_far;
        so_far = if refuses {
            (rejected + 1.0, failed)
        } else {
            (rejected, failed + 1.0)
        };
        assert_eq!(counted().await, so_far, "{status}");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let world = World::start().await;
    let elsewhere = crate::backend::Backend::start().await;
    let header: String = format!("Location: http://{}/\r\n", elsewhere.address);
    world
        .backend
        .on_connect(Act::SayWith(307, header.leak(), String::new()));
    judge(&world.get("/s").await, 502, "BACKEND_ERROR");
    assert!(elsewhere.calls().is_empty());
    world.shutdown().await;
}

#[tokio::test]
async fn with_reject_mode_stream_a_browser_sees_why() {
    let world = World::with(|settings| settings.stream.reject_mode = RejectMode::Stream).await;
    for status in [400, 401, 403] {
        world.backend.on_connect(Act::status(status));
        let mut stream = SseClient::connect(&world.url("/s"), &[]).await;
        let event = stream.expect("rejected").await;
        let message = format!("Backend returned {status}");
        assert_eq!(event.json(), json!({"status": status, "message": message}));
        assert!(stream.read_to_end().await.is_empty());
        assert!(!stream.cut_short());
    }
    world.backend.on_connect(Act::status(500));
    judge(&world.get("/s").await, 500, "BACKEND_ERROR");
    assert!(world.backend.calls_of("disconnect").is_empty());
    world.shutdown().await;
}

#[tokio::test]
async fn without_a_backend_there_are_no_streams() {
    let world = World::with(|settings| settings.callback.callback_url = None).await;
    judge(&world.get("/s").await, 503, "SERVICE_NOT_CONFIGURED");
    let ready = world.get("/readyz").await;
    assert_eq!(ready.status(), 503);
    assert_eq!(
        ready.json(),
        json!({"status": "not_ready", "configured": false})
    );
    assert_eq!(world.get("/healthz").await.status(), 200);
    world.shutdown().await;
}

#[tokio::test]
async fn a_backend_that_refuses_connections_is_unavailable_and_told_nothing() {
    let gone = TcpStream::connect("127.0.0.1:9").await;
    assert!(gone.is_err(), "port 9 is nobody's");
    let world = World::with(|settings| {
        settings.callback.callback_url = Some("http://127.0.0.1:9/".to_owned().into());
    })
    .await;
    let answer = world.get("/s").await;
    judge(&answer, 503, "BACKEND_UNAVAILABLE");
    assert!(answer.header("retry-after").is_some());
    world.all_told().await;
    world.shutdown().await;
}

#[tokio::test]
async fn a_late_answer_is_a_504_and_its_connect_is_taken_back() {
    let world = World::with(|settings| {
        settings.callback.callback_timeout_ms = Some(Duration::from_millis(50));
    })
    .await;
    world.backend.on_connect(Act::ok().after(500));
    judge(&world.get("/s").await, 504, "GATEWAY_TIMEOUT");
    assert!(
        world.backend.calls_of("disconnect").is_empty(),
        "the connect is not settled"
    );
    let told = world.backend.wait_for("disconnect", 1).await;
    assert_eq!(told[0].json["reason"], "error");
    let connect = &world.backend.calls_of("connect")[0];
    assert!(
        connect.answered_at.unwrap() < told[0].at,
        "after the connect has settled"
    );
    assert_eq!(connect.token(), told[0].token());
    world.shutdown().await;
}

#[tokio::test]
async fn a_late_rejection_is_a_504_without_a_disconnect() {
    let world = World::with(|settings| {
        settings.callback.callback_timeout_ms = Some(Duration::from_millis(50));
    })
    .await;
    world.backend.on_connect(Act::status(403).after(300));
    judge(&world.get("/s").await, 504, "GATEWAY_TIMEOUT");
    world.all_told().await;
    assert!(world.backend.calls_of("disconnect").is_empty());
    world.shutdown().await;
}

#[tokio::test]
async fn a_connect_that_is_never_answered_is_taken_back_after_the_settle_time() {
    let world = World::with(|settings| {
        settings.callback.callback_timeout_ms = Some(Duration::from_millis(30));
        settings.callback.callback_settle_ms = Some(Duration::from_millis(200));
    })
    .await;
    world.backend.on_connect(Act::Hang);
    judge(&world.get("/s").await, 504, "GATEWAY_TIMEOUT");
    world.backend.wait_for("disconnect", 1).await;
    world.all_told().await;
    assert_eq!(world.backend.calls_of("disconnect").len(), 1);
    world.shutdown().await;
}

#[tokio::test]
async fn a_client_that_leaves_early_is_told_once_its_connect_has_settled() {
    let world = World::start().await;
    world.backend.on_connect(Act::ok().after(300));
    let mut client = TcpStream::connect(world.address).await.unwrap();
    client
        .write_all(b"GET /s HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let token = world.backend.wait_for("connect", 1).await[0].token();
    drop(client);
    world.holds(0).await;
    let answer = world
        .post(&json!({"token": token, "event": {"data": "late"}}).to_string())
        .await;
    judge(&answer, 404, "TOKEN_NOT_FOUND");
    let told = world.backend.wait_for("disconnect", 1).await;
    assert_eq!(told[0].json["reason"], "client_closed");
    assert!(world.backend.calls_of("connect")[0].answered_at.unwrap() < told[0].at);
    world.shutdown().await;
}

#[tokio::test]
async fn envelopes_are_opened_with_ready_and_wrap_named_events() {
    let world = World::with(|settings| settings.stream.event_format = EventFormat::Envelope).await;
    world.backend.on_connect(open_with(
        &json!({"event": {"name": "hi", "data": "{\"a\": 1}"}}),
    ));
    let (mut stream, token) = world.stream("/s").await;
    let ready = stream.expect("ready").await;
    assert_eq!(ready.data, "");
    let raw = String::from_utf8(stream.raw_bytes().to_vec()).unwrap();
    assert!(raw.contains("event: ready\ndata:\n\n"), "{raw}");
    let first = stream.expect("message").await;
    assert_eq!(first.data, r#"{"type":"hi","payload":{"a": 1}}"#);
    for (name, data, wanted) in [
        ("t", "[1,\r\n2,\n3]", r#"{"type":"t","payload":[1,2,3]}"#),
        ("t", "", r#"{"type":"t","payload":""}"#),
        ("t", "{broken", r#"{"type":"t","payload":"{broken"}"#),
        ("t", "two\nlines", r#"{"type":"t","payload":"two\nlines"}"#),
        (
            "t",
            "12345678901234567890.10",
            r#"{"type":"t","payload":12345678901234567890.10}"#,
        ),
        ("ready", "1", r#"{"type":"ready","payload":1}"#),
        ("rejected", "", r#"{"type":"rejected","payload":""}"#),
        (
            "\"quoted\"",
            "null",
            r#"{"type":"\"quoted\"","payload":null}"#,
        ),
    ] {
        world.send(&token, name, data).await;
        assert_eq!(stream.expect("message").await.data, wanted);
    }
    let unnamed = json!({"token": token, "event": {"data": "plain"}});
    world.post(&unnamed.to_string()).await;
    assert_eq!(stream.expect("message").await.data, "plain");
    drop(stream);
    world.all_told().await;
    world.shutdown().await;
}

#[tokio::test]
async fn heartbeats_come_while_nothing_else_does() {
    let world = World::with(|settings| {
        settings.stream.heartbeat_interval_seconds = Duration::from_millis(100);
    })
    .await;
    let (mut stream, token) = world.stream("/s").await;
    while stream.raw_bytes().len() < 3 * 18 {
        stream.read_some(1024).await;
    }
    assert!(
        stream
            .raw_bytes()
            .starts_with(b"d\r\n: heartbeat\n\n\r\nd\r\n: heartbeat\n\n\r\n")
    );
    world.send(&token, "x", "1").await;
    stream.expect("x").await;
    drop(stream);
    world.all_told().await;
    world.shutdown().await;
}

#[tokio::test]
async fn a_client_of_http_1_0_gets_plain_bytes_until_the_end() {
    let world = World::start().await;
    world
        .backend
        .on_connect(open_with(&json!({"event": {"data": "x"}, "close": true})));
    let mut client = TcpStream::connect(world.address).await.unwrap();
    client.write_all(b"GET /s HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("\r\n\r\ndata: x\n\n"), "{answer}");
    assert!(!answer.to_lowercase().contains("chunked"), "{answer}");
    world.all_told().await;
    world.shutdown().await;
}

#[tokio::test]
async fn all_places_taken_is_a_503_and_a_place_is_free_again_at_once() {
    let world = World::with(|settings| settings.stream.max_connections = 2).await;
    assert!((world.metric("gateway_connections_max").await - 2.0).abs() < 0.1);
    let (_one, _) = world.stream("/1").await;
    let (two, _) = world.stream("/2").await;
    let answer = http_get(&world.url("/3"), &[]).await;
    judge(&answer, 503, "TOO_MANY_CONNECTIONS");
    assert!(answer.header("retry-after").is_some());
    drop(two);
    world.holds(1).await;
    let (_three, _) = world.stream("/3").await;
    world.stop().await;
}
