//! How a failing source is asked: again soon if that can help, then ever more
//! rarely, at last by single probes; and never sooner than it asks for.

use std::time::Duration;

use chrono::{DateTime, Utc};
use demo_world::{Fault, RetryAfter};
use service_kit::clock::Clock;
use test_kit::{PATIENCE, ProjectRow, http_get, wait_until};
use tokio::task::JoinSet;

use crate::answers::time;
use crate::status_refresh::unlimited;
use crate::world::World;

const UNITS: &[(&str, &str)] = &[("A101", "available"), ("A102", "sold")];

#[tokio::test]
async fn only_what_may_pass_is_asked_again_and_only_so_often() {
    let world = World::start().await;
    let (mut projects, mut readers) = (Vec::new(), JoinSet::new());
    for (slug, fault, retries, requests) in [
        ("server", Fault::status(500), 1, 2),
        ("gateway", Fault::status(504), 1, 2),
        ("limit", Fault::status(429), 1, 2),
        ("silence", Fault::Silence, 1, 2),
        ("reset", Fault::Reset, 1, 2),
        ("cut", Fault::Truncated, 1, 2),
        ("twice", Fault::status(503), 2, 3),
        ("never", Fault::status(503), 0, 1),
        ("request", Fault::status(400), 3, 1),
        ("login", Fault::status(401), 3, 1),
        ("missing", Fault::status(404), 3, 1),
        ("html", Fault::HtmlPage, 3, 1),
        ("shape", Fault::WrongShape, 3, 1),
        (
            "redirect",
            Fault::Redirect {
                location: "http://192.0.2.1/".into(),
            },
            3,
            1,
        ),
    ] {
        let change = |row: ProjectRow| row.timeout(1).interval(300).retries(retries);
        let client_api = world.project_with(slug, UNITS, change).await;
        client_api.set_fault(fault);
        let url = world.url(&format!("/api/status/{slug}"));
        // The cycle goes on when its GET has been answered.
        readers.spawn(async move { http_get(&url, &[]).await.json()["state"] == "unknown" });
        projects.push((slug, client_api, requests));
    }
    assert!(readers.join_all().await.into_iter().all(|unknown| unknown));
    for (slug, client_api, requests) in projects {
        wait_for_failures(&world, slug, 1).await;
        assert_eq!(client_api.request_count(), requests, "{slug}");
        assert_eq!(client_api.concurrent_max(), 1, "{slug}");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn a_retry_that_succeeds_is_all_that_a_waiting_get_sees() {
    let world = World::start().await;
    let change = |row: ProjectRow| row.retries(1);
    let client_api = world.project_with("tower", UNITS, change).await;
    client_api.set_fault_for(1, Fault::status(500));

    let body = world.status("tower").await.json();

    assert_eq!(body["state"], "live");
    assert_eq!(client_api.request_count(), 2);
    let shown = world.ops_project("tower").await;
    assert_eq!(shown["upstream"]["failures"], 0);
    assert_eq!(shown["last_error"], serde_json::Value::Null);
    world.shutdown().await;
}

#[tokio::test]
async fn a_short_wait_that_the_source_asks_for_is_a_floor_for_its_retry() {
    let world = World::start().await;
    let change = |row: ProjectRow| row.retries(1);
    let mut projects = Vec::new();
    for (slug, wait) in [
        ("seconds", RetryAfter::Seconds(2)),
        // A date has no fractions: three seconds ahead are more than two.
        ("date", RetryAfter::Date(3)),
    ] {
        let client_api = world.project_with(slug, UNITS, change).await;
        client_api.set_fault_for(1, Fault::too_many_requests(wait));
        projects.push(client_api);
        assert!(world.ops_project(slug).await.is_null());
    }
    let (seconds, date) = tokio::join!(world.status("seconds"), world.status("date"));
    for answer in [seconds, date] {
        assert_eq!(answer.json()["state"], "live");
    }
    for client_api in projects {
        let [first, second] = &client_api.requests()[..] else {
            panic!("{}: two requests were due", client_api.name());
        };
        let pause = second.at - first.at;
        assert!(pause >= Duration::from_millis(1_990), "{pause:?}");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn a_long_wait_that_the_source_asks_for_ends_the_cycle_and_holds() {
    let world = World::start().await;
    for (slug, wait, seconds) in [
        ("seconds", RetryAfter::Seconds(120), 120),
        ("date", RetryAfter::Date(121), 120),
        ("for-ever", RetryAfter::Seconds(u64::MAX), 3_600),
    ] {
        let change = |row: ProjectRow| row.retries(3);
        let client_api = world.project_with(slug, UNITS, change).await;
        let fault = Fault::Status {
            code: 503,
            retry_after: Some(wait),
        };
        client_api.set_fault(fault);
        let before = now();
        let stream = world.stream(slug).await;
        wait_for_failures(&world, slug, 1).await;

        let next = next_attempt(&world, slug).await;

        assert!(next >= before + seconds_of(seconds), "{slug}: {next}");
        assert!(next <= now() + seconds_of(seconds + 1), "{slug}: {next}");
        assert_eq!(client_api.request_count(), 1, "{slug}");
        // A GET does not ask either, nor does a person.
        world.status(slug).await;
        assert_eq!(world.refresh(slug).await.json()["refreshed"], false);
        assert_eq!(client_api.request_count(), 1, "{slug}");
        stream.close();
    }
    world.shutdown().await;
}

#[tokio::test]
async fn the_interval_doubles_with_each_failed_cycle_until_the_circuit_opens() {
    const INTERVAL: i32 = 20;
    let world = World::with(unlimited).await;
    let change = |row: ProjectRow| row.interval(INTERVAL);
    let client_api = world.project_with("tower", UNITS, change).await;
    let mut stream = world.stream("tower").await;
    stream.skip_to("status_update").await;
    assert_pause(&world, now(), INTERVAL).await;

    client_api.set_fault(Fault::status(404));
    for (failures, times) in [(1, 2), (2, 4), (3, 8), (4, 10), (5, 1)] {
        let before = now();
        world.refresh("tower").await;
        assert_pause(&world, before, INTERVAL * times).await;
        let shown = world.ops_project("tower").await;
        assert_eq!(shown["upstream"]["failures"], failures);
        assert_eq!(shown["circuit_open"], failures == 5, "after {failures}");
    }
    stream.close();
    world.shutdown().await;
}

#[tokio::test]
async fn the_first_success_brings_the_interval_back_to_normal() {
    const INTERVAL: i32 = 20;
    let world = World::with(unlimited).await;
    let change = |row: ProjectRow| row.interval(INTERVAL);
    let client_api = world.project_with("tower", UNITS, change).await;
    client_api.set_fault_for(3, Fault::status(500));
    let stream = world.stream("tower").await;
    wait_for_failures(&world, "tower", 1).await;
    for _ in 0..2 {
        assert_eq!(world.refresh("tower").await.json()["refreshed"], false);
    }

    let before = now();
    assert_eq!(world.refresh("tower").await.json()["refreshed"], true);

    assert_pause(&world, before, INTERVAL).await;
    stream.close();
    world.shutdown().await;
}

#[tokio::test]
async fn an_open_circuit_lets_single_probes_through_and_closes_at_the_first_good_one() {
    let world = World::with(unlimited).await;
    let change = |row: ProjectRow| row.retries(10);
    let client_api = world.project_with("tower", UNITS, change).await;
    let mut stream = world.stream("tower").await;
    stream.skip_to("status_update").await;
    // Refused by 404, a cycle is one request; by 500 it would be eleven.
    client_api.set_fault(Fault::status(404));
    wait_until("the circuit is open", PATIENCE, async || {
        world.refresh("tower").await;
        world.ops_project("tower").await["circuit_open"] == true
    })
    .await;
    client_api.set_fault(Fault::status(500));
    let opened = client_api.request_count();

    client_api.wait_for_requests(opened + 2).await.unwrap();

    wait_for_failures(&world, "tower", 7).await;
    let shown = world.ops_project("tower").await;
    let (requests, failures) = upstream(&shown);
    assert!(requests - failures <= 2, "a probe is asked once: {shown}");
    let requests = client_api.requests();
    for pair in requests[usize::try_from(opened).unwrap()..].windows(2) {
        let pause = pair[1].at - pair[0].at;
        assert!(pause >= Duration::from_millis(850), "{pause:?}");
    }

    client_api.clear_fault();
    let state = stream.skip_to("state").await.json();
    assert_eq!(state["state"], "stale");
    assert_eq!(stream.skip_to("state").await.json()["state"], "live");
    let shown = world.ops_project("tower").await;
    assert_eq!(shown["circuit_open"], false);
    assert_eq!(shown["last_error"], serde_json::Value::Null);
    stream.close();
    world.shutdown().await;
}

#[tokio::test]
async fn polls_keep_their_interval_whatever_else_is_asked() {
    let world = World::start().await;
    let client_api = world.project("tower", UNITS).await;
    let streams = [world.stream("tower").await, world.stream("tower").await];
    client_api.wait_for_requests(3).await.unwrap();
    world.status("tower").await;

    for pair in client_api.requests().windows(2) {
        let pause = pair[1].at - pair[0].at;
        assert!(pause >= Duration::from_millis(850), "{pause:?}");
    }
    assert_eq!(client_api.concurrent_max(), 1);
    drop(streams);
    world.shutdown().await;
}

/// The next attempt lies `seconds` ± 10 % behind a moment between `before` and now.
async fn assert_pause(world: &World, before: DateTime<Utc>, seconds: i32) {
    let next = next_attempt(world, "tower").await;
    let tenths = i64::from(seconds);
    let earliest = before + chrono::TimeDelta::milliseconds(tenths * 900 - 5_000);
    let latest = now() + chrono::TimeDelta::milliseconds(tenths * 1_100 + 10);
    assert!(
        (earliest..=latest).contains(&next),
        "{next} is not about {seconds} s behind {before}"
    );
}

async fn next_attempt(world: &World, slug: &str) -> DateTime<Utc> {
    let mut next = serde_json::Value::Null;
    wait_until("the next attempt is planned", PATIENCE, async || {
        next = world.ops_project(slug).await["next_attempt_at"].clone();
        next.is_string()
    })
    .await;
    time(&next)
}

/// Waits until so many cycles have failed.
async fn wait_for_failures(world: &World, slug: &str, wanted: u64) {
    wait_until(
        &format!("{slug}: {wanted} failures"),
        PATIENCE,
        async || upstream(&world.ops_project(slug).await).1 >= wanted,
    )
    .await;
}

/// Requests and failed cycles.
fn upstream(shown: &serde_json::Value) -> (u64, u64) {
    let count = |member: &str| shown["upstream"][member].as_u64().unwrap_or_default();
    (count("requests"), count("failures"))
}

fn seconds_of(seconds: i64) -> chrono::TimeDelta {
    chrono::TimeDelta::seconds(seconds)
}

fn now() -> DateTime<Utc> {
    Clock::system().now()
}
