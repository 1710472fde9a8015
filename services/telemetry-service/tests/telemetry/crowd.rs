//! What a crowd costs, and that nobody in it is forgotten.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::json;
use test_kit::{PATIENCE, WsClient, raise_fd_limit, wait_until};

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

/// Queries while so many polls go by.
async fn queries_in_polls(world: &World, polls: u64) -> u64 {
    let before = world.queries().await;
    tokio::time::sleep(POLL * u32::try_from(polls).unwrap()).await;
    world.queries().await - before
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
    let alone = queries_in_polls(&world, 4).await;
    assert!(
        (4..=12).contains(&alone),
        "one query of each kind in each interval: {alone}"
    );

    let before = world.queries().await;
    let begun = tokio::time::Instant::now();
    let mut crowd = Vec::new();
    for _ in 0..(CROWD - 1) / 50 {
        crowd.extend(join_all((0..50).map(|_| watcher(&world))).await);
    }
    world.sockets_are(crowd.len() as u64 + 1).await;
    join_all(crowd.iter_mut().map(|socket| told_of_all(socket, 1))).await;
    let intervals = begun.elapsed().as_secs() / POLL.as_secs() + 1;
    let joining = world.queries().await - before;
    assert!(
        joining <= intervals * 3,
        "what is known is not asked for: {joining} in {intervals}"
    );
    let together = queries_in_polls(&world, 4).await;
    assert!(
        together <= alone + 2,
        "{together} queries, {alone} by one socket"
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
    assert_eq!(
        queries_in_polls(&world, 2).await,
        0,
        "nobody watches: {after}"
    );
    world.shutdown().await;
}

#[tokio::test]
async fn a_storm_of_commits_is_not_a_storm_of_queries() {
    let world = World::start().await;
    world.hears().await;
    let mut socket = watcher(&world).await;
    socket.json_of("alerts").await;
    let (before, begun) = (world.queries().await, tokio::time::Instant::now());
    for seq in 1..=300 {
        world.reading("a", "dev-0", seq, json!({"t": seq})).await;
    }
    let storm = begun.elapsed();
    socket
        .json_like("the last reading", |it| it["data"]["seq"] == 300)
        .await;
    let asked = world.queries().await - before;
    let allowed = storm.as_millis() / 100 + 2 * (u128::from(storm.as_secs()) + 1) + 4;
    assert!(u128::from(asked) <= allowed, "{asked} queries in {storm:?}");
    socket.leave().await;
    world.shutdown().await;
}
