//! What operators rely on: the documents say what there is, all of it, and nothing that is not.

use std::collections::BTreeMap;

use demo_world::portal::Match;
use ingestor::settings::Settings;
use serde_json::Value;
use service_kit::settings::ServiceSettings as _;
use test_kit::{
    LogCapture, PATIENCE, http_get, printed_metrics, told_metrics, told_settings, wait_until,
};

use crate::world::{World, midnight, next, records, wednesday};

const OPERATIONS: &str = include_str!("../../../../docs/OPERATIONS.md");

#[tokio::test]
async fn the_metrics_of_the_document_are_the_metrics_that_are_printed() {
    let world = World::new().await;
    let ingestor = world.ingestor();
    let printed = http_get(&format!("http://{}/metrics", ingestor.ops), &[]).await;

    let told = told_metrics(OPERATIONS, "## ingestor: metrics");

    assert_eq!(told, printed_metrics(printed.text()));
    ingestor.stop().await;
}

#[test]
fn the_settings_of_the_document_are_the_settings_with_their_defaults() {
    let told = told_settings(OPERATIONS, "## ingestor: settings");
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

#[tokio::test]
async fn status_says_what_runs_and_how_the_source_is() {
    let world = World::new().await;
    let day = wednesday();
    for record in records(1, 30, 6, day) {
        world.portal.put(record);
    }
    let gate = world.portal.hold_at(Match::any());
    let ingestor = world.ingestor();
    let id = world.backfill(midnight(day), midnight(next(day))).await;
    world.ring(id, "backfill").await;
    let mut status = Value::Null;
    wait_until("the run is shown", PATIENCE, async || {
        status = ingestor.status().await;
        status["runs"][0]["stage"] == "contratacoes" && status["runs"][0]["segments"] == 2
    })
    .await;
    gate.release();
    world.over(id).await;

    let run = &status["runs"][0];
    assert_eq!(run["execution_id"], id);
    assert_eq!(run["mode"], "backfill");
    assert_eq!(run["window_start"], "2025-07-09T03:00:00Z");
    assert_eq!(status["source"]["state"], "ok");
    assert_eq!(status["source"]["breaker"], "closed");
    assert!(status["worker"].as_str().unwrap().starts_with("ingestor-"));
    ingestor.stop().await;
}

#[tokio::test]
async fn the_service_is_ready_once_database_and_broker_are() {
    let world = World::new().await;
    let ingestor = world.ingestor();
    let mut ready = Value::Null;
    wait_until("it is ready", PATIENCE, async || {
        let answer = http_get(&format!("http://{}/health/ready", ingestor.ops), &[]).await;
        ready = answer.json();
        answer.status() == 200
    })
    .await;
    for check in ["database", "broker.consumer", "broker.publisher"] {
        assert_eq!(ready["checks"][check]["status"], "ready", "{ready}");
    }
    ingestor.stop().await;
}

#[tokio::test]
async fn no_secret_is_ever_told_however_talkative_the_service_is() {
    let log = LogCapture::start();
    let world = World::new().await;
    // Port 9 is nobody's.
    let ingestor = world.ingestor_with(|settings| {
        let database = "postgres://ana:s3cret-of-database@127.0.0.1:9/farol".to_owned();
        settings.database.database_url = database.into();
        let broker = "amqp://ana:s3cret-of-broker@127.0.0.1:9/%2f".to_owned();
        settings.broker.rabbitmq_url = broker.into();
    });
    let mut ready = Value::Null;
    wait_until("both are told", PATIENCE, async || {
        ready = http_get(&format!("http://{}/health/ready", ingestor.ops), &[])
            .await
            .json();
        let told = |check: &str| ready["checks"][check]["detail"] != "starting";
        told("database") && told("broker.consumer") && told("broker.publisher")
    })
    .await;
    let shown = format!("{ready}{}", ingestor.status().await);
    ingestor.stop().await;

    for secret in ["s3cret-of-database", "s3cret-of-broker"] {
        assert!(!shown.contains(secret), "{shown}");
        log.assert_silent_about(secret);
    }
}
