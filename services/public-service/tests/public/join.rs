//! The first moments of a stream: `connected`, then one whole state, whatever
//! is known by then.

use serde_json::json;
use test_kit::{ProjectRow, SseClient};

use crate::world::World;

#[tokio::test]
async fn a_stream_begins_with_connected_and_one_whole_state_under_both_prefixes() {
    let world = World::start().await;
    let units = [("A101", "available"), ("A102", "on hold")];
    let tower = world.project("tower", &units).await;

    for path in [
        "/api/public/tower/status/stream",
        "/api/status/tower/stream",
    ] {
        let mut stream = SseClient::connect(&world.url(path), &[]).await;
        let connected = stream.expect("connected").await;
        assert_eq!(connected.json(), json!({"project": "tower"}));
        assert_eq!(connected.id, None);
        assert!((2_000..=5_000).contains(&connected.retry.unwrap()));
        let whole = stream.expect("status_update").await;
        let data = whole.json();
        assert_eq!(
            data["statuses"],
            json!({"A101": "available", "A102": "reserved"})
        );
        assert_eq!((&data["state"], whole.retry), (&json!("live"), None));
        assert_eq!(data["version"], whole.id.unwrap());
        assert!(data["as_of"].is_string());
    }
    assert_eq!(tower.concurrent_max(), 1);
    world.shutdown().await;
}

#[tokio::test]
async fn reconnection_times_differ_from_viewer_to_viewer() {
    let world = World::start().await;
    world.project("tower", &[("A101", "available")]).await;
    let mut retries = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let mut stream = world.stream("tower").await;
        retries.insert(stream.expect("connected").await.retry.unwrap());
    }
    assert!(retries.len() > 10, "{retries:?}");
    assert!(retries.iter().all(|ms| (2_000..=5_000).contains(ms)));
    world.shutdown().await;
}

#[tokio::test]
async fn a_cold_project_says_connected_at_once_and_waits_for_its_first_data() {
    let world = World::start().await;
    let tower = world.project("tower", &[("A101", "sold")]).await;
    let gate = tower.hold();

    let mut stream = world.stream("tower").await;
    stream.expect("connected").await;
    tower.wait_for_requests(1).await.unwrap();
    assert!(stream.drain().is_empty(), "nothing is known yet");
    gate.release();

    let whole = stream.expect("status_update").await.json();
    assert_eq!(whole["statuses"], json!({"A101": "sold"}));
    assert_eq!(whole["state"], "live");
    world.shutdown().await;
}

#[tokio::test]
async fn a_source_that_is_silent_for_its_timeout_leaves_the_state_unknown() {
    let world = World::start().await;
    let tower = world
        .project_with("tower", &[("A101", "sold")], |row| row.timeout(1))
        .await;
    let gate = tower.hold();

    let mut stream = world.stream("tower").await;
    stream.expect("connected").await;
    let unknown = stream.expect("status_update").await;
    let data = unknown.json();
    assert_eq!(data["statuses"], json!({}));
    assert_eq!(
        (&data["state"], &data["as_of"]),
        (&json!("unknown"), &json!(null))
    );
    assert_eq!(data["version"], unknown.id.unwrap());

    gate.release();
    let first = stream.expect("bulk_update").await.json();
    assert_eq!(first["updates"], json!({"A101": "sold"}));
    assert_eq!(stream.expect("state").await.json()["state"], "live");
    world.shutdown().await;
}

#[tokio::test]
async fn a_source_that_fails_at_once_is_told_at_once() {
    let world = World::start().await;
    let tower = world
        .project_with("tower", &[("A101", "sold")], |row| row.timeout(60))
        .await;
    tower.set_fault(demo_world::Fault::status(404));

    let mut stream = world.stream("tower").await;
    stream.expect("connected").await;
    let unknown = stream.expect("status_update").await.json();
    assert_eq!(
        (&unknown["state"], &unknown["statuses"]),
        (&json!("unknown"), &json!({}))
    );
    world.shutdown().await;
}

#[tokio::test]
async fn a_project_with_nobody_to_ask_is_unknown_at_once_and_asks_nobody() {
    let world = World::start().await;
    let handle = world.client_api.project("bare");
    let base = world.client_api.base_url();
    let nothing = ProjectRow::named("bare").without_integration();
    let mut no_endpoint = ProjectRow::named("no-endpoint").upstream(base, "");
    no_endpoint.status_endpoint = None;
    let mut no_base = ProjectRow::named("no-base").upstream("", handle.endpoint());
    no_base.api_base_url = None;

    for row in [nothing, no_endpoint, no_base] {
        let slug = row.slug.clone();
        world.database.insert_project(row).await;
        let mut stream = world.stream(&slug).await;
        stream.expect("connected").await;
        let unknown = stream.expect("status_update").await.json();
        assert_eq!(unknown["state"], "unknown", "{slug}");
        let told = world.ops_project(&slug).await;
        assert!(told["last_error"].is_string(), "{slug} is not on /status");
        assert_eq!(told["upstream"]["requests"], 0);
    }
    assert_eq!(handle.request_count(), 0);
    world.shutdown().await;
}
