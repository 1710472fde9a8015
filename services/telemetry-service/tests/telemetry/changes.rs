//! What is pushed, and when: at once after a subscription, then whenever it changes, and nothing twice.

use serde_json::{Value, json};
use test_kit::WsClient;

use crate::world::{World, subscribe, subscribe_alerts, token_of};

async fn watching(world: &World, tenant: &str, device: &str) -> WsClient {
    let mut socket = world.socket(tenant).await;
    assert_eq!(socket.asked(&subscribe(device)).await["type"], "subscribed");
    socket
}

async fn alerts(world: &World, tenant: &str) -> WsClient {
    let mut socket = world.socket(tenant).await;
    assert_eq!(
        socket.asked(&subscribe_alerts()).await["type"],
        "subscribed"
    );
    socket
}

#[tokio::test]
async fn the_newest_reading_comes_at_once_and_each_newer_one_as_it_is_committed() {
    let world = World::with(|settings| {
        settings.feed.ws_poll_seconds = std::time::Duration::from_hours(1);
    })
    .await;
    world.hears().await;
    let all_types = json!({"t": 21.5, "n": 3, "on": true, "mode": "eco", "raw": {"a": [1, null]}});
    world.reading("a", "dev-0001", 1, json!({"old": 1})).await;
    world.reading("a", "dev-0001", 2, all_types.clone()).await;
    let mut socket = watching(&world, "a", "dev-0001").await;
    let first = socket.json().await;
    assert_eq!(
        (&first["type"], &first["device_id"]),
        (&json!("telemetry"), &json!("dev-0001"))
    );
    assert_eq!(first["data"]["metrics"], all_types);
    assert_eq!(first["data"]["seq"], 2);
    let time = first["data"]["timestamp"].as_str().unwrap();
    assert!(chrono::DateTime::parse_from_rfc3339(time).is_ok(), "{time}");

    for seq in 3..8 {
        world.reading("a", "dev-0001", seq, json!({"t": seq})).await;
        let next = socket.json().await;
        assert_eq!(next["data"]["seq"], seq, "one push for each commit: {next}");
    }
    let pushed = world
        .count("telemetry_pushes_total{channel=\"device\"}")
        .await;
    assert_eq!(pushed, 6);
    let timed = world.count("telemetry_commit_to_push_seconds_count").await;
    assert_eq!(timed, 5, "the first was there already");
    socket.leave().await;
    world.shutdown().await;
}

#[tokio::test]
async fn a_device_without_readings_is_silent_until_it_has_one() {
    let world = World::start().await;
    world.hears().await;
    let mut socket = watching(&world, "a", "new-device").await;
    world
        .count_reaches(
            "telemetry_queries_total{kind=\"telemetry\",outcome=\"ok\"}",
            2,
        )
        .await;
    world.reading("a", "new-device", 1, json!({"t": 1})).await;
    let first = socket.json().await;
    assert_eq!(
        first["data"]["metrics"],
        json!({"t": 1}),
        "nothing came before it: {first}"
    );
    socket.leave().await;
    world.shutdown().await;
}

#[tokio::test]
async fn alerts_come_at_once_and_when_one_opens_changes_or_closes() {
    let world = World::with(|settings| {
        settings.feed.ws_poll_seconds = std::time::Duration::from_hours(1);
    })
    .await;
    world.hears().await;
    let mut socket = alerts(&world, "a").await;
    let none = json!({"type": "alerts", "alerts": [], "total": 0});
    assert_eq!(socket.json().await, none);

    let id = world.alert("a", "one", 2).await;
    let opened = socket.json().await;
    assert_eq!(opened["total"], 1);
    let alert = &opened["alerts"][0];
    let mut members: Vec<_> = alert
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    members.sort_unstable();
    assert_eq!(
        members,
        [
            "alert_id",
            "alert_type",
            "confidence",
            "created_at",
            "device_id",
            "severity",
            "site_id",
            "status",
            "summary",
            "tenant_id",
        ]
    );
    assert_eq!(
        (&alert["alert_id"], &alert["severity"]),
        (&json!(id), &json!(2))
    );

    let newer = world.alert("a", "two", 3).await;
    let ids = |message: &Value| -> Vec<i64> {
        let alerts = message["alerts"].as_array().unwrap();
        alerts
            .iter()
            .map(|alert| alert["alert_id"].as_i64().unwrap())
            .collect()
    };
    assert_eq!(ids(&socket.json().await), [newer, id], "newest first");
    world.alert_becomes(id, "OPEN", 5).await;
    assert_eq!(socket.json().await["alerts"][1]["severity"], 5);
    world.alert_becomes(id, "ACKNOWLEDGED", 5).await;
    assert_eq!(ids(&socket.json().await), [newer], "only what is open");
    world.alert_becomes(newer, "CLOSED", 3).await;
    assert_eq!(socket.json().await, none);
    socket.leave().await;
    world.shutdown().await;
}

#[tokio::test]
async fn of_many_alerts_a_hundred_are_shown_and_all_are_counted() {
    let world = World::start().await;
    let many = "INSERT INTO fleet_alert (tenant_id, alert_type, fingerprint, severity, created_at)
         SELECT 'a', 'HOT', n::text, 1, now() + n * interval '1 second' FROM generate_series(1, 130) n";
    sqlx::query(many).execute(&world.devices).await.unwrap();
    let mut socket = alerts(&world, "a").await;
    let shown = socket.json().await;
    assert_eq!(
        (shown["alerts"].as_array().unwrap().len(), &shown["total"]),
        (100, &json!(130))
    );
    socket.leave().await;
    world.shutdown().await;
}

#[tokio::test]
async fn what_is_unchanged_is_not_repeated_unless_somebody_asks_for_it() {
    let world = World::start().await;
    world.reading("a", "dev-0001", 1, json!({"t": 1})).await;
    let mut quiet = watching(&world, "a", "dev-0001").await;
    let query = format!("?push=interval&token={}", token_of("a"));
    let mut repeated = world.socket_with(&query).await;
    for message in [subscribe("dev-0001"), subscribe_alerts()] {
        repeated.send(&message).await;
    }
    for _ in 0..3 {
        assert_eq!(repeated.json_of("telemetry").await["data"]["seq"], 1);
        assert_eq!(repeated.json_of("alerts").await["total"], 0);
    }
    world.reading("a", "dev-0001", 2, json!({"t": 2})).await;
    assert_eq!(quiet.json_of("telemetry").await["data"]["seq"], 1);
    assert_eq!(quiet.json().await["data"]["seq"], 2, "nothing in between");
    quiet.leave().await;
    repeated.leave().await;
    world.shutdown().await;
}

#[tokio::test]
async fn all_may_be_told_every_interval_as_older_programs_did() {
    let world = World::with(|settings| {
        settings.feed.ws_push = telemetry_service::settings::Push::Interval;
    })
    .await;
    world.reading("a", "dev-0001", 1, json!({"t": 1})).await;
    let mut socket = watching(&world, "a", "dev-0001").await;
    for _ in 0..3 {
        assert_eq!(socket.json().await["data"]["seq"], 1);
    }
    socket.leave().await;
    world.shutdown().await;
}

#[tokio::test]
async fn after_unsubscribing_nothing_comes_and_subscribing_again_shows_the_present() {
    let world = World::start().await;
    world.hears().await;
    world.reading("a", "dev-0001", 1, json!({"t": 1})).await;
    let mut socket = watching(&world, "a", "dev-0001").await;
    socket.json_of("telemetry").await;
    let unsubscribe = json!({"action": "unsubscribe", "type": "device", "device_id": "dev-0001"});
    assert_eq!(socket.asked(&unsubscribe).await["type"], "unsubscribed");
    let mut witness = watching(&world, "a", "dev-0001").await;
    witness.json_of("telemetry").await;
    world.reading("a", "dev-0001", 2, json!({"t": 2})).await;
    witness.json_of("telemetry").await;
    let again = socket.asked(&subscribe("dev-0001")).await;
    assert_eq!(again["type"], "subscribed", "nothing came in between");
    assert_eq!(socket.json().await["data"]["seq"], 2);
    assert_eq!(
        socket.asked(&subscribe("dev-0001")).await["type"],
        "subscribed"
    );
    assert_eq!(
        socket.json().await["data"]["seq"],
        2,
        "told again to whoever asks again"
    );
    socket.leave().await;
    witness.leave().await;
    world.shutdown().await;
}
