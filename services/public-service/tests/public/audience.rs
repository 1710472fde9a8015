//! Polling follows the audience: one request for any crowd, none without one,
//! and a seat for as long as a viewer is there.

use std::time::Duration;

use demo_world::ProjectHandle;
use test_kit::{PATIENCE, SseClient, http_get, raise_fd_limit, wait_until};
use tokio::task::JoinSet;

use crate::raw::Raw;
use crate::world::World;

const UNITS: [(&str, &str); 2] = [("A101", "available"), ("A102", "hold")];
const GET: &str = "GET /api/public/tower/status/stream HTTP/1.1\r\nHost: x\r\n\r\n";
/// actix serves this one.
const OLD_GET: &str = "GET /api/public/tower/status/stream HTTP/1.0\r\nHost: x\r\n\r\n";

/// A project that is asked only when somebody looks for the first time.
async fn tower(world: &World) -> ProjectHandle {
    let patient = |row: test_kit::ProjectRow| row.interval(300).timeout(60);
    world.project_with("tower", &UNITS, patient).await
}

/// Pollers and fetch cycles at work now.
fn at_work(world: &World) -> usize {
    let running = world.lifecycle.tasks().running();
    let of = |name| running.get(name).copied().unwrap_or(0);
    of("status.poller") + of("status.cycle")
}

/// Opens so many streams, a few dozen at a time, past their `connected`.
async fn crowd(world: &World, size: usize) -> Vec<SseClient> {
    let mut opening = JoinSet::new();
    let mut open = Vec::with_capacity(size);
    for n in 0..size {
        let url = world.stream_url("tower");
        opening.spawn(async move {
            let mut stream = SseClient::connect(&url, &[]).await;
            stream.expect("connected").await;
            stream
        });
        if n >= 64 {
            open.push(opening.join_next().await.unwrap().unwrap());
        }
    }
    open.extend(opening.join_all().await);
    open
}

#[tokio::test]
async fn ten_thousand_viewers_and_a_thousand_readers_cost_one_request() {
    let descriptors = raise_fd_limit();
    assert!(
        descriptors >= 14_000,
        "both ends of 5,000 streams, not {descriptors}"
    );
    let world = World::start().await;
    let tower = tower(&world).await;
    let gate = tower.hold();

    let first_wave = crowd(&world, 5_000).await;
    world.streams_are(5_000).await;
    drop(first_wave);
    world.streams_are(0).await;
    let mut second_wave = crowd(&world, 5_000).await;
    let mut readers = JoinSet::new();
    for _ in 0..1_000 {
        let url = world.url("/api/status/tower");
        readers.spawn(async move { http_get(&url, &[]).await.json() });
    }
    assert_eq!(world.ops_project("tower").await["subscribers"], 5_000);
    gate.release();

    for reader in readers.join_all().await {
        assert_eq!(reader["state"], "live");
    }
    for stream in &mut second_wave {
        let whole = stream.expect("status_update").await;
        assert!(
            whole
                .data
                .starts_with(r#"{"statuses":{"A101":"available","#)
        );
    }
    assert_eq!(tower.request_count(), 1);
    assert_eq!(world.ops_project("tower").await["upstream"]["requests"], 1);
    drop(second_wave);
    world.shutdown().await;
}

#[tokio::test]
async fn nobody_is_asked_any_more_once_the_last_viewer_is_gone_for_good() {
    let world = World::with(|settings| {
        settings.source.poll_linger_seconds = Duration::from_millis(100);
    })
    .await;
    let tower = world.project("tower", &UNITS).await;
    let mut stream = world.stream("tower").await;
    stream.skip_to("status_update").await;
    tower.wait_for_requests(2).await.unwrap();

    drop(stream);
    wait_until("polling ends", PATIENCE, async || at_work(&world) == 0).await;

    let asked = tower.request_count();
    let told = world.ops_project("tower").await;
    assert_eq!(told["next_attempt_at"], serde_json::Value::Null);
    // A GET is answered from memory: with the poller its interval is gone too.
    assert_eq!(world.status("tower").await.json()["state"], "live");
    assert_eq!((tower.request_count(), at_work(&world)), (asked, 0));
    world.shutdown().await;
}

#[tokio::test]
async fn who_comes_back_within_the_linger_finds_the_same_poller() {
    let world = World::with(|settings| {
        settings.source.poll_linger_seconds = Duration::from_mins(1);
    })
    .await;
    let tower = tower(&world).await;
    for _ in 0..5 {
        let mut stream = world.stream("tower").await;
        stream.skip_to("status_update").await;
        drop(stream);
        world.streams_are(0).await;
        assert_eq!(at_work(&world), 1);
    }
    assert_eq!(tower.request_count(), 1);
    world.shutdown().await;
}

#[tokio::test]
async fn comers_and_goers_leave_one_poller_or_none() {
    let world = World::with(|settings| {
        settings.source.poll_linger_seconds = Duration::ZERO;
    })
    .await;
    let tower = world.project("tower", &UNITS).await;
    let mut visitors = JoinSet::new();
    for _ in 0..8 {
        let url = world.stream_url("tower");
        visitors.spawn(async move {
            for _ in 0..50 {
                let mut stream = SseClient::connect(&url, &[]).await;
                stream.expect("connected").await;
            }
        });
    }
    while let Some(visitor) = visitors.join_next().await {
        visitor.unwrap();
        let pollers = world.lifecycle.tasks().running();
        // The one that stops may not have ended when the next one starts.
        assert!(pollers.get("status.poller").copied().unwrap_or(0) <= 2);
    }
    wait_until("polling ends", PATIENCE, async || at_work(&world) == 0).await;

    let mut last = world.stream("tower").await;
    last.skip_to("status_update").await;
    tower.set("A101", "sold");
    let change = last.skip_to("bulk_update").await.json();
    assert_eq!(change["updates"]["A101"], "sold");
    assert_eq!(tower.concurrent_max(), 1);
    world.shutdown().await;
}

#[tokio::test]
async fn a_viewer_that_stays_is_served_whoever_comes_and_goes() {
    let world = World::with(|settings| {
        settings.source.poll_linger_seconds = Duration::ZERO;
    })
    .await;
    let tower = world.project("tower", &UNITS).await;
    let mut stays = world.stream("tower").await;
    stays.skip_to("status_update").await;
    for round in 0..3 {
        drop(crowd(&world, 20).await);
        world.streams_are(1).await;
        let unit = format!("B{round}");
        tower.set(&unit, "sold");
        let change = stays.skip_to("bulk_update").await.json();
        assert_eq!(change["updates"][&unit], "sold");
    }
    world.shutdown().await;
}

/// Streams by both writers: settled ones, and some that wait for first data.
async fn open_raw(world: &World, request: &str, until: &str) -> Raw {
    let mut raw = Raw::connect(world.address).await;
    raw.send(request).await;
    raw.read_to(until).await;
    raw
}

#[tokio::test]
async fn a_client_that_says_goodbye_gets_its_seat_freed_and_its_connection_closed() {
    let world = World::start().await;
    tower(&world).await;
    for request in [GET, OLD_GET] {
        let mut raw = open_raw(&world, request, "event: status_update\n").await;
        world.streams_are(1).await;
        // Half a goodbye is enough: nobody listens to what it cannot answer.
        raw.finish().await;
        raw.read_to_end().await;
        world.streams_are(0).await;
    }
    world
        .count_reaches("public_streams_closed_total{reason=\"client_gone\"}", 2)
        .await;
    world.shutdown().await;
}

#[tokio::test]
async fn a_client_that_is_reset_gets_its_seat_freed() {
    let world = World::start().await;
    tower(&world).await;
    for request in [GET, OLD_GET] {
        let raw = open_raw(&world, request, "event: status_update\n").await;
        world.streams_are(1).await;
        raw.reset();
        world.streams_are(0).await;
    }
    world.shutdown().await;
}

#[tokio::test]
async fn a_client_that_leaves_before_the_first_data_gets_its_seat_freed() {
    let world = World::start().await;
    let tower = tower(&world).await;
    let gate = tower.hold();
    for request in [GET, OLD_GET] {
        let mut raw = open_raw(&world, request, "event: connected\n").await;
        world.streams_are(1).await;
        raw.finish().await;
        world.streams_are(0).await;
        let raw = open_raw(&world, request, "event: connected\n").await;
        raw.reset();
        world.streams_are(0).await;
    }
    gate.release();
    world.shutdown().await;
}

#[tokio::test]
async fn a_client_that_talks_without_end_is_not_listened_to_for_ever() {
    let world = World::start().await;
    tower(&world).await;
    let mut raw = open_raw(&world, GET, "event: status_update\n").await;
    raw.talk().await;
    world.streams_are(0).await;
    world.shutdown().await;
}
