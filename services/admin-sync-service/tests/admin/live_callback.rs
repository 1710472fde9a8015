//! The gateway's way in: its secret, and the exact answer to everything that is no callback.

use serde_json::{Value, json};
use test_kit::{Answer, Database, ServiceProcess, http_request};

use crate::live::SECRET;
use crate::world::World;

async fn guarded() -> World {
    World::with(|settings| {
        settings.stream.sse_callback_secret = Some(SECRET.to_owned().into());
    })
    .await
}

async fn call(world: &World, query: &str, body: &str) -> Answer {
    let url = world.url(&format!("/api/sse/callback{query}"));
    let headers = [("content-type", "application/json")];
    http_request("POST", &url, &headers, body.as_bytes()).await
}

fn connect(token: &str, url: &str) -> String {
    let request = json!({"url": url, "headers": {"accept": "*/*", "set-cookie": ["a", "b"]}});
    json!({"action": "connect", "token": token, "request": request}).to_string()
}

#[tokio::test]
async fn a_callback_without_the_secret_or_with_another_is_refused() {
    let world = guarded().await;
    let body = connect("t", "/api/sse/tasks?task_id=1");
    let refused = (401, json!({"error": "Unauthorized"}));
    for query in [
        "",
        "?secret=",
        "?secret=s3cret",
        "?secret=s3cret-of-gateway2",
        "?Secret=s3cret-of-gateway",
    ] {
        let answer = call(&world, query, &body).await;
        assert_eq!((answer.status(), answer.json()), refused, "{query}");
        let answer = call(&world, query, "garbage").await;
        assert_eq!((answer.status(), answer.json()), refused, "{query}");
    }
    let answer = call(&world, "?x=1&secret=s3cret%2Dof-gateway", &body).await;
    assert_eq!(answer.status(), 200);
    world.shutdown().await;
}

#[tokio::test]
async fn without_a_secret_a_gateway_on_this_machine_needs_none() {
    let world = World::start().await;
    for query in ["", "?secret=whatever"] {
        let answer = call(&world, query, &connect("t", "/api/sse/tasks?task_id=1")).await;
        assert_eq!(answer.status(), 200);
    }
    world.shutdown().await;
}

#[tokio::test]
async fn without_a_secret_a_gateway_elsewhere_stops_the_start() {
    let database = Database::fresh().await;
    let url = database.admin_url();
    for (gateway, secret, code) in [
        ("http://gateway:3000", "", 2),
        ("http://192.0.2.1:3000", "", 2),
        ("http://localhost.example.org", "", 2),
        ("http://gateway:3000", "s", 0),
        ("http://localhost:3000", "", 0),
        ("http://127.8.9.1:3000", "", 0),
        ("http://[::1]:3000", "", 0),
    ] {
        let environment = [
            ("DATABASE_URL", url.as_str()),
            ("ADMIN_AUTH", "off"),
            ("SSE_GATEWAY_URL", gateway),
            ("SSE_CALLBACK_SECRET", secret),
        ];
        let mut service =
            ServiceProcess::spawn_with("admin-sync-service", &["--check-config"], &environment);
        assert_eq!(
            service.wait_exit().await,
            Some(code),
            "{gateway}: {}",
            service.output()
        );
    }
}

#[tokio::test]
async fn connect_and_disconnect_are_answered_to_the_letter() {
    let world = guarded().await;
    let query = format!("?secret={SECRET}");
    let connected = call(&world, &query, &connect("t-1", "/api/sse/tasks?task_id=1")).await;
    assert_eq!(
        (connected.status(), connected.text()),
        (
            200,
            r#"{"event":{"data":"{\"status\": \"connected\"}","name":"connection_open"}}"#
        )
    );
    for token in ["t-1", "t-1", "never-seen"] {
        let body = json!({"action": "disconnect", "reason": "client_closed", "token": token,
                          "disconnect_id": "d", "request": {"url": "/", "headers": {}}});
        let answer = call(&world, &query, &body.to_string()).await;
        assert_eq!((answer.status(), answer.text()), (200, "{}"));
    }
    let late = call(&world, &query, &connect("t-1", "/api/sse/tasks?task_id=1")).await;
    assert_eq!(
        (late.status(), late.json()),
        (409, json!({"error": "The client has disconnected"}))
    );
    world.shutdown().await;
}

#[tokio::test]
async fn everything_else_is_400_and_says_why() {
    let world = World::start().await;
    let invalid = |details: &str| json!({"error": "Invalid payload", "details": [details]});
    let no_token = "token must be a string of 1 to 256 bytes";
    let error = |text: &str| json!({ "error": text });
    let cases: Vec<(String, Value)> = vec![
        (String::new(), error("Missing JSON body")),
        (" \n".to_owned(), error("Missing JSON body")),
        ("null".to_owned(), error("Missing JSON body")),
        ("{".to_owned(), error("Invalid JSON")),
        ("\u{feff}{}".to_owned(), error("Invalid JSON")),
        ("[]".to_owned(), invalid("body must be an object")),
        (
            "{}".to_owned(),
            invalid("action must be connect or disconnect"),
        ),
        (
            r#"{"action":1}"#.to_owned(),
            invalid("action must be connect or disconnect"),
        ),
        (
            r#"{"action":"dance"}"#.to_owned(),
            error("Unknown action: dance"),
        ),
        (r#"{"action":"connect"}"#.to_owned(), invalid(no_token)),
        (
            r#"{"action":"connect","token":""}"#.to_owned(),
            invalid(no_token),
        ),
        (
            r#"{"action":"disconnect","token":7}"#.to_owned(),
            invalid(no_token),
        ),
        (
            r#"{"action":"connect","token":"t"}"#.to_owned(),
            invalid("request.url must be a string"),
        ),
        (
            r#"{"action":"connect","token":"t","request":{"url":1}}"#.to_owned(),
            invalid("request.url must be a string"),
        ),
        (
            connect("t", "/elsewhere"),
            error("Cannot route URL: /elsewhere"),
        ),
        (
            connect("t", "/api/sse/tasks"),
            error("Cannot route URL: /api/sse/tasks"),
        ),
        (
            connect("t", "/api/sse/tasks?task_id=a:b"),
            error("Cannot route URL: /api/sse/tasks?task_id=a:b"),
        ),
        (
            connect("t", "/api/sse/utils/version?request_id="),
            error("Cannot route URL: /api/sse/utils/version?request_id="),
        ),
    ];
    for (body, told) in cases {
        let answer = call(&world, "", &body).await;
        assert_eq!((answer.status(), answer.json()), (400, told), "{body}");
    }
    let large = call(&world, "", &" ".repeat(1024 * 1024 + 1)).await;
    assert_eq!(
        (large.status(), large.json()),
        (413, json!({"error": "Payload too large"}))
    );
    let get = http_request("GET", &world.url("/api/sse/callback"), &[], b"").await;
    assert_eq!((get.status(), get.header("allow")), (405, Some("POST")));
    world.shutdown().await;
}

#[tokio::test]
async fn the_hundred_and_first_viewer_of_a_task_is_refused() {
    let world = World::start().await;
    let url = "/api/sse/tasks?task_id=5b0c1c43-6d4a-4d22-9b1e-000000000000";
    for number in 0..100 {
        let answer = call(&world, "", &connect(&format!("t-{number}"), url)).await;
        assert_eq!(answer.status(), 200);
    }
    let answer = call(&world, "", &connect("one-more", url)).await;
    assert_eq!(
        (answer.status(), answer.json()),
        (503, json!({"error": "Too many viewers"}))
    );
    world.shutdown().await;
}
