//! What operators rely on: the documents say what there is, all of it, and nothing that is not.

use std::collections::{BTreeMap, BTreeSet};

use admin_sync_service::settings::Settings;
use service_kit::settings::ServiceSettings as _;
use test_kit::{PATIENCE, http_get, wait_until};

use crate::world::World;

const OPERATIONS: &str = include_str!("../../../../docs/OPERATIONS.md");

/// A metric's labels; of each the values, where they are a closed set.
type Labels = BTreeMap<String, BTreeSet<String>>;

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

    let told: BTreeMap<String, Labels> = rows("## admin-sync-service: metrics")
        .map(|cells| (quoted(cells[0]).remove(0), told_labels(cells[1])))
        .collect();
    let printed = http_get(&world.service.ops_url("/metrics"), &[]).await;
    assert_eq!(told, printed_metrics(printed.text()));
    world.shutdown().await;
}

#[test]
fn the_settings_of_the_document_are_the_settings_with_their_defaults() {
    let told: BTreeMap<String, String> = rows("## admin-sync-service: settings")
        .map(|cells| (quoted(cells[0]).remove(0), cells[1].to_owned()))
        .collect();
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

/// The cells of the tables in a section of the document.
fn rows(heading: &str) -> impl Iterator<Item = Vec<&'static str>> {
    let mut lines = OPERATIONS.lines().skip_while(|line| *line != heading);
    let section: Vec<&str> = lines
        .by_ref()
        .skip(1)
        .take_while(|line| !line.starts_with("## "))
        .collect();
    assert!(!section.is_empty(), "no section {heading}");
    let table = section.into_iter().filter(|line| line.starts_with("| `"));
    table.map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
}

/// What stands between backticks.
fn quoted(cell: &str) -> Vec<String> {
    let parts = cell.split('`').skip(1).step_by(2);
    parts.map(str::to_owned).collect()
}

/// `` `channel`: email, webhook; `outcome`: taken, failed `` or `` `version`, `commit` ``.
fn told_labels(cell: &str) -> Labels {
    let mut labels = Labels::new();
    for part in cell.split("; ") {
        match part.split_once("`: ") {
            Some((name, values)) => {
                let values = values.split(", ").map(str::to_owned).collect();
                labels.insert(name.trim_matches('`').to_owned(), values);
            }
            None => labels.extend(quoted(part).into_iter().map(|name| (name, BTreeSet::new()))),
        }
    }
    labels
}

/// Every family with its labels. What is open in its values is not collected.
fn printed_metrics(text: &str) -> BTreeMap<String, Labels> {
    const OPEN: [&str; 2] = ["version", "commit"];
    let mut families = BTreeMap::<String, Labels>::new();
    let mut family = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            rest.split(' ')
                .next()
                .unwrap_or_default()
                .clone_into(&mut family);
            families.entry(family.clone()).or_default();
        } else if let Some((_, rest)) = line.split_once('{') {
            let labels = rest.split_once('}').map_or("", |(labels, _)| labels);
            for (name, value) in labels.split(',').filter_map(|label| label.split_once('=')) {
                if name == "le" {
                    continue;
                }
                let values = families
                    .entry(family.clone())
                    .or_default()
                    .entry(name.to_owned())
                    .or_default();
                if !OPEN.contains(&name) {
                    values.insert(value.trim_matches('"').to_owned());
                }
            }
        }
    }
    families
}
