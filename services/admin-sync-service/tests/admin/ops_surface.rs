//! What operators rely on: the documents say what there is, all of it, and nothing that is not.

use std::collections::BTreeMap;

use admin_sync_service::settings::Settings;
use service_kit::settings::ServiceSettings as _;
use test_kit::{PATIENCE, http_get, printed_metrics, told_metrics, told_settings, wait_until};

use crate::world::World;

const OPERATIONS: &str = include_str!("../../../../docs/OPERATIONS.md");

#[tokio::test]
async fn a_service_without_work_starts_and_ends_clean() {
    let world = World::start().await;
    world.ready().await;
    world.shutdown().await;
}

#[tokio::test]
async fn the_metrics_of_the_document_are_the_metrics_that_are_printed() {
    let world = World::start().await;
    world.ready().await;
    world.request().await;
    world.claimed("update", -1, 0).await;
    world
        .holds("SELECT count(*) = 0 FROM outbox WHERE published_at IS NULL")
        .await;

    let told = told_metrics(OPERATIONS, "## admin-sync-service: metrics");
    let printed = http_get(&world.service.ops_url("/metrics"), &[]).await;
    assert_eq!(told, printed_metrics(printed.text()));
    world.shutdown().await;
}

#[test]
fn the_settings_of_the_document_are_the_settings_with_their_defaults() {
    let told = told_settings(OPERATIONS, "## admin-sync-service: settings");
    let mut read = BTreeMap::new();
    for field in Settings::groups().iter().flat_map(|group| group.fields) {
        let default = match (field.default_under(Settings::OVERRIDES), field.key) {
            (None, _) => "required",
            (Some(_), "shutdown_seconds") => "drain + 5",
            (Some(default), _) => default,
        };
        read.insert(field.env(), default.to_owned());
    }
    assert_eq!(told, read);
}

#[tokio::test]
async fn the_status_of_the_service_tells_what_lives_and_what_is_wrong() {
    let world = World::start().await;
    world.ready().await;
    let run = world.request().await;
    let dead = format!("{}.dead", world.queue);
    world.rabbit.publish(&dead, "garbage").await;
    let url = world.service.ops_url("/status");
    wait_until(
        "the status tells the run and the incident",
        PATIENCE,
        async || {
            let status = http_get(&url, &[]).await.json();
            status["runs"][0]["id"] == run
                && status["runs"][0]["state"] == "queued"
                && status["incidents"][0]["incident"] == "dead_letters"
                && status["dead_letters"] == 1
                && status["outbox"]["pending"] == 0
                && status["uptime_seconds"].is_u64()
        },
    )
    .await;
    world.shutdown().await;
}

#[tokio::test]
async fn figures_of_runs_are_told_by_mode() {
    let world = World::start().await;
    world.ready().await;
    world
        .run(
            "mode, state, created_at, started_at, finished_at",
            "'update', 'success', to_timestamp(1000000), to_timestamp(1000001), to_timestamp(1000002)",
        )
        .await;
    let last = r#"sync_last_success_timestamp_seconds{mode="update"}"#;
    wait_until("the last success is told", PATIENCE, async || {
        (world.service.metric(last).await - 1_000_002.0).abs() < 0.5
    })
    .await;
    world
        .run(
            "mode, state, created_at, started_at",
            "'backfill', 'error', now() - interval '40 seconds', now()",
        )
        .await;
    wait_until("the wait for a worker is told", PATIENCE, async || {
        let sum = world.service.metric("sync_queue_wait_seconds_sum").await;
        let count = world.service.metric("sync_queue_wait_seconds_count").await;
        (39.0..41.0).contains(&sum) && (0.5..1.5).contains(&count)
    })
    .await;
    world.shutdown().await;
}
