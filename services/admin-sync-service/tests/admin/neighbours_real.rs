//! A real public-service as a neighbour: what it prints is what is read, to the last field.

use std::time::Duration;

use demo_world::Fault;
use serde_json::{Value, json};
use test_kit::{PATIENCE, ServiceProcess, http_get, http_post, wait_until};

use crate::bodies::ok;
use crate::connecting::{Connecting, KEY};

#[tokio::test]
async fn what_a_real_public_service_tells_is_read_whole_and_written() {
    let there = Connecting::start().await;
    let words = json!({"polling_interval_seconds": 1, "retry_count": 0, "status_mapping": {"sold": ["vendido"]}});
    let units = [("A1", "vendido"), ("A2", "quitado")];
    let project = there.connected("tower", &units, words).await;
    let mut public = ServiceProcess::spawn(
        "public-service",
        &[
            ("DATABASE_URL", &there.world.database.public_url()),
            ("SECRET_KEY", KEY),
            ("PORT", "0"),
            ("OPS_PORT", "0"),
            ("UPSTREAM_ALLOW_PRIVATE", "true"),
            ("DRAIN_SECONDS", "0"),
        ],
    );
    let viewers = format!("http://{}", public.address("public").await);
    let ops = format!("http://{}", public.address("ops").await);
    // The only replica, and so the leader.
    let Connecting { world, api } = there;
    let world = world
        .restarted(|settings| {
            settings.neighbour.public_ops_url = vec![ops.parse().unwrap()];
            settings.neighbour.neighbour_check_ms = Duration::from_millis(20);
            settings.neighbour.sync_state_ms = Duration::from_millis(20);
        })
        .await;
    let read = async |path: &str| ok(&world.get(path).await);
    wait_until("it is ready", PATIENCE, async || {
        let all = read("/api/system").await;
        let seen = &all["services"][1];
        seen["state"] == "ready"
            && seen["version"] == service_kit::VERSION
            && seen["uptime_seconds"].is_u64()
            && seen["error"].is_null()
    })
    .await;
    assert_eq!(read("/api/projects/tower").await["live"], Value::Null);

    let got = http_get(&format!("{viewers}/api/public/tower/status"), &[]).await;
    assert_eq!(got.status(), 200, "{}", got.text());
    let mut live = Value::Null;
    wait_until("what it knows is read", PATIENCE, async || {
        live = read("/api/projects/tower").await["live"].clone();
        live["state"] == "live"
    })
    .await;
    let told = http_get(&format!("{ops}/status"), &[]).await.json();
    let told = told["projects"][0].as_object().unwrap();
    for (field, value) in told.iter().filter(|(field, _)| *field != "slug") {
        let same = match field.as_str() {
            // Moves on while we look.
            "next_attempt_at" | "upstream" => !live[field].is_null() || value.is_null(),
            "unmapped" => live[field][0]["value"] == "quitado" && live[field][0]["example"] == "A2",
            _ => {
                live[field] == *value
                    || live[field]
                        .as_str()
                        .is_some_and(|it| value.as_str().is_some_and(|v| at(it) == at(v)))
            }
        };
        assert!(same, "{field}: {} is told as {value}", live[field]);
    }
    assert_eq!(live["units"], 2);
    assert!(live["upstream"]["requests"].as_u64() >= Some(1), "{live}");
    let written = |status: &'static str| {
        format!(
            "SELECT sync_status = '{status}' AND last_sync_at IS NOT NULL AND (sync_error IS NULL) = ('{status}' = 'success') FROM integration_configs"
        )
    };
    world.holds(&written("success")).await;

    project.set_fault(Fault::status(500));
    http_post(
        &format!("{viewers}/api/public/tower/status/refresh"),
        &[],
        b"",
    )
    .await;
    world.holds(&written("error")).await;

    public.sigterm();
    assert_eq!(public.wait_exit().await, Some(0), "{}", public.output());
    wait_until("it is away", PATIENCE, async || {
        read("/api/system").await["services"][1]["state"] == "away"
    })
    .await;
    world.holds(&written("error")).await;
    world.shutdown().await;
    drop(api);
}

/// An instant, however many digits it is written with.
fn at(text: &str) -> Option<chrono::DateTime<chrono::Utc>> {
    text.parse().ok()
}
