//! The devices of the demo in a real database, and what a person may do with them.

use demo_world::devices::Cast;
use demo_world::{ClientApi, Devices};
use serde_json::{Value, json};
use service_kit::clock::Clock;
use sqlx::Row as _;
use test_kit::{Answer, Database, PATIENCE, http_get, http_post, http_request, wait_until};

/// A database with devices that write into it, and where they are controlled.
struct Scene {
    database: Database,
    api: ClientApi,
    _devices: Devices,
}

impl Scene {
    async fn set(cast: Cast) -> Self {
        let database = Database::fresh().await;
        let api = ClientApi::start().unwrap();
        let devices = Devices::open(&database.owner_url(), cast, &Clock::system()).unwrap();
        api.control(&devices);
        Self {
            database,
            api,
            _devices: devices,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}/_control/devices{path}", self.api.base_url())
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        http_post(&self.url(path), &[], body.to_string().as_bytes()).await
    }

    async fn write(&self, tenant: &str) -> Value {
        let answer = self.post(&format!("/{tenant}/write"), &json!({})).await;
        assert_eq!(answer.status(), 200);
        answer.json()
    }

    async fn delete(&self, path: &str) -> u16 {
        http_request("DELETE", &self.url(path), &[], b"")
            .await
            .status()
    }

    /// What one statement of one column gives.
    async fn ask(&self, sql: &'static str) -> i64 {
        let row = sqlx::query(sql).fetch_one(self.database.owner_pool());
        row.await.unwrap().get(0)
    }

    async fn reaches(&self, what: &str, least: i64, sql: &'static str) {
        wait_until(what, PATIENCE, async || self.ask(sql).await >= least).await;
    }
}

const STILL: Cast = Cast::Still { tenants: 2 };
const LIVING: Cast = Cast::Living { seed: 7 };

#[tokio::test]
async fn both_tenants_report_metrics_of_every_type_of_json() {
    let scene = Scene::set(LIVING).await;
    scene
        .reaches(
            "every device reports",
            20,
            "SELECT count(DISTINCT (tenant_id, device_id)) FROM telemetry",
        )
        .await;
    let rows = sqlx::query_scalar::<_, Value>("SELECT metrics FROM telemetry");
    let rows = rows.fetch_all(scene.database.owner_pool()).await.unwrap();
    let seen = |is: fn(&Value) -> bool| {
        let values = rows
            .iter()
            .flat_map(|row| row.as_object().unwrap().values());
        values.clone().any(is)
    };
    assert!(seen(Value::is_f64) && seen(Value::is_i64) && seen(Value::is_string));
    assert!(seen(Value::is_boolean) && seen(Value::is_object) && seen(Value::is_array));
    assert!(seen(Value::is_null), "{} rows without a null", rows.len());
    let online = "SELECT count(*) FROM device_state WHERE status = 'ONLINE'";
    scene.reaches("every device is online", 20, online).await;
}

#[tokio::test]
async fn the_role_of_devices_is_enough_to_write() {
    let database = Database::fresh().await;
    let devices = Devices::open(&database.devices_url(), STILL, &Clock::system()).unwrap();
    let api = ClientApi::start().unwrap();
    api.control(&devices);
    let base = format!("{}/_control/devices/bench-001", api.base_url());
    let written = http_post(&format!("{base}/write"), &[], b"").await;
    assert_eq!(written.json(), json!({"rows": 10, "seq": 1}));
    let alert = br#"{"device_id": "dev-0003", "alert_type": "FIRE"}"#;
    assert_eq!(
        http_post(&format!("{base}/alerts"), &[], alert)
            .await
            .status(),
        200
    );
}

#[tokio::test]
async fn devices_for_measuring_write_when_they_are_told_and_not_before() {
    let scene = Scene::set(STILL).await;
    assert_eq!(
        scene.write("bench-002").await,
        json!({"rows": 10, "seq": 1})
    );
    assert_eq!(
        scene.write("bench-002").await,
        json!({"rows": 10, "seq": 2})
    );
    let answer = scene.post("/bench-001/write?n=25", &json!({})).await;
    assert_eq!(answer.json(), json!({"rows": 250, "seq": 25}));
    // Committed when it is answered, one row for each counter, the newest one being the last.
    assert_eq!(scene.ask("SELECT count(*) FROM telemetry").await, 270);
    let newest = "SELECT max(seq) FROM (SELECT DISTINCT ON (tenant_id, device_id) seq FROM telemetry
                  WHERE tenant_id = 'bench-001' ORDER BY tenant_id, device_id, time DESC) AS newest";
    assert_eq!(scene.ask(newest).await, 25);
    let before = http_get(&scene.url("/database"), &[]).await.json();
    assert!(before["transactions"].as_u64().is_some(), "{before}");
}

#[tokio::test]
async fn an_alert_is_opened_and_closed_by_hand_once_each() {
    let scene = Scene::set(STILL).await;
    let fire = json!({"device_id": "dev-0003", "alert_type": "FIRE", "severity": 5});
    let opened = scene.post("/bench-001/alerts", &fire).await;
    assert_eq!(
        opened.json()["alerts"],
        json!([{"fingerprint": "FIRE:dev-0003", "severity": 5, "acknowledged": false}])
    );
    assert_eq!(scene.post("/bench-001/alerts", &fire).await.status(), 400);
    let open = "SELECT count(*) FROM fleet_alert WHERE status = 'OPEN' AND severity = 5
                AND tenant_id = 'bench-001' AND device_id = 'dev-0003'";
    assert_eq!(scene.ask(open).await, 1);
    let path = "/bench-001/alerts?fingerprint=FIRE:dev-0003";
    assert_eq!(
        [scene.delete(path).await, scene.delete(path).await],
        [200, 404]
    );
    let closed =
        "SELECT count(*) FROM fleet_alert WHERE status = 'CLOSED' AND closed_at IS NOT NULL";
    assert_eq!(scene.ask(closed).await, 1);
    assert_eq!(scene.post("/bench-001/alerts", &fire).await.status(), 200);
}

#[tokio::test]
async fn a_second_start_counts_on_and_leaves_no_alert_of_the_first_open() {
    let scene = Scene::set(STILL).await;
    scene.write("bench-001").await;
    let fire = json!({"device_id": "dev-0003", "alert_type": "FIRE"});
    scene.post("/bench-001/alerts", &fire).await;
    let Scene {
        database,
        api,
        _devices: first,
    } = scene;
    drop(first);
    api.stop().await;
    let api = ClientApi::start().unwrap();
    let devices = Devices::open(&database.owner_url(), STILL, &Clock::system()).unwrap();
    api.control(&devices);
    let scene = Scene {
        database,
        api,
        _devices: devices,
    };
    assert_eq!(
        scene.write("bench-001").await,
        json!({"rows": 10, "seq": 2})
    );
    let open = "SELECT count(*) FROM fleet_alert WHERE status <> 'CLOSED'";
    assert_eq!(scene.ask(open).await, 0);
}

#[tokio::test]
async fn a_device_is_paused_and_speaks_again_by_hand() {
    let scene = Scene::set(LIVING).await;
    let paused = async |tenant: Value| tenant["devices"][0]["paused"] == true;
    let answer = scene.post("/demo-a/dev-0001/pause", &json!({})).await;
    assert!(paused(answer.json()).await);
    let told = http_get(&scene.url("/demo-a"), &[]).await.json();
    assert!(paused(told).await);
    assert_eq!(scene.delete("/demo-a/dev-0001/pause").await, 200);
    let all = http_get(&scene.url(""), &[]).await.json();
    let names: Vec<_> = all["tenants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["tenant"])
        .collect();
    assert_eq!(names, ["demo-a", "demo-b"]);
    assert!(!paused(all["tenants"][0].clone()).await);
}

#[tokio::test]
async fn what_is_not_there_or_not_understood_is_told() {
    let scene = Scene::set(STILL).await;
    assert_eq!(http_get(&scene.url("/nobody"), &[]).await.status(), 404);
    assert_eq!(
        scene
            .post("/bench-001/dev-0011/pause", &json!({}))
            .await
            .status(),
        404
    );
    for (path, body) in [
        ("/bench-001/write?n=0", json!({})),
        ("/bench-001/write?n=many", json!({})),
        ("/bench-001/alerts", json!({})),
        (
            "/bench-001/alerts",
            json!({"device_id": "dev-0099", "alert_type": "FIRE"}),
        ),
    ] {
        let answer = scene.post(path, &body).await;
        assert_eq!(answer.status(), 400, "{path} {body}");
        assert!(answer.json()["error"].is_string());
    }
}
