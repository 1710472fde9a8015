//! Runs that nobody looks after: expired leases, passed deadlines, lost messages. Who is alive is left alone.

use std::time::Duration;

use serde_json::{Value, json};
use test_kit::{PATIENCE, wait_until};

use crate::world::World;

#[tokio::test]
async fn a_run_with_an_expired_lease_is_queued_again_and_announced() {
    let world = World::start().await;
    let id = world.claimed("update", -1, 0).await;
    let row = world.state_becomes(id, "queued").await;
    assert_eq!(row["rescues"], 1);
    for gone in ["lease_token", "lease_until", "worker"] {
        assert!(row[gone].is_null(), "{gone}: {row}");
    }
    assert_eq!(row["attempt"], 1, "a rescue uses up no attempt");
    assert_eq!(world.events(id).await, ["rescued"]);
    let worker: String = world
        .value("SELECT detail->>'worker' FROM sync_events")
        .await;
    assert_eq!(worker, "worker-7");
    assert_eq!(
        announced(&world).await,
        json!({"v": 1, "execution_id": id, "mode": "update"})
    );
    wait_until("it is counted", PATIENCE, async || {
        world.service.metric("sync_lease_expired_total").await > 0.5
    })
    .await;
    world.shutdown().await;
}

#[tokio::test]
async fn a_run_that_was_rescued_three_times_is_lost_and_says_why() {
    let world = World::start().await;
    let id = world.claimed("backfill", -1, 3).await;
    let row = world.state_becomes(id, "lost").await;
    assert_eq!(row["status"], "error");
    let why = row["error_message"].as_str().unwrap();
    assert!(why.contains("4 times") && why.contains("worker-7"), "{why}");
    assert!(row["finished_at"].is_string());
    assert!(row["duration_seconds"].as_f64().unwrap() >= 60.0);
    assert_eq!(world.events(id).await, ["lost"]);
    world.a_whole_round().await;
    assert_eq!(
        world.value::<i64>("SELECT count(*) FROM outbox").await,
        0,
        "a lost run is not announced"
    );
    world.shutdown().await;
}

#[tokio::test]
async fn a_live_lease_is_never_touched() {
    let world = World::start().await;
    let id = world.claimed("update", 600, 0).await;
    let before = world.row(id).await;
    world.a_whole_round().await;
    assert_eq!(world.row(id).await, before);
    world.shutdown().await;
}

#[tokio::test]
async fn a_cancel_that_the_worker_does_not_answer_takes_its_lease() {
    let world =
        World::with(|settings| settings.keeper.cancel_seconds = Duration::from_hours(1)).await;
    let id = world.claimed("update", 600, 0).await;
    world
        .sql("UPDATE sync_executions SET state = 'cancelling', cancel_requested_at = now()")
        .await;
    world.a_whole_round().await;
    assert_eq!(
        world.row(id).await["state"],
        "cancelling",
        "the worker has its time"
    );

    world.sql("UPDATE sync_executions SET cancel_requested_at = now() - interval '2 hours' WHERE state = 'cancelling'")
        .await;
    let row = world.state_becomes(id, "cancelled").await;
    assert!(
        row["lease_token"].is_null() && row["finished_at"].is_string(),
        "{row}"
    );
    assert!(
        row["error_message"]
            .as_str()
            .unwrap()
            .contains("did not answer")
    );
    world.shutdown().await;
}

#[tokio::test]
async fn a_cancel_of_a_run_whose_worker_died_does_not_wait_for_its_deadline() {
    let world =
        World::with(|settings| settings.keeper.cancel_seconds = Duration::from_hours(1)).await;
    let id = world
        .run(
            "mode, state, worker, lease_token, lease_until, cancel_requested_at",
            "'update', 'cancelling', 'worker-7', gen_random_uuid(), now() - interval '1 second', now()",
        )
        .await;
    world.state_becomes(id, "cancelled").await;
    world.shutdown().await;
}

#[tokio::test]
async fn a_wait_that_is_over_ends_and_one_that_is_not_goes_on() {
    let world = World::start().await;
    let due = world
        .run(
            "mode, state, next_attempt_at",
            "'update', 'retry_wait', now() - interval '1 second'",
        )
        .await;
    let waiting = world
        .run(
            "mode, state, next_attempt_at",
            "'backfill', 'retry_wait', now() + interval '1 hour'",
        )
        .await;
    let row = world.state_becomes(due, "queued").await;
    assert!(row["next_attempt_at"].is_null());
    assert_eq!(announced(&world).await["execution_id"], due);
    world.a_whole_round().await;
    assert_eq!(world.row(waiting).await["state"], "retry_wait");
    world.shutdown().await;
}

#[tokio::test]
async fn two_reapers_at_once_move_every_run_once() {
    const RUNS: i64 = 150;
    let world = World::start().await;
    world
        .sql(&format!(
            "INSERT INTO sync_executions (mode, state, worker, lease_token, lease_until, started_at)
             SELECT 'backfill', 'running', 'worker-' || n, gen_random_uuid(), now() - interval '1 second', now()
             FROM generate_series(1, {RUNS}) n"
        ))
        .await;
    // A second leader, as there may be for a moment after a network failure: the first one's seat is not asked for.
    let steal = "SELECT pg_terminate_backend(pid) FROM pg_locks
        WHERE locktype = 'advisory' AND (classid::bigint << 32 | objid::bigint) = 4706230114010
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let other = world.replica(|_| {});
    for _ in 0..5 {
        world.sql(steal).await;
        world.a_whole_round().await;
    }
    world
        .holds("SELECT count(*) = 0 FROM sync_executions WHERE state = 'running'")
        .await;
    let rescued = format!(
        "SELECT count(*) = {RUNS} FROM sync_executions WHERE rescues = 1 AND state = 'queued'"
    );
    assert!(world.value::<bool>(&rescued).await);
    assert_eq!(
        world.value::<i64>("SELECT count(*) FROM outbox").await,
        RUNS
    );
    assert_eq!(
        world
            .value::<i64>("SELECT count(*) FROM sync_events WHERE kind = 'rescued'")
            .await,
        RUNS
    );
    other.shutdown().await;
    world.shutdown().await;
}

#[tokio::test]
async fn a_message_that_was_lost_is_published_again() {
    let world =
        World::with(|settings| settings.keeper.requeue_seconds = Duration::from_secs(1)).await;
    let id = world.request().await;
    announced(&world).await;
    // As if somebody had purged the queue; and once more, later.
    let body = announced(&world).await;
    assert_eq!(body["execution_id"], id);
    assert_eq!(body["data_ini"], "2025-07-10T12:00:00");
    assert_eq!(announced(&world).await["execution_id"], id);
    assert_eq!(world.row(id).await["state"], "queued");
    world.shutdown().await;
}

#[tokio::test]
async fn a_run_that_is_claimed_or_still_pending_is_not_announced_again() {
    let world = World::with(|settings| settings.keeper.requeue_seconds = Duration::ZERO).await;
    let claimed = world.claimed("update", 600, 0).await;
    let pending = world.request_on("farol.test.no.such.queue").await;
    world.a_whole_round().await;
    let letters = |id| format!("SELECT count(*) FROM outbox WHERE execution_id = {id}");
    assert_eq!(world.value::<i64>(&letters(claimed)).await, 0);
    assert_eq!(world.value::<i64>(&letters(pending)).await, 1);
    world.shutdown().await;
}

#[tokio::test]
async fn what_is_old_is_forgotten_and_what_is_young_is_kept() {
    let world = World::start().await;
    let run = world.request().await;
    world
        .holds("SELECT published_at IS NOT NULL FROM outbox")
        .await;
    world
        .sql("UPDATE outbox SET published_at = now() - interval '8 days'")
        .await;
    world
        .sql("INSERT INTO sync_idempotency (key, body_sha256, created_at)
              VALUES ('old', '\\x00', now() - interval '25 hours'), ('young', '\\x00', now() - interval '23 hours')")
        .await;
    world
        .holds("SELECT NOT EXISTS (SELECT FROM sync_idempotency WHERE key = 'old')")
        .await;
    world
        .holds(
            "SELECT NOT EXISTS (SELECT FROM outbox WHERE published_at < now() - interval '7 days')",
        )
        .await;
    assert!(
        world
            .value::<bool>("SELECT EXISTS (SELECT FROM sync_idempotency WHERE key = 'young')")
            .await
    );
    assert_eq!(
        world.row(run).await["state"],
        "queued",
        "the run itself stays"
    );
    world.shutdown().await;
}

/// The body of the next message on the test's queue.
async fn announced(world: &World) -> Value {
    let mut found = None;
    wait_until("a run is announced", PATIENCE, async || {
        if world.rabbit.depth(&world.queue).await.is_some() {
            found = world.rabbit.get(&world.queue).await;
        }
        found.is_some()
    })
    .await;
    serde_json::from_slice(&found.unwrap().body).unwrap()
}
