//! What is known of the other services, whatever they answer, and what the replicas of public-service know together.

use std::time::Duration;

use admin_sync_service::settings::Settings;
use serde_json::{Value, json};
use test_kit::{PATIENCE, wait_until};
use tokio::net::TcpListener;

use crate::bodies::ok;
use crate::ops_listeners::{OpsListener, told};
use crate::world::World;

/// A world whose neighbours are looked at all the time.
pub async fn looking(change: impl FnOnce(&mut Settings)) -> World {
    World::with(|settings| {
        settings.neighbour.neighbour_check_ms = Duration::from_millis(20);
        change(settings);
    })
    .await
}

/// The services of the system page but for the one that answers, once `found` is satisfied with them.
pub async fn services(
    world: &World,
    what: &str,
    mut found: impl FnMut(&[Value]) -> bool,
) -> Vec<Value> {
    let mut last = Vec::new();
    wait_until(what, PATIENCE, async || {
        let system = ok(&world.get("/api/system").await);
        last = system["services"].as_array().unwrap()[1..].to_vec();
        found(&last)
    })
    .await;
    last
}

/// A project as operators see it, once `found` is satisfied with what is live of it.
async fn live(world: &World, slug: &str, what: &str, found: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    wait_until(what, PATIENCE, async || {
        last = ok(&world.get(&format!("/api/projects/{slug}")).await)["live"].clone();
        found(&last)
    })
    .await;
    last
}

async fn project(world: &World, slug: &str) {
    let made = world
        .post("/api/projects", &json!({"slug": slug, "name": slug}))
        .await;
    assert_eq!(made.status(), 201, "{}", made.text());
}

#[tokio::test]
async fn a_service_is_shown_as_it_says_that_it_is() {
    let listener = OpsListener::ready("1.2.3", &json!([])).await;
    let world = looking(|it| it.neighbour.gateway_ops_url = vec![listener.url()]).await;
    let seen = services(&world, "it is ready", |all| all[0]["state"] == "ready").await;
    let expected = json!({
        "service": "sse-gateway", "url": listener.url().as_str().trim_end_matches('/'), "state": "ready",
        "version": "1.2.3", "uptime_seconds": 100, "error": null, "seen_at": seen[0]["seen_at"],
        "checks": {"database": {"status": "ready", "since": "2025-07-10T10:00:00Z"}},
    });
    assert_eq!(seen, [expected]);
    let database =
        json!({"status": "not_ready", "since": "2025-07-10T11:00:00.000Z", "detail": "no answer"});
    listener.health(
        503,
        &json!({"status": "not_ready", "checks": {"database": database}}),
    );
    let seen = services(&world, "it is not", |all| all[0]["state"] == "not_ready").await;
    assert_eq!(seen[0]["checks"]["database"]["detail"], "no answer");
    assert_eq!(
        (&seen[0]["version"], &seen[0]["error"]),
        (&json!("1.2.3"), &Value::Null)
    );
    world.shutdown().await;
}

#[tokio::test]
async fn what_is_none_of_our_services_or_does_not_answer_is_away_and_says_why() {
    let (odd, gone) = (OpsListener::ready("1", &json!([])).await, nobody().await);
    let world = looking(|it| {
        it.neighbour.telemetry_ops_url = vec![odd.url(), gone.parse().unwrap()];
    })
    .await;
    for (status, body, why) in [
        (404, "{}", "404"),
        (200, "<html>", "none of a service of ours"),
        (503, "overloaded", "none of a service of ours"),
        (500, "{\"status\": \"ready\"}", "500"),
    ] {
        odd.says("/health/ready", status, body);
        services(&world, &format!("{status} {body}"), |all| {
            all[0]["state"] == "away" && all[0]["error"].as_str().unwrap().contains(why)
        })
        .await;
    }
    let seen = services(&world, "nobody is there", |all| {
        all[1]["error"]
            .as_str()
            .is_some_and(|why| why.contains("connection failed"))
    })
    .await;
    assert_eq!(seen[1]["state"], "away");
    assert_eq!(seen[1]["checks"], json!({}));
    odd.health(200, &json!({"status": "ready", "checks": {}}));
    odd.says("/status", 200, "[");
    odd.says("/metrics", 200, "\u{0}\u{1}");
    let seen = services(&world, "it is ready again", |all| {
        all[0]["state"] == "ready"
    })
    .await;
    let error = seen[0]["error"].as_str().unwrap();
    assert!(error.contains("/status"), "{error}");
    assert_eq!(seen[0]["uptime_seconds"], Value::Null);
    world.shutdown().await;
}

#[tokio::test]
async fn one_that_does_not_answer_holds_up_no_other() {
    let (silent, well) = (
        OpsListener::ready("1", &json!([])).await,
        OpsListener::ready("2", &json!([])).await,
    );
    silent.falls_silent();
    let world = looking(|it| {
        it.neighbour.public_ops_url = vec![silent.url()];
        it.neighbour.ingestor_ops_url = vec![well.url()];
    })
    .await;
    wait_until(
        "the other one is asked again and again",
        PATIENCE,
        async || well.asked("/health/ready") > 20,
    )
    .await;
    let seen = services(&world, "its deadline passes", |all| {
        all[0]["error"].as_str().unwrap().contains("deadline")
    })
    .await;
    assert_eq!(
        (&seen[0]["state"], &seen[1]["state"]),
        (&json!("away"), &json!("ready"))
    );
    world.shutdown().await;
}

#[tokio::test]
async fn the_version_is_asked_for_once_and_again_when_another_process_answers() {
    let listener = OpsListener::ready("1.0.0", &json!([])).await;
    let world = looking(|it| it.neighbour.public_ops_url = vec![listener.url()]).await;
    wait_until("it is looked at often", PATIENCE, async || {
        listener.asked("/status") > 10
    })
    .await;
    assert_eq!(listener.asked("/metrics"), 1);
    listener.version("1.0.1");
    listener.says("/status", 200, r#"{"projects": [], "uptime_seconds": 1}"#);
    let seen = services(&world, "the new build is shown", |all| {
        all[0]["version"] == "1.0.1"
    })
    .await;
    assert_eq!(seen[0]["uptime_seconds"], 1);
    world.shutdown().await;
}

#[tokio::test]
async fn the_views_of_two_replicas_are_one_picture() {
    let fresh = told("tower", "live", "2025-07-10T12:00:00.000Z");
    let mut old = told("tower", "stale", "2025-07-10T11:59:00.000Z");
    old["last_error"] = json!("no answer");
    old["unmapped"] = json!([]);
    let one = OpsListener::ready("1", &json!([old])).await;
    let other = OpsListener::ready("1", &json!([fresh, {"slug": 7}, "garbage"])).await;
    let world = looking(|it| it.neighbour.public_ops_url = vec![one.url(), other.url()]).await;
    project(&world, "tower").await;
    let shown = live(&world, "tower", "both are heard", |live| {
        live["subscribers"] == 4
    })
    .await;
    let mut expected = told("tower", "live", "2025-07-10T12:00:00Z");
    expected.as_object_mut().unwrap().remove("slug");
    expected["subscribers"] = json!(4);
    expected["upstream"] = json!({"requests": 20, "not_modified": 8, "failures": 2});
    expected["next_attempt_at"] = json!("2025-07-10T12:00:30Z");
    expected["unmapped"][0]["first_seen"] = json!("2025-07-10T11:00:00Z");
    expected["unmapped"][0]["last_seen"] = json!("2025-07-10T12:00:00Z");
    assert_eq!(shown, expected);

    let mut newer = told("tower", "stale", "2025-07-10T12:00:10.000Z");
    newer["last_error"] = json!("HTTP 500");
    one.projects(&json!([newer]));
    let shown = live(&world, "tower", "the newest is believed", |live| {
        live["state"] == "stale"
    })
    .await;
    assert_eq!(shown["last_error"], "HTTP 500");
    other.falls_silent();
    let shown = live(&world, "tower", "one is away", |live| {
        live["subscribers"] == 2
    })
    .await;
    assert_eq!(shown["state"], "stale");
    one.projects(&json!([]));
    live(&world, "tower", "nobody knows it", Value::is_null).await;
    let known = async || ok(&world.get("/api/projects/tower").await)["live_known"].clone();
    assert_eq!(known().await, true);
    one.falls_silent();
    wait_until("nobody can say any more", PATIENCE, async || {
        known().await == false
    })
    .await;
    world.shutdown().await;
}

/// An address where nobody listens.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
