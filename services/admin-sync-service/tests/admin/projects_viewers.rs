//! Both services over one database: what an operator writes here is what viewers see there, within moments and without
//! a reconnect.

use demo_world::Auth;
use serde_json::{Value, json};
use test_kit::{PATIENCE, ServiceProcess, SseClient, http_get, wait_until};

use crate::bodies::ok;
use crate::connecting::{Connecting, KEY};

const UNITS: &[(&str, &str)] = &[("A101", "livre"), ("A102", "vendido"), ("A103", "quitado")];

/// The real public-service beside the service of the test.
struct Viewers {
    process: ServiceProcess,
    base: String,
}

impl Viewers {
    async fn beside(there: &Connecting) -> Self {
        let process = ServiceProcess::spawn(
            "public-service",
            &[
                ("DATABASE_URL", &there.world.database.public_url()),
                ("SECRET_KEY", KEY),
                ("PORT", "0"),
                ("OPS_PORT", "0"),
                ("UPSTREAM_ALLOW_PRIVATE", "true"),
                ("SETTINGS_RELOAD_SECONDS", "1"),
                ("DRAIN_SECONDS", "0"),
            ],
        );
        let base = format!("http://{}", process.address("public").await);
        let ops = format!("http://{}", process.address("ops").await);
        wait_until("public-service is ready", PATIENCE, async || {
            http_get(&format!("{ops}/health/ready"), &[]).await.status() == 200
        })
        .await;
        Self { process, base }
    }

    fn url(&self, slug: &str) -> String {
        format!("{}/api/public/{slug}/status", self.base)
    }

    async fn watch(&self, slug: &str) -> SseClient {
        SseClient::connect(&format!("{}/stream", self.url(slug)), &[]).await
    }

    async fn end(mut self) {
        self.process.sigterm();
        assert_eq!(
            self.process.wait_exit().await,
            Some(0),
            "{}",
            self.process.output()
        );
    }
}

#[tokio::test]
async fn a_client_api_is_connected_its_words_mapped_and_its_project_ended_under_an_open_stream() {
    let there = Connecting::start().await;
    let viewers = Viewers::beside(&there).await;
    let project = there.api.project("tower");
    project.set_units(UNITS.iter().copied());
    project.require_auth(Auth::api_key("X-Client-Key", "k3y-of-tower"));
    assert_eq!(http_get(&viewers.url("tower"), &[]).await.status(), 404);

    let new = json!({"slug": "tower", "name": "Torre"});
    assert_eq!(there.world.post("/api/projects", &new).await.status(), 201);
    let connected = json!({
        "api_base_url": there.api.base_url(), "status_endpoint": project.endpoint(), "auth_type": "api_key",
        "auth_credentials": {"api_key": "k3y-of-tower", "api_key_header": "X-Client-Key"},
        "status_mapping": {"available": ["livre"], "sold": ["vendido"]}, "polling_interval_seconds": 1
    });
    let tried = there.test("tower", &connected).await;
    assert_eq!(tried["success"], true, "{tried}");
    ok(&there.put("tower", &connected).await);
    let mut stream = viewers.watch("tower").await;
    let shown = stream.skip_to("status_update").await.json();
    assert_eq!(
        (&shown["statuses"], &shown["state"]),
        (&previewed(&tried), &json!("live"))
    );
    assert_eq!(tried["preview"]["unmapped"][0]["value"], "quitado");
    assert_eq!(
        shown["statuses"]["A103"], "available",
        "as UNMAPPED_STATUS has it"
    );

    let mapped =
        json!({"status_mapping": {"available": ["livre"], "sold": ["vendido", "quitado"]}});
    let foretold = there.map_status("tower", "quitado").await;
    assert_eq!(
        (&foretold["matched"], &foretold["canonical_status"]),
        (&json!(false), &json!("available"))
    );
    ok(&there.put("tower", &mapped).await);
    let bulk = stream.skip_to("bulk_update").await.json();
    assert_eq!(bulk["updates"], json!({"A103": "sold"}));
    let tried = there.test("tower", &json!({})).await;
    let got = http_get(&viewers.url("tower"), &[]).await.json();
    assert_eq!(got["statuses"], previewed(&tried));

    let unmapped = json!({"status_mapping": {}, "unmapped_status": "hidden"});
    ok(&there.put("tower", &unmapped).await);
    let bulk = stream.skip_to("bulk_update").await.json();
    assert_eq!(
        bulk["updates"],
        json!({"A101": "hidden", "A102": "hidden", "A103": "hidden"})
    );

    let ended = there.send("DELETE", "/api/projects/tower", &[], "").await;
    assert_eq!(ended.status(), 204);
    let closed = stream.skip_to("closed").await.json();
    assert_eq!(closed["reason"], "project_inactive");
    stream.read_to_end().await;
    assert_eq!(http_get(&viewers.url("tower"), &[]).await.status(), 404);
    viewers.end().await;
    there.shutdown().await;
}

#[tokio::test]
async fn credentials_and_a_project_that_come_back_reach_viewers_too() {
    let there = Connecting::start().await;
    let viewers = Viewers::beside(&there).await;
    let wrong = json!({"auth_type": "bearer", "auth_credentials": {"token": "wr0ng"}, "retry_count": 0,
                       "polling_interval_seconds": 1, "status_mapping": {"sold": ["livre"]}});
    let project = there.connected("tower", UNITS, wrong).await;
    project.require_auth(Auth::bearer("r1ght"));
    let mut stream = viewers.watch("tower").await;
    assert_eq!(
        stream.skip_to("status_update").await.json()["state"],
        "unknown"
    );
    ok(&there
        .put("tower", &json!({"auth_credentials": {"token": "r1ght"}}))
        .await);
    let units = stream.skip_to("bulk_update").await.json();
    assert_eq!(units["updates"]["A101"], "sold");
    assert_eq!(stream.skip_to("state").await.json()["state"], "live");
    there.send("DELETE", "/api/projects/tower", &[], "").await;
    stream.skip_to("closed").await;
    stream.read_to_end().await;

    let back = json!({"is_active": true}).to_string();
    ok(&there.send("PUT", "/api/projects/tower", &[], &back).await);
    wait_until("the project is back", PATIENCE, async || {
        let got = http_get(&viewers.url("tower"), &[]).await;
        got.status() == 200 && got.json()["state"] == "live"
    })
    .await;
    viewers.end().await;
    there.shutdown().await;
}

/// What a trial says that viewers would see.
fn previewed(tried: &Value) -> Value {
    let units = tried["preview"]["units"].as_array().unwrap();
    let pairs = units.iter().map(|it| {
        (
            it["unit"].as_str().unwrap().to_owned(),
            it["status"].clone(),
        )
    });
    Value::Object(pairs.collect())
}
