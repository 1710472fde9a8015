//! GET /sync/status: the newest run, whatever became of it, and how the portal is.

use serde_json::{Value, json};

use crate::bodies::{ok, old_status, only};
use crate::world::World;

#[tokio::test]
async fn before_the_first_run_all_is_idle() {
    let world = World::start().await;
    let body = ok(&world.get("/sync/status").await);
    assert_eq!(
        old_status(&body),
        json!({"last_execution": null, "status": "idle", "mode": null, "window_start": null, "window_end": null,
               "records_processed": 0, "duration_seconds": 0.0, "error_message": null, "last_updated": null})
    );
    assert_eq!(
        only(
            &body,
            &[
                "id",
                "task_id",
                "state",
                "progress",
                "last_success",
                "dispatch",
                "source"
            ]
        ),
        json!({"id": null, "task_id": null, "state": null, "progress": null, "last_success": null, "dispatch": null,
               "source": {"state": "down", "since": null, "breaker": null, "pace_per_second": null}})
    );
    world.shutdown().await;
}

#[tokio::test]
async fn a_run_that_is_over_is_told_as_the_first_contract_told_it() {
    let world = World::start().await;
    world
        .run(
            "mode, state, window_start, window_end, records_processed, duration_seconds, created_at, updated_at",
            "'backfill', 'success', '2025-07-10T03:00:00Z', '2025-07-11T03:00:00Z', 1234, 45.25,
             '2025-07-12T10:00:00Z', '2025-07-12T10:01:00.5Z'",
        )
        .await;
    let body = ok(&world.get("/sync/status").await);
    assert_eq!(
        old_status(&body),
        json!({"last_execution": "2025-07-12T10:00:00Z", "status": "success", "mode": "backfill",
               "window_start": "2025-07-10T03:00:00Z", "window_end": "2025-07-11T03:00:00Z",
               "records_processed": 1234, "duration_seconds": 45.25, "error_message": null,
               "last_updated": "2025-07-12T10:01:00.500Z"})
    );
    assert_eq!(body["progress"]["percent"], 100.0);
    world.shutdown().await;
}

#[tokio::test]
async fn every_state_is_told_in_the_words_of_both_contracts() {
    let world = World::start().await;
    for (state, status) in [
        ("queued", "running"),
        ("retry_wait", "running"),
        ("success", "success"),
        ("incomplete", "error"),
        ("error", "error"),
        ("cancelled", "error"),
        ("lost", "error"),
    ] {
        let id = world
            .run(
                "mode, state, next_attempt_at",
                &format!("'update', '{state}', now() + interval '1 hour'"),
            )
            .await;
        let body = ok(&world.get("/sync/status").await);
        assert_eq!(
            (&body["id"], &body["state"], &body["status"]),
            (&json!(id), &json!(state), &json!(status))
        );
    }
    world.shutdown().await;
}

#[tokio::test]
async fn a_running_one_counts_seconds_pages_and_what_is_left() {
    let world = World::start().await;
    let last = world
        .run(
            "mode, state, window_start, window_end, finished_at",
            "'update', 'success', '2025-07-10T03:00:00Z', '2025-07-10T04:00:00Z', '2025-07-10T04:01:00Z'",
        )
        .await;
    let id = world.claimed("update", 600, 0).await;
    let before = ok(&world.get("/sync/status").await);
    assert_eq!(
        before["progress"],
        json!({"percent": 0.0, "pages_done": 0, "pages_total": null, "eta_seconds": null})
    );
    for (modalidade, state, done, total, proven) in [
        (1, "complete", 4, "4", "now()"),
        (2, "running", 2, "6", "NULL"),
        (3, "pending", 0, "NULL", "NULL"),
    ] {
        world
            .sql(&format!(
                "INSERT INTO sync_segments (execution_id, endpoint, modalidade, day_from, day_to, cut_from, cut_to,
                     state, pages_done, pages_total, proven_until)
                 VALUES ({id}, 'atualizacao', {modalidade}, current_date, current_date, now() - interval '1 hour',
                     now(), '{state}', {done}, {total}, {proven})"
            ))
            .await;
    }
    world
        .sql("UPDATE sync_executions SET records_processed = 77 WHERE state = 'running'")
        .await;
    let body = ok(&world.get("/sync/status").await);
    assert_eq!(
        (&body["id"], &body["status"], &body["records_processed"]),
        (&json!(id), &json!("running"), &json!(77))
    );
    assert!(body["duration_seconds"].as_f64().unwrap() >= 60.0, "{body}");
    // Four of four, two of six, and a third that is taken for the mean of both.
    assert_eq!(body["progress"]["pages_done"], 6);
    assert_eq!(body["progress"]["pages_total"], 15);
    assert_eq!(body["progress"]["percent"], 40.0);
    assert!(
        body["progress"]["eta_seconds"].as_u64().unwrap() >= 60,
        "{body}"
    );
    assert_eq!(
        body["last_success"],
        json!({"id": last, "window_end": "2025-07-10T04:00:00Z", "finished_at": "2025-07-10T04:01:00Z"})
    );
    world.shutdown().await;
}

#[tokio::test]
async fn a_source_that_nobody_has_heard_of_for_half_a_minute_is_down() {
    let world = World::start().await;
    let source = async || ok(&world.get("/sync/status").await)["source"].clone();
    world
        .sql("INSERT INTO sync_source VALUES ('pncp', 'degraded', '2025-07-10T03:00:00Z', 'half_open', 0.5, now())")
        .await;
    let told = json!({"state": "degraded", "since": "2025-07-10T03:00:00Z", "breaker": "half_open", "pace_per_second": 0.5});
    assert_eq!(source().await, told);
    world
        .sql("UPDATE sync_source SET updated_at = '2025-07-10T04:00:00Z'")
        .await;
    let told: Value = source().await;
    assert_eq!(
        (&told["state"], &told["since"]),
        (&json!("down"), &json!("2025-07-10T04:00:00Z"))
    );
    world.shutdown().await;
}
