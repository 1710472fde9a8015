//! GET /api/system: everything's present, as far as it can be told.

use serde_json::{Value, json};
use test_kit::{PATIENCE, wait_until};

use crate::bodies::ok;
use crate::force::cuttable;
use crate::neighbours::looking;
use crate::ops_listeners::OpsListener;
use crate::world::World;

async fn system(world: &World, what: &str, found: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    wait_until(what, PATIENCE, async || {
        last = ok(&world.get("/api/system").await);
        found(&last)
    })
    .await;
    last
}

#[tokio::test]
async fn everything_is_on_one_page() {
    let (one, two, gateway) = (
        OpsListener::ready("1", &json!([])).await,
        OpsListener::ready("2", &json!([])).await,
        OpsListener::ready("3", &json!([])).await,
    );
    let world = looking(|it| {
        it.neighbour.gateway_ops_url = vec![gateway.url()];
        it.neighbour.public_ops_url = vec![one.url(), two.url()];
    })
    .await;
    world.ready().await;
    world
        .sql("INSERT INTO sync_source VALUES ('pncp', 'degraded', '2025-07-10T10:00Z', 'half_open', 0.5, now())")
        .await;
    let dead = format!("{}.dead", world.queue);
    world.rabbit.publish(&dead, "garbage").await;
    let told = system(&world, "all is told", |it| {
        it["dead_letters"] == 1
            && it["incidents"][0]["id"] == "dead_letters"
            && it["services"]
                .as_array()
                .unwrap()
                .iter()
                .all(|it| it["state"] == "ready")
    })
    .await;
    let services = told["services"].as_array().unwrap().iter();
    let services: Vec<_> = services
        .map(|it| {
            (
                it["service"].as_str().unwrap(),
                it["version"].as_str().unwrap(),
            )
        })
        .collect();
    let itself = ("admin-sync-service", service_kit::VERSION);
    let others = [
        ("public-service", "1"),
        ("public-service", "2"),
        ("sse-gateway", "3"),
    ];
    assert_eq!(services, [&[itself][..], &others].concat());
    let itself = &told["services"][0];
    assert_eq!(
        (&itself["url"], &itself["error"]),
        (&Value::Null, &Value::Null)
    );
    assert!(itself["uptime_seconds"].is_u64(), "{itself}");
    assert_eq!(itself["checks"]["database"]["status"], "ready");
    assert_eq!(
        told["source"],
        json!({"state": "degraded", "since": "2025-07-10T10:00:00Z", "breaker": "half_open", "pace_per_second": 0.5})
    );
    assert_eq!(
        told["outbox"],
        json!({"pending": 0, "oldest_age_seconds": 0.0})
    );
    let incident = &told["incidents"][0];
    assert_eq!(
        (&incident["kind"], &incident["execution_id"]),
        (&json!("dead_letters"), &Value::Null)
    );
    assert!(
        incident["summary"].as_str().unwrap().contains(&dead),
        "{incident}"
    );
    assert!(
        incident["what_to_do"].as_str().unwrap().contains("requeue"),
        "{incident}"
    );
    assert!(incident["opened_at"].is_string() && told["as_of"].is_string());
    world.shutdown().await;
}

#[tokio::test]
async fn without_neighbours_and_before_any_ingestor_it_is_whole() {
    let world = World::start().await;
    world.ready().await;
    let told = system(&world, "the figures are there", |it| {
        !it["outbox"].is_null() && !it["dead_letters"].is_null()
    })
    .await;
    assert_eq!(told["services"].as_array().unwrap().len(), 1);
    assert_eq!(told["source"]["state"], "down");
    assert_eq!(
        (&told["incidents"], &told["dead_letters"]),
        (&json!([]), &json!(0))
    );
    world.shutdown().await;
}

#[tokio::test]
async fn without_its_database_it_tells_the_rest_and_nothing_that_is_old() {
    let (world, proxy) = cuttable().await;
    world.ready().await;
    system(&world, "the figures are there", |it| {
        !it["outbox"].is_null() && !it["dead_letters"].is_null()
    })
    .await;
    proxy.cut();
    let told = system(&world, "the database is away", |it| {
        it["services"][0]["state"] == "not_ready"
    })
    .await;
    let check = &told["services"][0]["checks"]["database"];
    assert_eq!(check["status"], "not_ready", "{check}");
    for unknown in ["source", "outbox", "incidents"] {
        assert_eq!(told[unknown], Value::Null, "{unknown}");
    }
    proxy.restore();
    system(&world, "it is back", |it| it["incidents"] == json!([])).await;
    world.shutdown().await;
}

#[tokio::test]
async fn the_neighbours_are_counted_by_how_they_are() {
    let ready = OpsListener::ready("1", &json!([])).await;
    let away = OpsListener::ready("1", &json!([])).await;
    away.says("/health/ready", 404, "");
    let world = looking(|it| {
        it.neighbour.ingestor_ops_url = vec![ready.url(), away.url()];
    })
    .await;
    wait_until("both are counted", PATIENCE, async || {
        let mut counts = Vec::new();
        for state in ["ready", "not_ready", "away"] {
            let metric = format!("admin_neighbours{{state=\"{state}\"}}");
            counts.push(world.service.metric(&metric).await);
        }
        counts == [1.0, 0.0, 1.0]
    })
    .await;
    world.shutdown().await;
}
