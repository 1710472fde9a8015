//! What happens when something between a row and a socket is away: nobody is dropped, nothing is emptied, and it is said.

use serde_json::{Value, json};
use sqlx::{PgPool, Row as _};
use test_kit::{Database, PATIENCE, PrivatePostgres, WsClient, wait_until};

use crate::world::{World, subscribe, subscribe_alerts};

/// A socket that watches a device and the alerts, and knows of both.
async fn informed(world: &World) -> WsClient {
    world.reading("a", "dev-0001", 1, json!({"t": 1})).await;
    world.alert("a", "one", 1).await;
    let mut socket = world.socket("a").await;
    socket.send(&subscribe("dev-0001")).await;
    assert_eq!(socket.json_of("telemetry").await["data"]["seq"], 1);
    socket.send(&subscribe_alerts()).await;
    assert_eq!(socket.json_of("alerts").await["total"], 1);
    socket
}

/// Reads until both channels are told to be `state`; gives everything that came.
async fn both_turn(socket: &mut WsClient, state: &str) -> Vec<Value> {
    let mut came = Vec::new();
    let turned = |came: &[Value], channel: &str| {
        came.iter()
            .any(|it| it["state"] == state && it["channel"] == channel)
    };
    while !(turned(&came, "device") && turned(&came, "alerts")) {
        came.push(socket.json().await);
    }
    came
}

/// The connections that listen, by process id.
async fn listeners(owner: &PgPool) -> Vec<i32> {
    let rows = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE 'LISTEN%'";
    let rows = sqlx::query(rows).fetch_all(owner).await.unwrap();
    rows.iter().map(|row| row.get("pid")).collect()
}

#[tokio::test]
async fn a_lost_connection_for_hints_is_replaced_and_nothing_committed_meanwhile_is_missed() {
    let world = World::with(|settings| {
        // Only the catch-up after the new LISTEN can bring it in this test's time.
        settings.feed.ws_poll_seconds = std::time::Duration::from_hours(1);
    })
    .await;
    world.hears().await;
    let mut socket = informed(&world).await;
    let owner = world.database.owner_pool();
    for seq in 2..5 {
        let before = listeners(owner).await;
        assert_eq!(
            before.len(),
            1,
            "one connection listens, whatever the number of tenants"
        );
        let kill = "SELECT pg_terminate_backend($1)";
        sqlx::query(kill)
            .bind(before[0])
            .execute(owner)
            .await
            .unwrap();
        world.reading("a", "dev-0001", seq, json!({"t": seq})).await;
        let next = socket.json_of("telemetry").await;
        assert_eq!(next["data"]["seq"], seq);
        wait_until("somebody listens again", PATIENCE, async || {
            let now = listeners(owner).await;
            now.len() == 1 && now != before
        })
        .await;
    }
    assert!(world.count("telemetry_hints_lost_total").await >= 3);
    world.hears().await;
    socket.leave().await;
    world.shutdown().await;
}

#[tokio::test]
async fn without_any_hint_a_poll_finds_it_within_an_interval() {
    let world = World::start().await;
    let mut socket = informed(&world).await;
    let silence =
        "ALTER TABLE telemetry DISABLE TRIGGER USER; ALTER TABLE fleet_alert DISABLE TRIGGER USER";
    sqlx::raw_sql(silence)
        .execute(world.database.owner_pool())
        .await
        .unwrap();
    world.reading("a", "dev-0001", 2, json!({"t": 2})).await;
    assert_eq!(socket.json_of("telemetry").await["data"]["seq"], 2);
    world.alert("a", "two", 1).await;
    assert_eq!(socket.json_of("alerts").await["total"], 2);
    socket.leave().await;
    world.shutdown().await;
}

#[tokio::test]
async fn while_the_database_cannot_be_reached_what_is_known_is_stale_and_then_live() {
    let (world, proxy) = World::with_cuttable_database(|_| {}).await;
    world.hears().await;
    let mut socket = informed(&world).await;
    proxy.cut();
    let came = both_turn(&mut socket, "stale").await;
    let device = came.iter().find(|it| it["channel"] == "device").unwrap();
    assert_eq!(device["device_id"], "dev-0001");
    let since = device["since"].as_str().unwrap();
    assert!(
        chrono::DateTime::parse_from_rfc3339(since).is_ok(),
        "{since}"
    );
    assert!(
        came.iter().all(|it| it["type"] == "state"),
        "nothing is emptied: {came:?}"
    );

    // Who comes during the outage is told what is known, and that it is old; or only that nothing is known.
    let mut late = world.socket("a").await;
    late.send(&subscribe("dev-0001")).await;
    assert_eq!(late.json_of("telemetry").await["data"]["seq"], 1);
    assert_eq!(late.json().await["state"], "stale");
    late.send(&subscribe("never-read")).await;
    let unread = late.json_like("a state", |it| it["type"] == "state").await;
    assert_eq!(
        (&unread["device_id"], &unread["state"]),
        (&json!("never-read"), &json!("stale"))
    );
    let mut other = world.socket("b").await;
    other.send(&subscribe_alerts()).await;
    assert_eq!(
        other.json_of("state").await["state"],
        "stale",
        "not an empty list"
    );

    world.reading("a", "dev-0001", 2, json!({"t": 2})).await;
    proxy.restore();
    let came = both_turn(&mut socket, "live").await;
    assert!(
        came.iter()
            .all(|it| it["state"] != "stale" && it["total"] != 0),
        "{came:?}"
    );
    let told = |it: &Value| it["data"]["seq"] == 2;
    if !came.iter().any(told) {
        socket.json_like("the reading of the outage", told).await;
    }
    assert_eq!(other.json().await["state"], "live");
    assert_eq!(
        other.json().await["total"],
        0,
        "now it is known to be empty"
    );
    assert_eq!(
        world.count("telemetry_sockets_open").await,
        3,
        "nobody was dropped"
    );
    for socket in [socket, late, other] {
        socket.leave().await;
    }
    world.shutdown().await;
}

#[tokio::test]
async fn a_database_that_was_killed_comes_back_by_itself() {
    let mut server = PrivatePostgres::start().await;
    let database = Database::on(&server.url()).await;
    let world = World::over(database, |_| {});
    world.hears().await;
    let mut socket = informed(&world).await;
    server.kill9();
    both_turn(&mut socket, "stale").await;
    let status = world.status().await;
    assert_eq!(
        status["tenants"]["a"]["alerts"]["state"], "stale",
        "{status}"
    );
    assert!(
        status["tenants"]["a"]["alerts"]["last_error"].is_string(),
        "{status}"
    );
    server.restart().await;
    both_turn(&mut socket, "live").await;
    world.hears().await;
    world.reading("a", "dev-0001", 2, json!({"t": 2})).await;
    assert_eq!(socket.json_of("telemetry").await["data"]["seq"], 2);
    socket.leave().await;
    world.shutdown().await;
}
