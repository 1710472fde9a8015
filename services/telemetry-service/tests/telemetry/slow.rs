//! A client that reads slowly, or not at all, costs the others nothing and itself what it does not read.

use std::time::Duration;

use serde_json::{Value, json};
use test_kit::{PATIENCE, WsClient, wait_until};

use crate::world::{World, subscribe, token_of};

/// Readings of a slow afternoon.
const LAST: i64 = 60;

/// Some KiB of metrics.
fn heavy(seq: i64) -> Value {
    json!({"seq": seq, "text": "x".repeat(30_000)})
}

#[tokio::test]
async fn a_socket_that_does_not_read_is_let_go_of_and_nobody_else_notices() {
    let world = World::with(|settings| {
        settings.socket.write_deadline_seconds = Duration::from_secs(4);
        settings.socket.stream_sndbuf_bytes = 4096;
        settings.feed.ws_hint_ms = Duration::from_millis(1);
    })
    .await;
    world.hears().await;
    let url = world.ws_url(&format!("?token={}", token_of("a")));
    let mut stalled = WsClient::connect_narrow(&url, &[], 1024).await;
    stalled.send(&subscribe("dev-0001")).await;
    let mut good = world.socket("a").await;
    good.asked(&subscribe("dev-0001")).await;
    let mut seq = 0;
    let gone = "telemetry_sockets_closed_total{code=\"slow\"}";
    wait_until(
        "the one that reads nothing is let go of",
        PATIENCE,
        async || {
            seq += 1;
            world.reading("a", "dev-0001", seq, heavy(seq)).await;
            let next = good
                .json_like("the newest reading", |it| it["data"]["seq"] == seq)
                .await;
            assert_eq!(next["data"]["metrics"]["seq"], seq);
            world.count(gone).await == 1
        },
    )
    .await;
    world.sockets_are(1).await;
    good.leave().await;
    drop(stalled);
    world.shutdown().await;
}

#[tokio::test]
async fn a_slow_reader_gets_less_and_ends_with_the_newest() {
    let world = World::with(|settings| {
        settings.socket.stream_sndbuf_bytes = 4096;
        settings.feed.ws_hint_ms = Duration::from_millis(1);
    })
    .await;
    world.hears().await;
    let url = world.ws_url(&format!("?token={}", token_of("a")));
    let mut slow = WsClient::connect_narrow(&url, &[], 1024).await;
    slow.asked(&subscribe("dev-0001")).await;
    let mut witness = world.socket("a").await;
    witness.asked(&subscribe("dev-0001")).await;
    for seq in 1..=LAST {
        world.reading("a", "dev-0001", seq, heavy(seq)).await;
        witness
            .json_like("the newest reading", |it| it["data"]["seq"] == seq)
            .await;
    }
    let mut got = Vec::new();
    while got.last() != Some(&LAST) {
        got.push(
            slow.json_of("telemetry").await["data"]["seq"]
                .as_i64()
                .unwrap(),
        );
    }
    assert!(got.is_sorted(), "never back: {got:?}");
    assert!(
        got.len() < usize::try_from(LAST).unwrap() / 2,
        "{} of {LAST} were kept for it",
        got.len()
    );
    slow.leave().await;
    witness.leave().await;
    world.shutdown().await;
}

#[tokio::test]
async fn whoever_asks_without_reading_the_answers_is_not_heard_any_more() {
    let world = World::with(|settings| {
        settings.socket.write_deadline_seconds = Duration::from_secs(4);
        settings.socket.stream_sndbuf_bytes = 4096;
    })
    .await;
    let url = world.ws_url(&format!("?token={}", token_of("a")));
    let mut flood = WsClient::connect_narrow(&url, &[], 1024).await;
    // Pings with a payload are answered in full: the server must not pile the answers up.
    let sending = async { while flood.try_send_frame(0x89, &[b'x'; 125]).await.is_ok() {} };
    let sent = tokio::time::timeout(PATIENCE * 2, sending).await;
    assert!(sent.is_ok(), "the server hangs up");
    world
        .count_reaches("telemetry_sockets_closed_total{code=\"slow\"}", 1)
        .await;
    world.shutdown().await;
}
