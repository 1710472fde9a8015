//! The ops listener over a real socket.

use std::{net::TcpListener, process::ExitCode, sync::Arc};

use bytes::Bytes;
use serde_json::json;
use service_kit::{clock::Clock, lifecycle::Lifecycle, metrics::Metrics, ops};
use test_kit::{http_get, http_request};
use tokio::sync::oneshot;

fn start(life: &Lifecycle) -> (ops::Ops, String) {
    start_with(life, None)
}

fn start_with(life: &Lifecycle, openapi: Option<Bytes>) -> (ops::Ops, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let metrics = Metrics::new("kit", "1.2.3", "abc").unwrap();
    metrics
        .counter("kit_things_total", "Things.")
        .unwrap()
        .inc();
    let status = Arc::new(|| json!({"streams": 3}));
    let told = ops::Told {
        metrics,
        pulse: life.pulse(),
        readiness: life.readiness(),
        status,
        openapi,
    };
    let ops = ops::spawn(listener, told).unwrap();
    let url = format!("http://{}", ops.address());
    (ops, url)
}

#[tokio::test]
async fn metrics_and_status_are_served() {
    let life = Lifecycle::new(Clock::system());
    let (ops, url) = start(&life);
    let answer = http_get(&format!("{url}/metrics"), &[]).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; version=0.0.4")
    );
    assert!(answer.text().contains("\nkit_things_total 1\n"));
    let answer = http_get(&format!("{url}/status"), &[]).await;
    assert_eq!(answer.json(), json!({"streams": 3}));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    ops.stop().await;
}

#[tokio::test]
async fn a_document_is_served_as_it_stands_and_without_one_there_is_no_such_path() {
    let life = Lifecycle::new(Clock::system());
    let (ops, url) = start(&life);
    let answer = http_get(&format!("{url}/openapi.json"), &[]).await;
    assert_eq!(answer.status(), 404);
    ops.stop().await;

    let document = Bytes::from_static(b"{\n  \"openapi\": \"3.1.0\"\n}\n");
    let (ops, url) = start_with(&life, Some(document.clone()));
    let answer = http_get(&format!("{url}/openapi.json"), &[]).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!((answer.status(), answer.body), (200, document.to_vec()));
    let head = http_request("HEAD", &format!("{url}/openapi.json"), &[], b"").await;
    assert_eq!((head.status(), head.body), (200, Vec::new()));
    ops.stop().await;
}

#[tokio::test]
async fn ready_follows_the_latches_and_the_shutdown_and_live_does_not() {
    let life = Lifecycle::new(Clock::system());
    let latch = life.readiness().latch("schema");
    let (ops, url) = start(&life);
    let (ready, alive) = (format!("{url}/health/ready"), format!("{url}/health/live"));
    let answer = http_get(&ready, &[]).await;
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.json()["status"], "not_ready");
    assert_eq!(answer.json()["checks"]["schema"]["detail"], "starting");
    assert_eq!(http_get(&alive, &[]).await.status(), 200);

    latch.ready();
    assert_eq!(http_get(&ready, &[]).await.status(), 200);

    let (release, released) = oneshot::channel::<()>();
    life.tasks().spawn_tracked("stream", async {
        let _ = released.await;
    });
    life.trigger();
    let settings = crate::lifecycle::quick();
    let (code, ()) = tokio::join!(life.run_until_stopped(&settings), async {
        life.stopping().cancelled().await;
        let answer = http_get(&ready, &[]).await;
        assert_eq!(answer.status(), 503, "while draining");
        assert_eq!(answer.json()["checks"]["schema"]["status"], "ready");
        assert_eq!(answer.json()["checks"]["shutdown"]["status"], "not_ready");
        assert_eq!(http_get(&alive, &[]).await.status(), 200);
        release.send(()).unwrap();
    });
    assert_eq!(code, ExitCode::SUCCESS);
    ops.stop().await;
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let life = Lifecycle::new(Clock::system());
    let (ops, url) = start(&life);
    let answer = http_get(&format!("{url}/nothing"), &[("x-request-id", "abc.1")]).await;
    assert_eq!(answer.status(), 404);
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(answer.header("x-request-id"), Some("abc.1"));
    assert_eq!(answer.json()["code"], "not_found");
    assert_eq!(answer.json()["request_id"], "abc.1");

    let answer = http_request("DELETE", &format!("{url}/status"), &[], b"").await;
    assert_eq!(answer.status(), 405);
    assert_eq!(answer.header("allow"), Some("GET, HEAD"));
    assert_eq!(answer.json()["code"], "method_not_allowed");

    let answer = http_request("HEAD", &format!("{url}/health/live"), &[], b"").await;
    assert_eq!(answer.status(), 200);
    ops.stop().await;
}

#[tokio::test]
async fn a_stopped_listener_refuses_connections() {
    let life = Lifecycle::new(Clock::system());
    let (ops, _) = start(&life);
    let address = ops.address();
    ops.stop().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
