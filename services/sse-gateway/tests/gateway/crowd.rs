//! Many at once, and one that takes nothing.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use test_kit::{PATIENCE, SseClient, wait_until};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

use crate::backend::Call;
use crate::world::World;

const CROWD: usize = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_connects_at_once_all_open_and_each_gets_its_own() {
    test_kit::raise_fd_limit();
    let world = World::start().await;
    let mut opening = JoinSet::new();
    for number in 0..CROWD {
        let url = world.url(&format!("/{number}"));
        opening.spawn(async move { (number, SseClient::connect(&url, &[]).await) });
    }
    let clients = opening.join_all().await;
    let connects = world.backend.calls_of("connect");
    let tokens: BTreeSet<String> = connects.iter().map(Call::token).collect();
    assert_eq!((connects.len(), tokens.len()), (CROWD, CROWD));
    let sends: Vec<Value> = connects
        .iter()
        .map(|call| json!({"token": call.token(), "event": {"data": call.url()}}))
        .collect();
    let answer = world
        .post(&json!({"sends": sends}).to_string())
        .await
        .json();
    let results = answer["results"].as_array().unwrap();
    assert!(results.iter().all(|result| result["status"] == 200));
    for (number, mut client) in clients {
        assert_eq!(client.next_event().await.data, format!("/{number}"));
    }
    world.all_told().await;
    let gone: BTreeSet<String> = world
        .backend
        .calls_of("disconnect")
        .iter()
        .map(Call::token)
        .collect();
    assert_eq!(gone, tokens);
    world.shutdown().await;
}

#[tokio::test]
async fn a_reader_that_never_reads_is_disconnected_when_its_buffer_is_full() {
    let world = World::with(|settings| settings.stream.send_buffer_bytes = 256 * 1024).await;
    let stalled = SseClient::connect_narrow(&world.url("/stalled"), &[], 4096).await;
    let token = world.backend.calls_of("connect")[0].token();
    let (mut fine, fine_token) = world.stream("/fine").await;
    let body = json!({"token": token, "event": {"data": "x".repeat(64 * 1024)}}).to_string();
    let mut sent = 0;
    let last = loop {
        let answer = world.post(&body).await;
        if answer.status() != 200 {
            break answer;
        }
        sent += 1;
        assert!(sent < 100, "somebody hoards");
    };
    crate::world::judge(&last, 500, "WRITE_FAILED");
    crate::world::judge(&world.post(&body).await, 404, "TOKEN_NOT_FOUND");
    let told = world.backend.wait_for("disconnect", 1).await;
    assert_eq!(
        (told[0].token(), &told[0].json["reason"]),
        (token, &json!("error"))
    );
    assert!((world.metric("gateway_slow_readers_total").await - 1.0).abs() < 0.1);
    world.send(&fine_token, "x", "still here").await;
    assert_eq!(fine.next_event().await.data, "still here");
    wait_until("nothing is kept for it", PATIENCE, async || {
        world.metric("gateway_buffered_bytes").await.abs() < 0.5
    })
    .await;
    drop((stalled, fine));
    world.all_told().await;
    world.shutdown().await;
}

#[tokio::test]
async fn a_reader_that_never_reads_cannot_hoard_small_events() {
    let world = World::with(|settings| settings.stream.send_buffer_bytes = 64 * 1024).await;
    let stalled = SseClient::connect_narrow(&world.url("/stalled"), &[], 4096).await;
    let token = world.backend.calls_of("connect")[0].token();
    let large = json!({"token": token, "event": {"data": "x".repeat(32 * 1024)}}).to_string();
    let small = json!({"sends": vec![json!({"token": token, "event": {"data": ""}}); 1_000]});
    // Until the sockets are full.
    while world.metric("gateway_buffered_bytes").await < 1.0 {
        assert_eq!(world.post(&large).await.status(), 200);
    }
    let answer = world.post(&small.to_string()).await.json();
    let results = answer["results"].as_array().unwrap();
    let kept = results.iter().filter(|result| result["status"] == 200);
    let kept = kept.count();
    assert!(
        kept < 64 * 1024 / 96,
        "{kept} events of a few bytes are kept"
    );
    world.backend.wait_for("disconnect", 1).await;
    drop(stalled);
    world.all_told().await;
    world.shutdown().await;
}

#[tokio::test]
async fn a_reader_that_is_slow_gets_every_byte_in_order() {
    let world = World::start().await;
    let mut slow = SseClient::connect_narrow(&world.url("/slow"), &[], 4096).await;
    let token = world.backend.calls_of("connect")[0].token();
    for number in 0..12 {
        let data = format!("{number}:{}", "x".repeat(64 * 1024));
        world.send(&token, "n", &data).await;
    }
    assert!(world.metric("gateway_buffered_bytes").await > 0.0);
    assert_eq!(world.close(&token).await, 200);
    let events = slow.read_to_end().await;
    assert!(!slow.cut_short());
    let numbers: Vec<&str> = events
        .iter()
        .map(|event| event.data.split_once(':').unwrap().0)
        .collect();
    assert_eq!(
        numbers,
        ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"]
    );
    world.all_told().await;
    world.shutdown().await;
}

#[tokio::test]
async fn sends_on_one_connection_arrive_in_their_order() {
    let world = World::start().await;
    let (mut stream, token) = world.stream("/s").await;
    let mut text = Vec::new();
    for number in 0..500 {
        let body = json!({"token": token, "event": {"data": number.to_string()}}).to_string();
        let length = body.len();
        text.extend_from_slice(
            format!(
                "POST /internal/send HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}"
            )
            .as_bytes(),
        );
    }
    let mut pipe = tokio::net::TcpStream::connect(world.internal)
        .await
        .unwrap();
    let (mut read, mut write) = pipe.split();
    let answers = async {
        let mut all = Vec::new();
        while all
            .windows(15)
            .filter(|part| part == br#"{"status":"ok"}"#)
            .count()
            < 500
        {
            assert!(read.read_buf(&mut all).await.unwrap() > 0);
        }
    };
    let events = async {
        for number in 0..500 {
            assert_eq!(stream.next_event().await.data, number.to_string());
        }
    };
    let (written, (), ()) = tokio::join!(write.write_all(&text), answers, events);
    written.unwrap();
    drop(stream);
    world.all_told().await;
    world.shutdown().await;
}
