//! The event-stream client reads strictly and tells what it met.

use test_kit::SseClient;

use crate::script::{STREAM_HEAD, Script, Then, chunk};

const CONNECTED: &str = "event: connected\nretry: 2713\ndata: {\"project\": \"p\"}\n\n";
const UPDATE: &str = "id: e-1\nevent: status_update\ndata: {\"statuses\": {}}\n\n";

#[tokio::test]
async fn events_are_read_whatever_the_division_of_bytes_and_chunks() {
    let all = format!("{}{}{}", STREAM_HEAD, chunk(CONNECTED), chunk(UPDATE));
    for size in [1, 7, 4096] {
        let pieces: Vec<&str> = all
            .as_bytes()
            .chunks(size)
            .map(|p| str::from_utf8(p).unwrap())
            .collect();
        let script = Script::say(&pieces, Then::Stay).await;
        let mut client = SseClient::connect(&script.url, &[]).await;
        let connected = client.expect("connected").await;
        assert_eq!((connected.id, connected.retry), (None, Some(2713)));
        let update = client.expect("status_update").await;
        assert_eq!(update.id.as_deref(), Some("e-1"));
        assert_eq!(update.json()["statuses"], serde_json::json!({}));
        assert_eq!(
            (client.last_event_id(), client.retry()),
            ("e-1", Some(2713))
        );
        assert!(!client.is_ended());
    }
}

#[tokio::test]
async fn a_slow_reader_takes_no_more_than_it_asks_for() {
    let script = Script::say(&[STREAM_HEAD, &chunk(CONNECTED)], Then::Stay).await;
    let mut client = SseClient::connect_narrow(&script.url, &[], 4096).await;
    let mut reads = 0;
    while client.drain().is_empty() {
        assert!(client.read_some(8).await <= 8);
        reads += 1;
    }
    assert!(reads <= 1 + chunk(CONNECTED).len());
    assert!(chunk(CONNECTED).as_bytes().starts_with(client.raw_bytes()));
}

#[tokio::test]
async fn a_finished_stream_is_told_from_a_cut_one() {
    let finished = Script::say(&[STREAM_HEAD, &chunk(UPDATE), "0\r\n\r\n"], Then::Stay).await;
    let mut client = SseClient::connect(&finished.url, &[]).await;
    assert_eq!(client.read_to_end().await.len(), 1);
    assert!(client.is_ended() && !client.cut_short());
    let cut = Script::say(&[STREAM_HEAD, &chunk(UPDATE)], Then::End).await;
    let mut client = SseClient::connect(&cut.url, &[]).await;
    assert_eq!(client.read_to_end().await.len(), 1);
    assert!(client.cut_short());
}

#[tokio::test]
async fn other_events_can_be_passed_over() {
    let script = Script::say(
        &[STREAM_HEAD, &chunk(CONNECTED), &chunk(UPDATE)],
        Then::Stay,
    )
    .await;
    let mut client = SseClient::connect(&script.url, &[]).await;
    assert_eq!(
        client.skip_to("status_update").await.id.as_deref(),
        Some("e-1")
    );
}

#[tokio::test]
#[should_panic(expected = "another event was due")]
async fn another_event_than_the_expected_one_is_a_failure() {
    let script = Script::say(&[STREAM_HEAD, &chunk(CONNECTED)], Then::Stay).await;
    SseClient::connect(&script.url, &[])
        .await
        .expect("status_update")
        .await;
}

#[tokio::test]
#[should_panic(expected = "text/event-stream")]
async fn a_content_type_with_a_parameter_is_a_failure() {
    let head = STREAM_HEAD.replace("event-stream", "event-stream; charset=utf-8");
    let script = Script::say(&[&head], Then::Stay).await;
    SseClient::connect(&script.url, &[]).await;
}

#[tokio::test]
#[should_panic(expected = "a chunk does not end with CR LF")]
async fn a_chunk_longer_than_its_size_is_a_failure() {
    let script = Script::say(&[STREAM_HEAD, "3\r\nabcd\r\n"], Then::Stay).await;
    SseClient::connect(&script.url, &[])
        .await
        .next_event()
        .await;
}

#[tokio::test]
#[should_panic(expected = "no chunk size")]
async fn a_chunk_extension_is_a_failure() {
    let script = Script::say(&[STREAM_HEAD, "3;x=y\r\nabc\r\n"], Then::Stay).await;
    SseClient::connect(&script.url, &[])
        .await
        .next_event()
        .await;
}

#[tokio::test]
#[should_panic(expected = "the latest events: [\n    Received")]
async fn a_failure_tells_what_came_before_it() {
    let script = Script::say(&[STREAM_HEAD, &chunk(CONNECTED), "0\r\n\r\n"], Then::End).await;
    let mut client = SseClient::connect(&script.url, &[]).await;
    client.expect("connected").await;
    client.next_event().await;
}
