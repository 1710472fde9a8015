//! What readers that take nothing cost: by the real binary, because the memory of a process is nobody else's.

use demo_world::{ClientApi, ProjectHandle};
use test_kit::{Database, PATIENCE, ProjectRow, ServiceProcess, SseClient, http_get, wait_until};

use crate::raw::narrow;

const READERS: usize = 60;
const UNITS: usize = 3_000;
const CHANGES: usize = 10;
/// What the process may grow by: a queue per reader would hold more than 300 MiB.
const MOST_GROWTH: u64 = 48 << 20;

#[tokio::test]
async fn readers_that_take_nothing_hoard_no_memory() {
    let database = Database::fresh().await;
    let client_api = ClientApi::start().unwrap();
    let tower = client_api.project("tower");
    set_all(&tower, "available");
    let row = ProjectRow::named("tower").interval(1);
    let row = row.upstream(client_api.base_url(), tower.endpoint());
    database.insert_project(row).await;
    let mut service = ServiceProcess::spawn(
        "public-service",
        &[
            ("DATABASE_URL", &database.public_url()),
            ("PORT", "0"),
            ("OPS_PORT", "0"),
            ("UPSTREAM_ALLOW_PRIVATE", "true"),
            ("CACHE_TTL_SECONDS", "1"),
            ("WRITE_DEADLINE_SECONDS", "3600"),
            ("DRAIN_SECONDS", "0"),
        ],
    );
    let public = service.address("public").await;
    let ops = format!("http://{}/metrics", service.address("ops").await);

    let path = "/api/public/tower/status/stream";
    let mut fast = SseClient::connect(&format!("http://{public}{path}"), &[]).await;
    fast.skip_to("status_update").await;
    let mut deaf = Vec::new();
    for _ in 0..READERS {
        let connection = narrow(public.parse().unwrap(), 4096).await;
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        deaf.push(SseClient::on(connection, request.as_bytes()).await);
    }
    wait_until("every reader has its seat", PATIENCE, async || {
        metric(&ops, "public_streams_open").await == READERS as u64 + 1
    })
    .await;
    let before = metric(&ops, "process_resident_memory_bytes").await;

    for change in 0..CHANGES {
        set_all(&tower, ["sold", "available"][change % 2]);
        let told = fast.skip_to("bulk_update").await;
        assert!(told.data.len() > 200 * UNITS, "{} bytes", told.data.len());
    }

    let grown = metric(&ops, "process_resident_memory_bytes")
        .await
        .saturating_sub(before);
    assert_eq!(
        metric(&ops, "public_streams_open").await,
        READERS as u64 + 1
    );
    assert!(grown < MOST_GROWTH, "grown by {} KiB", grown >> 10);
    service.kill9();
    service.wait_exit().await;
}

/// Names as long as they may be make changes that are felt.
fn set_all(tower: &ProjectHandle, word: &str) {
    let unit = |n: usize| format!("{n:0>200}");
    tower.set_units((0..UNITS).map(|n| (unit(n), word)));
}

async fn metric(url: &str, name: &str) -> u64 {
    let answer = http_get(url, &[]).await;
    let mut lines = answer.text().lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
    value.unwrap_or_else(|| panic!("no {name} in {}", answer.text()))
}
