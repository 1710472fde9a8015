//! What operators rely on: the documents say what there is, all of it, and nothing that is not.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use service_kit::settings::{KNOWN_ELSEWHERE, ServiceSettings as _};
use telemetry_service::settings::Settings;
use test_kit::{
    PATIENCE, http_get, http_request, printed_metrics, quoted, table_rows, told_metrics,
    told_settings, wait_until,
};

use crate::world::{World, subscribe, subscribe_alerts, token_of};

const OPERATIONS: &str = include_str!("../../../../docs/OPERATIONS.md");
const API: &str = include_str!("../../../../docs/API.md");

#[tokio::test]
async fn the_metrics_of_the_document_are_the_metrics_that_are_printed() {
    let world = World::start().await;
    world.hears().await;
    let mut socket = world.socket("a-tenant").await;
    for message in [subscribe("a-device"), subscribe_alerts()] {
        socket.send(&message).await;
    }
    socket.json_of("alerts").await;
    world
        .reading("a-tenant", "a-device", 1, json!({"t": 1}))
        .await;
    socket.json_of("telemetry").await;
    socket.leave().await;
    world.socket_with("?token=nonsense").await.closed().await;

    let told = told_metrics(OPERATIONS, "## telemetry-service: metrics");
    let printed = http_get(&world.ops_url("/metrics"), &[]).await;
    assert_eq!(told, printed_metrics(printed.text()));
    for name in ["a-tenant", "a-device"] {
        assert!(!printed.text().contains(name), "{name} is no label");
    }
    world.shutdown().await;
}

#[test]
fn the_settings_of_the_document_are_the_settings_with_their_defaults() {
    let told = told_settings(OPERATIONS, "## telemetry-service: settings");
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

#[test]
fn every_setting_is_known_to_the_other_services() {
    for field in Settings::groups().iter().flat_map(|group| group.fields) {
        assert!(KNOWN_ELSEWHERE.contains(&field.key), "{}", field.key);
    }
}

#[tokio::test]
async fn the_endpoints_of_the_document_are_the_endpoints_that_answer() {
    let told: BTreeSet<String> = table_rows(API, "## Telemetry")
        .map(|cells| quoted(cells[0]).remove(0))
        .filter(|cell| cell.starts_with("GET /"))
        .collect();
    let known = [
        ("/api/v2/ws", 426),
        ("/api/v2/ws-ticket", 200),
        ("/api/v2/health", 200),
        ("/api/v2/devices", 200),
        ("/api/v2/devices/{id}", 404),
        ("/api/v2/devices/{id}/telemetry", 200),
        ("/api/v2/devices/{id}/telemetry/latest", 200),
        ("/api/v2/alerts", 200),
        ("/api/v2/alerts/{id}", 404),
        ("/live", 200),
        ("/live-assets/{name}", 404),
    ];
    let names = known.map(|(path, _)| format!("GET {path}"));
    assert_eq!(told, names.into_iter().collect());

    let world = World::start().await;
    let bearer = format!("Bearer {}", token_of("a"));
    for (path, status) in known {
        let url = world.url(&path.replace("{id}", "1").replace("{name}", "none"));
        let answer = http_get(&url, &[("authorization", &bearer)]).await;
        assert_eq!(answer.status(), status, "{path}");
        let other = http_request("DELETE", &url, &[("authorization", &bearer)], b"").await;
        assert_eq!(other.status(), 405, "DELETE {path}");
    }
    for ops in ["/metrics", "/health/live", "/health/ready", "/status"] {
        assert_eq!(
            http_get(&world.url(ops), &[]).await.status(),
            404,
            "{ops} is not for the public"
        );
        assert_ne!(http_get(&world.ops_url(ops), &[]).await.status(), 404);
    }
    assert_eq!(
        http_get(&world.ops_url("/api/v2/health"), &[])
            .await
            .status(),
        404
    );
    world.shutdown().await;
}

#[tokio::test]
async fn status_tells_what_each_tenant_watches_and_how_its_sources_are() {
    let world = World::start().await;
    world.hears().await;
    let mut socket = world.socket("a").await;
    for message in [
        subscribe("dev-0001"),
        subscribe("dev-0002"),
        subscribe_alerts(),
    ] {
        socket.send(&message).await;
    }
    socket.json_of("alerts").await;
    let _idle = world.socket("b").await;
    wait_until("both kinds were asked for", PATIENCE, async || {
        world.status().await["tenants"]["a"]["telemetry"]["last_query"].is_string()
    })
    .await;
    let status = world.status().await;
    assert_eq!(
        (&status["sockets"], &status["hints"]["listening"]),
        (&json!(2), &json!(true))
    );
    let told = |name: &str| status["tenants"]["a"][name].clone();
    assert_eq!(told("sockets"), 1);
    assert_eq!(
        (told("devices_watched"), told("alerts_watched")),
        (json!(2), json!(true))
    );
    for kind in ["telemetry", "alerts"] {
        assert_eq!(told(kind)["state"], "live");
        assert_eq!(told(kind)["last_error"], Value::Null);
    }
    assert_eq!(status["tenants"]["b"]["sockets"], 1);
    assert_eq!(status["tenants"]["b"]["devices_watched"], 0);
    world.shutdown().await;
}

#[tokio::test]
async fn it_is_ready_when_its_database_is_and_keeps_parts_of_days_ready() {
    let world = World::start().await;
    wait_until("ready", PATIENCE, async || {
        let ready = http_get(&world.ops_url("/health/ready"), &[]).await;
        ready.status() == 200 && ready.json()["checks"]["partitions"]["status"] == "ready"
    })
    .await;
    let ahead = "SELECT count(*) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'telemetry'::regclass AND c.relname > 'telemetry_' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD')
           AND c.relname <> 'telemetry_default'";
    let ahead: i64 = sqlx::query_scalar(ahead)
        .fetch_one(world.database.owner_pool())
        .await
        .unwrap();
    assert_eq!(ahead, 7);
    world.shutdown().await;
}
