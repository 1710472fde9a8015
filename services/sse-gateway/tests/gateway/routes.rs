//! The table of routes.

use serde_json::json;
use test_kit::http_request;

use crate::world::{World, judge};

#[tokio::test]
async fn probes_answer_as_the_contract_says() {
    let world = World::start().await;
    let health = world.get("/healthz").await;
    assert_eq!(
        (health.status(), health.json()),
        (200, json!({"status": "ok"}))
    );
    assert_eq!(health.header("content-type"), Some("application/json"));
    let ready = world.get("/readyz?x=1").await;
    assert_eq!(ready.status(), 200);
    assert_eq!(ready.json(), json!({"status": "ready", "configured": true}));
    world.shutdown().await;
}

#[tokio::test]
async fn every_answer_has_a_date_and_the_identity_of_its_request() {
    let world = World::start().await;
    for path in ["/healthz", "/stream", "/internal/send"] {
        let ask = async |id: &str| {
            let headers = [("x-request-id", id)];
            if path == "/stream" {
                let stream = test_kit::SseClient::connect(&world.url(path), &headers).await;
                stream.head().clone()
            } else {
                http_request("GET", &world.url(path), &headers, b"")
                    .await
                    .head
            }
        };
        assert_eq!(ask("mine-7").await.header("x-request-id"), Some("mine-7"));
        let head = ask("not sane").await;
        let fresh = head.header("x-request-id").unwrap();
        assert!(!fresh.is_empty() && fresh != "not sane");
        assert!(head.header("date").unwrap().ends_with(" GMT"), "{path}");
    }
    world.all_told().await;
    world.shutdown().await;
}

#[tokio::test]
async fn every_other_path_is_a_stream_and_nothing_else_is() {
    let world = World::start().await;
    for path in [
        "/",
        "/a/b",
        "/favicon.ico",
        "/healthz/",
        "/internal/sends",
        "/internal",
        "/?x",
    ] {
        let (stream, _) = world.stream(path).await;
        drop(stream);
    }
    for (method, path, status, code) in [
        ("HEAD", "/s", 405, "METHOD_NOT_ALLOWED"),
        ("HEAD", "/favicon.ico", 405, "METHOD_NOT_ALLOWED"),
        ("HEAD", "/internal/send", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/internal/send", 405, "METHOD_NOT_ALLOWED"),
        ("PUT", "/internal/send", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/internal/connections", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/healthz", 405, "METHOD_NOT_ALLOWED"),
        ("DELETE", "/readyz", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/s", 404, "NOT_FOUND"),
        ("DELETE", "/s", 404, "NOT_FOUND"),
        ("BREW", "/s", 404, "NOT_FOUND"),
    ] {
        let answer = http_request(method, &world.url(path), &[], b"").await;
        if method == "HEAD" {
            assert_eq!(answer.status(), status, "{path}");
        } else {
            judge(&answer, status, code);
        }
        assert_eq!(
            answer.header("allow").is_some(),
            status == 405,
            "{method} {path}"
        );
    }
    world.all_told().await;
    world.shutdown().await;
}

#[tokio::test]
async fn any_page_may_ask_before_it_asks() {
    let world = World::start().await;
    for path in ["/", "/s?x", "/internal/send", "/healthz", "/nowhere"] {
        let answer = http_request("OPTIONS", &world.url(path), &[], b"").await;
        assert_eq!((answer.status(), answer.body.len()), (204, 0), "{path}");
        for (name, value) in [
            ("access-control-allow-origin", "*"),
            ("access-control-allow-methods", "GET, POST, OPTIONS"),
            (
                "access-control-allow-headers",
                "Content-Type, Cache-Control, Last-Event-ID",
            ),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
    }
    assert!(world.backend.calls().is_empty());
    world.shutdown().await;
}
