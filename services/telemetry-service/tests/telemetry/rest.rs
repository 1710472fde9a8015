//! What a tenant reads over REST: every route as the contract has it, and nothing of another tenant.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use test_kit::{WsClient, http_get, http_request, quoted, table_rows};

use crate::rest_answers::{GUARDED, judge, write};
use crate::world::{World, token_of};

/// Two tenants that call their devices the same.
async fn two_tenants() -> World {
    let world = World::start().await;
    let rows = "INSERT INTO device_state (tenant_id, device_id, site_id, status, last_heartbeat_at, state)
            SELECT tenant, 'dev-000' || n, tenant || '-site', 'ONLINE', '2026-11-27T10:00:00Z', '{\"v\": 1.5}'
              FROM unnest(ARRAY['a', 'b']) AS tenant, generate_series(1, 3) AS n;
        INSERT INTO device_state (tenant_id, device_id) VALUES ('b', 'only-b');
        INSERT INTO telemetry (time, tenant_id, device_id, seq, metrics)
            SELECT '2026-11-27T10:00:00Z'::timestamptz + n * interval '1 min', tenant, 'dev-0001', n,
                   jsonb_build_object('n', n, 'whose', tenant, 'nothing', NULL)
              FROM unnest(ARRAY['a', 'b']) AS tenant, generate_series(0, 199) AS n;
        INSERT INTO fleet_alert (tenant_id, device_id, site_id, alert_type, fingerprint, status, severity, confidence,
                                 summary, details, created_at, closed_at)
            SELECT tenant, 'dev-0001', 's', CASE WHEN n % 2 = 0 THEN 'HOT' ELSE 'COLD' END, n,
                   (ARRAY['OPEN', 'ACKNOWLEDGED', 'CLOSED'])[1 + n % 3], n, 0.5, tenant || ' ' || n, '{\"t\": 90}',
                   '2026-11-27T10:00:00Z'::timestamptz + n * interval '1 s',
                   CASE WHEN n % 3 = 2 THEN '2026-11-27T11:00:00Z'::timestamptz END
              FROM unnest(ARRAY['a', 'b']) AS tenant, generate_series(0, 8) AS n";
    write(&world.database, rows).await;
    world
}

fn texts<'a>(list: &'a Value, member: &str) -> Vec<&'a str> {
    let list = list.as_array().expect("a list");
    list.iter()
        .map(|it| it[member].as_str().expect("a text"))
        .collect()
}

#[tokio::test]
async fn health_asks_for_nothing_and_names_the_version() {
    let world = World::start().await;
    let answer = http_get(&world.url("/api/v2/health"), &[]).await;
    judge(&answer, "health");
    let expected = json!({"status": "ok", "service": "telemetry-service", "api_version": "v2"});
    assert_eq!((answer.status(), answer.json()), (200, expected));
    world.shutdown().await;
}

#[tokio::test]
async fn devices_come_in_pages_and_one_by_one() {
    let world = two_tenants().await;
    let all = world.read("a", "/api/v2/devices").await;
    assert_eq!(
        texts(&all["devices"], "device_id"),
        ["dev-0001", "dev-0002", "dev-0003"]
    );
    let rest_of_it = json!({"tenant_id": all["tenant_id"], "count": all["count"], "limit": all["limit"], "offset": all["offset"]});
    assert_eq!(
        rest_of_it,
        json!({"tenant_id": "a", "count": 3, "limit": 100, "offset": 0})
    );
    let page = world.read("a", "/api/v2/devices?limit=2&offset=2").await;
    assert_eq!(texts(&page["devices"], "device_id"), ["dev-0003"]);
    assert_eq!(
        (&page["count"], &page["limit"], &page["offset"]),
        (&json!(1), &json!(2), &json!(2))
    );

    let one = world.read("a", "/api/v2/devices/dev-0001").await;
    let expected = json!({"tenant_id": "a", "device": {
        "tenant_id": "a", "device_id": "dev-0001", "site_id": "a-site", "status": "ONLINE",
        "last_heartbeat_at": "2026-11-27T10:00:00Z", "last_telemetry_at": null, "last_seen_at": null, "state": {"v": 1.5},
    }});
    assert_eq!(one, expected);
    world.shutdown().await;
}

#[tokio::test]
async fn readings_come_by_range_and_limit_newest_first() {
    let world = two_tenants().await;
    let range = async |query: &str| {
        let told = world
            .read("a", &format!("/api/v2/devices/dev-0001/telemetry{query}"))
            .await;
        let readings = told["telemetry"].as_array().unwrap();
        assert_eq!(
            (&told["device_id"], &told["count"]),
            (&json!("dev-0001"), &json!(readings.len()))
        );
        readings
            .iter()
            .map(|it| it["metrics"]["n"].as_i64().unwrap())
            .collect::<Vec<_>>()
    };
    let newest = |count: i64| (200 - count..200).rev().collect::<Vec<_>>();
    assert_eq!(range("").await, newest(120));
    assert_eq!(range("?limit=1000").await, newest(200));
    assert_eq!(
        range("?start=2026-11-27T10:02:00Z&end=2026-11-27T10:05:00Z").await,
        [4, 3, 2]
    );
    assert_eq!(
        range("?start=2026-11-27T11:02:00%2B01:00&end=2026-11-27T10:04:00").await,
        [3, 2]
    );
    assert_eq!(range("?start=2026-11-27T13:18:00Z&limit=1").await, [199]);
    assert_eq!(range("?start=2027-01-01").await, [0_i64; 0]);

    let latest = world
        .read("a", "/api/v2/devices/dev-0001/telemetry/latest")
        .await;
    let expected = json!({"device_id": "dev-0001", "count": 1, "telemetry": [
        {"timestamp": "2026-11-27T13:19:00Z", "metrics": {"n": 199, "whose": "a"}},
    ]});
    assert_eq!(latest, expected);
    let ten = world
        .read("a", "/api/v2/devices/dev-0001/telemetry/latest?count=10")
        .await;
    assert_eq!(ten["count"], 10);
    world.shutdown().await;
}

#[tokio::test]
async fn alerts_come_by_status_and_type_and_one_by_one() {
    let world = two_tenants().await;
    let open = world.read("a", "/api/v2/alerts").await;
    assert_eq!(texts(&open["alerts"], "summary"), ["a 6", "a 3", "a 0"]);
    let told = [
        "tenant_id",
        "count",
        "status",
        "alert_type",
        "limit",
        "offset",
    ]
    .map(|name| open[name].clone());
    let expected = json!(["a", 3, "OPEN", null, 100, 0]);
    assert_eq!(json!(told), expected);
    for (query, expected) in [
        ("?status=ACKNOWLEDGED", vec!["a 7", "a 4", "a 1"]),
        ("?status=CLOSED&limit=2", vec!["a 8", "a 5"]),
        ("?status=CLOSED&offset=2", vec!["a 2"]),
        ("?alert_type=HOT", vec!["a 6", "a 0"]),
        ("?status=CLOSED&alert_type=COLD", vec!["a 5"]),
        ("?alert_type=%27%20OR%20true%20--", vec![]),
    ] {
        let page = world.read("a", &format!("/api/v2/alerts{query}")).await;
        assert_eq!(texts(&page["alerts"], "summary"), expected, "{query}");
    }
    let closed = world
        .read("a", "/api/v2/alerts?status=CLOSED&limit=1")
        .await["alerts"][0]
        .clone();
    let one = world
        .read("a", &format!("/api/v2/alerts/{}", closed["alert_id"]))
        .await;
    assert_eq!(one, json!({"tenant_id": "a", "alert": closed}));
    let expected = json!({
        "alert_id": closed["alert_id"], "tenant_id": "a", "device_id": "dev-0001", "site_id": "s", "alert_type": "HOT",
        "severity": 8, "confidence": 0.5, "summary": "a 8", "status": "CLOSED", "created_at": "2026-11-27T10:00:08Z",
        "fingerprint": "8", "details": {"t": 90}, "closed_at": "2026-11-27T11:00:00Z",
    });
    assert_eq!(closed, expected);
    world.shutdown().await;
}

#[tokio::test]
async fn nothing_of_another_tenant_is_read_whatever_is_asked() {
    let world = two_tenants().await;
    let theirs = world.read("b", "/api/v2/alerts").await["alerts"][0]["alert_id"].clone();
    let none = json!({"device_id": "only-b", "telemetry": [], "count": 0});
    assert_eq!(
        world.read("a", "/api/v2/devices/only-b/telemetry").await,
        none
    );
    assert_eq!(
        world
            .read("a", "/api/v2/devices/only-b/telemetry/latest")
            .await,
        none
    );
    for path in [
        "/api/v2/devices/only-b".to_owned(),
        format!("/api/v2/alerts/{theirs}"),
    ] {
        assert_eq!(world.get("a", &path).await.status(), 404, "{path}");
        assert_eq!(world.get("b", &path).await.status(), 200, "{path}");
    }
    for path in [
        "/api/v2/devices?tenant_id=b",
        "/api/v2/devices/dev-0001?tenant_id=b",
        "/api/v2/devices/dev-0001/telemetry?limit=1000&tenant_id=b",
        "/api/v2/devices/dev-0001/telemetry/latest?count=10",
        "/api/v2/alerts?tenant_id=b",
        "/api/v2/alerts?status=ACKNOWLEDGED",
        "/api/v2/alerts?status=CLOSED",
    ] {
        let told = world.read("a", path).await.to_string();
        assert!(
            !told.contains("\"b\"") && !told.contains("b-site") && !told.contains("\"b "),
            "{path}: {told}"
        );
    }
    let nobody = world.read("c", "/api/v2/devices").await;
    assert_eq!(nobody["devices"], json!([]));
    world.shutdown().await;
}

#[tokio::test]
async fn head_answers_as_get_does_without_a_body() {
    let world = two_tenants().await;
    let bearer = format!("Bearer {}", token_of("a"));
    for path in GUARDED
        .iter()
        .chain(&["/api/v2/health"])
        .filter(|path| !path.ends_with("alerts/1"))
    {
        let answer =
            http_request("HEAD", &world.url(path), &[("authorization", &bearer)], b"").await;
        judge(&answer, path);
        assert_eq!((answer.status(), answer.text()), (200, ""), "{path}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/json"),
            "{path}"
        );
    }
    world.shutdown().await;
}

#[tokio::test]
async fn the_endpoints_of_the_document_are_the_endpoints_that_answer() {
    const API: &str = include_str!("../../../../docs/API.md");
    let rows = table_rows(API, "## Telemetry").map(|cells| quoted(cells[0]).remove(0));
    let told: BTreeSet<String> = rows
        .filter_map(|it| it.strip_prefix("GET ").map(str::to_owned))
        .collect();
    let others = [
        "/api/v2/health",
        "/api/v2/ws",
        "/live",
        "/live-assets/live.js",
    ];
    let known = GUARDED.iter().chain(&others).map(|path| {
        let named = path
            .replace("dev-0001", "{id}")
            .replace("alerts/1", "alerts/{id}");
        named.replace("live.js", "{name}")
    });
    assert_eq!(told, known.collect());

    let world = two_tenants().await;
    for path in GUARDED.iter().chain(&others) {
        let bearer = format!("Bearer {}", token_of("a"));
        let headers = [("authorization", bearer.as_str())];
        if path.ends_with("/ws") {
            WsClient::connect(&world.url(path), &headers)
                .await
                .leave()
                .await;
        } else {
            let status = http_get(&world.url(path), &headers).await.status();
            assert_eq!(status, 200, "{path}");
        }
    }
    world.shutdown().await;
}
