//! What a crowd costs, and that nobody in it is forgotten.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::json;
use test_kit::{PATIENCE, WsClient, raise_fd_limit, wait_until};
use tokio::time::Instant;

use crate::world::{POLL, World, subscribe, subscribe_alerts};

/// Sockets of one tenant.
const CROWD: usize = 2_000;
const DEVICES: i64 = 10;

async fn watcher(world: &World) -> WsClient {
    let mut socket = world.socket("a").await;
    for device in 0..DEVICES {
        socket.send(&subscribe(&format!("dev-{device}"))).await;
    }
    socket.send(&subscribe_alerts()).await;
    socket
}

/// Reads until each device's reading of this number has come, in whatever order.
async fn told_of_all(socket: &mut WsClient, seq: i64) {
    let mut told = BTreeSet::new();
    while told.len() < usize::try_from(DEVICES).unwrap() {
        let message = socket.json_of("telemetry").await;
        if message["data"]["seq"] == seq {
            told.insert(message["device_id"].to_string());
        }
    }
}

/// Queries since a moment, and how many the law allows until now: of each kind one per interval, which is never shorter
/// than `POLL`.
struct Tally {
    before: u64,
    begun: Instant,
}

impl Tally {
    async fn begin(world: &World) -> Self {
        let before = world.queries().await;
        let begun = Instant::now();
        Self { before, begun }
    }

    async fn read(&self, world: &World) -> (u64, u64) {
        let queries = world.queries().await - self.before;
        let intervals = self.begun.elapsed().as_millis() / POLL.as_millis();
        // Whole ones, the one that had begun, and the one that has.
        (queries, (u64::try_from(intervals).unwrap() + 2) * 2)
    }
}

/// Waits until so many polls of each kind went by: queries, and how many the law allows.
async fn polls_go_by(world: &World, polls: u64) -> (u64, u64) {
    let tally = Tally::begin(world).await;
    wait_until("polls go by", PATIENCE, async || {
        tally.read(world).await.0 >= polls * 2
    })
    .await;
    tally.read(world).await
}

#[tokio::test]
async fn two_thousand_sockets_on_ten_devices_ask_no_more_than_one() {
    raise_fd_limit();
    let world = World::with(|settings| settings.limit.max_sockets_per_tenant = CROWD).await;
    world.hears().await;
    for device in 0..DEVICES {
        world
            .reading("a", &format!("dev-{device}"), 1, json!({"t": 1}))
            .await;
    }
    let mut first = watcher(&world).await;
    told_of_all(&mut first, 1).await;
    let (alone, law) = polls_go_by(&world, 3).await;
    assert!(
        alone <= law,
        "{alone} queries by one socket, not more than {law}"
    );

    let joining = Tally::begin(&world).await;
    let mut crowd = Vec::new();
    for _ in 0..(CROWD - 1) / 50 {
        crowd.extend(join_all((0..50).map(|_| watcher(&world))).await);
    }
    world.sockets_are(crowd.len() as u64 + 1).await;
    join_all(crowd.iter_mut().map(|socket| told_of_all(socket, 1))).await;
    let (joining, law) = joining.read(&world).await;
    assert!(
        joining <= law,
        "what is known is not asked for: {joining} queries, not more than {law}"
    );
    let (together, law) = polls_go_by(&world, 3).await;
    assert!(
        together <= law,
        "{together} queries by all, not more than {law}"
    );

    // One statement, as a gateway of devices writes: everybody gets to the same state.
    let all = "INSERT INTO telemetry (time, tenant_id, device_id, seq, metrics)
         SELECT clock_timestamp(), 'a', 'dev-' || n, 2, '{\"t\": 2}' FROM generate_series(0, 9) n";
    sqlx::query(all).execute(&world.devices).await.unwrap();
    told_of_all(&mut first, 2).await;
    join_all(crowd.iter_mut().map(|socket| told_of_all(socket, 2))).await;

    drop(crowd);
    first.leave().await;
    wait_until("the feed ends with its last viewer", PATIENCE, async || {
        world.status().await["tenants"] == json!({})
    })
    .await;
    let after = world.queries().await;
    let idle = Tally::begin(&world).await;
    wait_until("intervals go by", PATIENCE, async || {
        idle.read(&world).await.1 > 6
    })
    .await;
    assert_eq!(
        world.queries().await,
        after,
        "nobody watches, nothing is asked"
    );
    world.shutdown().await;
}

#[tokio::test]
async fn a_storm_of_commits_is_not_a_storm_of_queries() {
    let world = World::start().await;
    world.hears().await;
    let mut socket = watcher(&world).await;
    socket.json_of("alerts").await;
    let tally = Tally::begin(&world).await;
    for seq in 1..=300 {
        world.reading("a", "dev-0", seq, json!({"t": seq})).await;
    }
    socket
        .json_like("the last reading", |it| it["data"]["seq"] == 300)
        .await;
    let (asked, polls) = tally.read(&world).await;
    let hints = u64::try_from(tally.begun.elapsed().as_millis() / 100).unwrap() + 2;
    assert!(
        asked <= polls + hints,
        "{asked} queries, not more than {polls} + {hints}"
    );
    socket.leave().await;
    world.shutdown().await;
}
