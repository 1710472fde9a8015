//! `Idempotency-Key`: a request that is repeated is done once.

use serde_json::{Value, json};
use test_kit::{Answer, http_request};
use tokio::task::JoinSet;

use crate::bodies::{backfill, fields, id_of, ok, problem};
use crate::world::{AUTHORIZATION, World};

async fn force(world: &World, key: &str, body: &Value) -> Answer {
    world
        .post_with(
            "/sync/force",
            &[("idempotency-key", key)],
            body.to_string().as_bytes(),
        )
        .await
}

#[tokio::test]
async fn a_repetition_gets_the_first_answer_and_starts_nothing() {
    let world = World::start().await;
    world.ready().await;
    let first = force(&world, "k-1", &backfill(10)).await;
    assert_eq!(first.header("idempotency-replayed"), None);
    let again = force(&world, "k-1", &backfill(10)).await;
    assert_eq!(ok(&again), ok(&first));
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));

    let spaced = format!(" {} \n", backfill(10)).replace(':', " : ");
    let spaced = spaced.replace("T00 : ", "T00:");
    let same = world
        .post_with(
            "/sync/force",
            &[("idempotency-key", "k-1")],
            spaced.as_bytes(),
        )
        .await;
    assert_eq!(ok(&same), ok(&first), "spaces ask for nothing else");
    assert_eq!(world.runs().await, 1);
    world.shutdown().await;
}

#[tokio::test]
async fn the_answer_stays_what_it_was_when_the_run_is_over() {
    let world = World::start().await;
    let first = ok(&force(&world, "k-1", &json!({})).await);
    world
        .sql("UPDATE sync_executions SET state = 'cancelled' WHERE state = 'queued'")
        .await;
    assert_eq!(ok(&force(&world, "k-1", &json!({})).await), first);
    assert_eq!(world.runs().await, 1);
    world.shutdown().await;
}

#[tokio::test]
async fn another_request_under_the_same_key_is_refused() {
    let world = World::start().await;
    let first = id_of(&ok(&force(&world, "k-1", &backfill(10)).await));
    let key = [("idempotency-key", "k-1")];
    let other_body = force(&world, "k-1", &backfill(12)).await;
    let other_policy = world
        .post_with(
            "/sync/force?overlap=queue",
            &key,
            backfill(10).to_string().as_bytes(),
        )
        .await;
    let other_route = world
        .post_with(&format!("/sync/executions/{first}/retry"), &key, b"")
        .await;
    for answer in [other_body, other_policy, other_route] {
        let body = problem(&answer, 422, "idempotency_key_reused");
        assert_eq!(body["errors"][0]["field"], "Idempotency-Key");
    }
    assert_eq!(world.runs().await, 1);
    world.shutdown().await;
}

#[tokio::test]
async fn while_the_first_is_being_answered_the_repetition_waits_outside() {
    let world = World::start().await;
    let id = id_of(&ok(&force(&world, "k-1", &backfill(10)).await));
    // As it stands between the commit and the answer.
    world
        .sql(&format!(
            "UPDATE sync_idempotency SET status = NULL, response = '{{\"execution_id\": {id}}}' WHERE key = 'http:k-1'"
        ))
        .await;
    let answer = force(&world, "k-1", &backfill(10)).await;
    problem(&answer, 409, "request_in_flight");
    assert_eq!(answer.header("retry-after"), Some("1"));

    // Whoever was to answer died a minute ago: the run that it led to is told.
    world.sql("UPDATE sync_idempotency SET created_at = now() - interval '61 seconds' WHERE key = 'http:k-1'").await;
    let told = force(&world, "k-1", &backfill(10)).await;
    assert_eq!(id_of(&ok(&told)), id);
    assert_eq!(told.header("idempotency-replayed"), Some("true"));
    assert_eq!(
        ok(&force(&world, "k-1", &backfill(10)).await),
        ok(&told),
        "and that is the answer now"
    );
    assert_eq!(world.runs().await, 1);
    world.shutdown().await;
}

#[tokio::test]
async fn twenty_repetitions_at_once_start_one_run() {
    let world = World::start().await;
    world.ready().await;
    let mut asking = JoinSet::new();
    for _ in 0..20 {
        let url = world.url("/sync/force?overlap=queue");
        asking.spawn(async move {
            let headers = [AUTHORIZATION, ("idempotency-key", "k-1")];
            http_request("POST", &url, &headers, b"").await
        });
    }
    for answer in asking.join_all().await {
        match answer.status() {
            200 => assert_eq!(answer.json()["success"], true),
            _ => drop(problem(&answer, 409, "request_in_flight")),
        }
    }
    assert_eq!(world.runs().await, 1);
    world.shutdown().await;
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let world = World::start().await;
    let first = id_of(&ok(&force(&world, "k-1", &backfill(10)).await));
    world
        .sql("UPDATE sync_idempotency SET created_at = now() - interval '24 hours 1 second'")
        .await;
    let second = force(&world, "k-1", &backfill(14)).await;
    assert_ne!(id_of(&ok(&second)), first);
    world.shutdown().await;
}

#[tokio::test]
async fn a_request_that_was_refused_leaves_its_key_free() {
    let world = World::start().await;
    let blocking = id_of(&ok(&world.post("/sync/force", &backfill(10)).await));
    problem(
        &force(&world, "k-1", &backfill(10)).await,
        409,
        "overlapping_execution",
    );
    problem(
        &force(&world, "k-1", &json!({"mode": "backfill"})).await,
        400,
        "missing_dates",
    );
    world
        .sql(&format!(
            "UPDATE sync_executions SET state = 'cancelled' WHERE id = {blocking}"
        ))
        .await;
    assert_ne!(
        id_of(&ok(&force(&world, "k-1", &backfill(10)).await)),
        blocking
    );
    world.shutdown().await;
}

#[tokio::test]
async fn a_retry_is_done_once_too() {
    let world = World::start().await;
    let failed = world.run("mode, state", "'update', 'error'").await;
    let path = format!("/sync/executions/{failed}/retry");
    let key = [("idempotency-key", "k-1")];
    let first = ok(&world.post_with(&path, &key, b"").await);
    assert_eq!(ok(&world.post_with(&path, &key, b"").await), first);
    assert_eq!(world.runs().await, 2);
    world.shutdown().await;
}

#[tokio::test]
async fn keys_of_the_broker_are_not_reached_and_odd_keys_are_refused() {
    let world = World::start().await;
    world
        .sql("INSERT INTO sync_idempotency (key, body_sha256) VALUES ('amqp:7', '\\x00')")
        .await;
    ok(&force(&world, "amqp:7", &json!({})).await);
    for key in ["", "   ", &"k".repeat(256), "chave-ç"] {
        assert_eq!(
            fields(&force(&world, key, &json!({})).await),
            ["Idempotency-Key"],
            "{key:?}"
        );
    }
    world.shutdown().await;
}
