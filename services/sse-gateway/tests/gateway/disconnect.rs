//! How the backend hears of an end: once, for sure, and in its time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use test_kit::SseClient;

use crate::backend::Act;
use crate::world::{World, judge};

#[tokio::test]
async fn a_client_that_leaves_is_told_with_the_request_of_its_connect() {
    let world = World::start().await;
    let (stream, token) = world.stream("/s?x=1").await;
    drop(stream);
    let told = world.backend.wait_for("disconnect", 1).await.remove(0);
    let connect = world.backend.calls_of("connect").remove(0);
    assert_eq!(told.json["reason"], "client_closed");
    assert_eq!(told.token(), token);
    assert_eq!(told.json["request"], connect.json["request"]);
    assert_eq!(told.json["instance"], connect.json["instance"]);
    assert!(told.json["disconnect_id"].is_string());
    world.holds(0).await;
    let answer = world
        .post(&json!({"token": token, "event": {"data": ""}}).to_string())
        .await;
    judge(&answer, 404, "TOKEN_NOT_FOUND");
    world.shutdown().await;
}

#[tokio::test]
async fn a_close_is_answered_and_seen_before_the_backend_takes_the_disconnect() {
    let world = World::start().await;
    let (mut stream, token) = world.stream("/s").await;
    world.backend.on_disconnect(|| Act::Hang);
    assert_eq!(world.close(&token).await, 200);
    assert!(stream.next_or_end().await.is_none());
    assert!(!stream.cut_short());
    world.backend.wait_for("disconnect", 1).await;
    assert_eq!(
        world.backend.calls_of("disconnect")[0].status,
        None,
        "nobody waited for it"
    );
    world.lifecycle.trigger();
    world.lifecycle.trigger();
    world.stop().await;
}

#[tokio::test]
async fn an_event_and_a_close_in_one_send_arrive_in_this_order() {
    let world = World::start().await;
    let (mut stream, token) = world.stream("/s").await;
    let body = json!({"token": token, "event": {"name": "last", "data": "1"}, "close": true});
    assert_eq!(world.post(&body.to_string()).await.status(), 200);
    let events = stream.read_to_end().await;
    assert_eq!((events.len(), events[0].event.as_str()), (1, "last"));
    assert!(!stream.cut_short());
    world.all_told().await;
    assert_eq!(world.backend.calls_of("disconnect").len(), 1);
    world.shutdown().await;
}

#[tokio::test]
async fn a_disconnect_that_nobody_takes_is_told_again_under_the_same_id() {
    let world = World::with(|settings| {
        settings.callback.callback_timeout_ms = Some(Duration::from_millis(100));
    })
    .await;
    let (stream, _) = world.stream("/s").await;
    let tries = AtomicUsize::new(0);
    world
        .backend
        .on_disconnect(move || match tries.fetch_add(1, Ordering::Relaxed) {
            0 => Act::status(500),
            1 => Act::Cut,
            2 => Act::Garbage("nonsense\r\n\r\n"),
            3 => Act::Hang,
            4 => Act::status(302),
            _ => Act::ok(),
        });
    drop(stream);
    world.backend.wait_for("disconnect", 6).await;
    world.all_told().await;
    let told = world.backend.calls_of("disconnect");
    assert_eq!(told.len(), 6, "the first 2xx ends it");
    for call in &told {
        assert_eq!(call.json, told[0].json);
    }
    assert!((world.metric("gateway_callback_retries_total").await - 5.0).abs() < 0.5);
    world.shutdown().await;
}

#[tokio::test]
async fn a_4xx_ends_the_attempts() {
    let world = World::start().await;
    let (stream, _) = world.stream("/s").await;
    world.backend.on_disconnect(|| Act::status(404));
    drop(stream);
    world.backend.wait_for("disconnect", 1).await;
    world.all_told().await;
    assert_eq!(world.backend.calls_of("disconnect").len(), 1);
    world.shutdown().await;
}

#[tokio::test]
async fn a_backend_that_never_takes_it_is_given_up_and_counted() {
    let world = World::with(|settings| {
        settings.callback.callback_retry_seconds = Duration::from_millis(200);
    })
    .await;
    let (stream, _) = world.stream("/s").await;
    world.backend.on_disconnect(|| Act::status(500));
    drop(stream);
    world.backend.wait_for("disconnect", 2).await;
    world.all_told().await;
    let undelivered = world.metric("gateway_disconnects_undelivered_total").await;
    assert!((undelivered - 1.0).abs() < 0.1);
    world.shutdown().await;
}

#[tokio::test]
async fn a_stream_without_an_answer_from_a_backend_that_hung_up_is_taken_back() {
    let world = World::start().await;
    for act in [
        Act::Cut,
        Act::Garbage("HTTP/9.9 what\r\n\r\n"),
        Act::Garbage("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"),
    ] {
        let known = world.backend.calls_of("disconnect").len();
        world.backend.on_connect(act);
        judge(&world.get("/s").await, 503, "BACKEND_UNAVAILABLE");
        let told = world.backend.wait_for("disconnect", known + 1).await;
        assert_eq!(told[known].json["reason"], "error");
    }
    world.all_told().await;
    assert_eq!(world.backend.calls_of("disconnect").len(), 3);
    world.shutdown().await;
}

#[tokio::test]
async fn one_backend_that_is_slow_to_take_a_disconnect_holds_up_nobody_else() {
    let world = World::start().await;
    let (slow, _) = world.stream("/slow").await;
    let (mut other, token) = world.stream("/other").await;
    world.backend.script(|call| {
        if call.is("disconnect") && call.url() == "/slow" {
            Act::ok().after(500)
        } else {
            Act::ok()
        }
    });
    drop(slow);
    world.backend.wait_for("disconnect", 1).await;
    world.send(&token, "x", "1").await;
    other.expect("x").await;
    let third = SseClient::connect(&world.url("/third"), &[]).await;
    drop((other, third));
    world.all_told().await;
    assert_eq!(world.backend.calls_of("disconnect").len(), 3);
    world.shutdown().await;
}
