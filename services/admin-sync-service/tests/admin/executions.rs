//! Single runs: what is shown of them, how they are ended, how they are repeated.

use serde_json::json;

use crate::bodies::{backfill, id_of, ok, only, problem};
use crate::world::World;

const TERMINAL: [&str; 5] = ["success", "incomplete", "error", "cancelled", "lost"];

#[tokio::test]
async fn a_run_is_shown_with_its_segments_and_events() {
    let world = World::start().await;
    let id = id_of(&ok(&world.post("/sync/force", &backfill(10)).await));
    world
        .sql(&format!(
            "INSERT INTO sync_segments (execution_id, endpoint, modalidade, day_from, day_to, cut_from, cut_to, state,
                 pages_done, pages_total, expected, got, inserted, attempts, proven_until, error_class, last_error)
             VALUES ({id}, 'publicacao', 6, '2025-07-10', '2025-07-10', '2025-07-10T03:00Z', '2025-07-11T03:00Z',
                     'complete', 3, 3, 120, 120, 120, 1, '2025-07-11T03:00Z', NULL, NULL),
                    ({id}, 'publicacao', 8, '2025-07-10', '2025-07-10', '2025-07-10T03:00Z', '2025-07-11T03:00Z',
                     'failed', 1, 4, 200, 50, 50, 5, NULL, 'overloaded', 'HTTP 503')"
        ))
        .await;
    let body = ok(&world.get(&format!("/sync/executions/{id}")).await);
    assert_eq!(body["id"], id);
    assert_eq!(
        (&body["parent_id"], &body["rescues"]),
        (&json!(null), &json!(0))
    );
    let segments = body["segments"].as_array().unwrap();
    assert_eq!(segments.len(), 2);
    assert_eq!(
        only(
            &segments[1],
            &[
                "endpoint",
                "modalidade",
                "day_from",
                "state",
                "expected",
                "got",
                "error_class"
            ]
        ),
        json!({"endpoint": "publicacao", "modalidade": 8, "day_from": "2025-07-10", "state": "failed",
               "expected": 200, "got": 50, "error_class": "overloaded"})
    );
    let progress = &body["progress"];
    assert_eq!(
        (&progress["pages_done"], &progress["pages_total"]),
        (&json!(4), &json!(4))
    );
    let events = body["events"].as_array().unwrap();
    assert_eq!(
        (&events[0]["actor"], &events[0]["kind"]),
        (&json!("ana"), &json!("requested"))
    );
    world.shutdown().await;
}

#[tokio::test]
async fn what_names_no_run_is_not_found() {
    let world = World::start().await;
    for id in [
        "1",
        "0",
        "-1",
        "abc",
        "2147483648",
        "99999999999999999999",
        "1.0",
        "%00",
        "1%27--",
        "+1",
        "%D9%A3",
    ] {
        for answer in [
            world.get(&format!("/sync/executions/{id}")).await,
            world
                .post(&format!("/sync/executions/{id}/cancel"), &json!({}))
                .await,
            world
                .post(&format!("/sync/executions/{id}/retry"), &json!({}))
                .await,
        ] {
            problem(&answer, 404, "execution_not_found");
        }
    }
    world.shutdown().await;
}

#[tokio::test]
async fn a_run_that_waits_is_cancelled_at_once() {
    let world = World::start().await;
    for state in ["queued", "retry_wait"] {
        let columns = "mode, state, next_attempt_at, window_start, window_end";
        let values = format!(
            "'backfill', '{state}', now() + interval '1 hour', now() - interval '1 day', now()"
        );
        let id = world.run(columns, &values).await;
        let answer = world
            .post(&format!("/sync/executions/{id}/cancel"), &json!({}))
            .await;
        assert_eq!(answer.status(), 202);
        assert_eq!(answer.json(), json!({"id": id, "state": "cancelled"}));
        let row = world.row(id).await;
        assert_eq!(
            (&row["state"], &row["status"]),
            (&json!("cancelled"), &json!("error"))
        );
        assert_eq!(row["error_message"], "cancelled by ana");
        assert!(
            row["finished_at"].is_string() && row["next_attempt_at"].is_null(),
            "{row}"
        );
        assert_eq!(world.events(id).await, ["cancelled"]);
    }
    world.shutdown().await;
}

#[tokio::test]
async fn a_run_that_is_worked_on_is_told_to_end_and_keeps_its_lease_until_then() {
    let world = World::start().await;
    let id = world.claimed("update", 600, 0).await;
    for _ in 0..2 {
        let answer = world
            .post(&format!("/sync/executions/{id}/cancel"), &json!({}))
            .await;
        assert_eq!(answer.status(), 202);
        assert_eq!(answer.json(), json!({"id": id, "state": "cancelling"}));
    }
    let row = world.row(id).await;
    assert_eq!(
        (&row["state"], &row["status"]),
        (&json!("cancelling"), &json!("running"))
    );
    assert!(
        row["lease_token"].is_string() && row["cancel_requested_at"].is_string(),
        "{row}"
    );
    assert_eq!(
        world.events(id).await,
        ["cancel_requested"],
        "a repetition asks for nothing new"
    );
    world.shutdown().await;
}

#[tokio::test]
async fn a_run_that_is_over_cannot_be_cancelled() {
    let world = World::start().await;
    for state in TERMINAL {
        let id = world
            .run("mode, state", &format!("'update', '{state}'"))
            .await;
        let before = world.row(id).await;
        let answer = world
            .post(&format!("/sync/executions/{id}/cancel"), &json!({}))
            .await;
        assert_eq!(problem(&answer, 409, "state_forbids")["state"], state);
        assert_eq!(world.row(id).await, before);
    }
    world.shutdown().await;
}

#[tokio::test]
async fn a_retry_is_a_new_run_over_the_same_window() {
    let world = World::start().await;
    world.ready().await;
    for state in ["incomplete", "error", "cancelled", "lost"] {
        let columns = "mode, state, attempt, window_start, window_end";
        let values =
            format!("'backfill', '{state}', 2, '2025-07-10T03:00:00Z', '2025-07-11T03:00:00Z'");
        let parent = world.run(columns, &values).await;
        let before = world.row(parent).await;
        let answer = world
            .post(&format!("/sync/executions/{parent}/retry"), &json!({}))
            .await;
        let body = ok(&answer);
        let id = id_of(&body);
        assert_eq!(body["message"], "Sync request published: backfill");
        assert_eq!(
            answer.header("location"),
            Some(&*format!("/sync/executions/{id}"))
        );
        let read = ok(&world.get(&format!("/sync/executions/{id}")).await);
        assert_eq!(
            only(
                &read,
                &[
                    "parent_id",
                    "attempt",
                    "state",
                    "window_start",
                    "window_end",
                    "requested_by"
                ]
            ),
            json!({"parent_id": parent, "attempt": 3, "state": "queued", "requested_by": "ana",
                   "window_start": "2025-07-10T03:00:00Z", "window_end": "2025-07-11T03:00:00Z"})
        );
        assert_eq!(world.events(id).await, ["retry_requested"]);
        assert_eq!(
            world.row(parent).await,
            before,
            "what is over never changes"
        );
        world
            .post(&format!("/sync/executions/{id}/cancel"), &json!({}))
            .await;
    }
    world.shutdown().await;
}

#[tokio::test]
async fn what_went_well_or_is_not_over_is_not_repeated() {
    let world = World::start().await;
    let running = world.claimed("update", 600, 0).await;
    let queued = world.run("mode, state", "'update', 'queued'").await;
    let success = world.run("mode, state", "'update', 'success'").await;
    for (id, state) in [
        (running, "running"),
        (queued, "queued"),
        (success, "success"),
    ] {
        let answer = world
            .post(&format!("/sync/executions/{id}/retry"), &json!({}))
            .await;
        assert_eq!(problem(&answer, 409, "state_forbids")["state"], state);
    }
    assert_eq!(world.runs().await, 3);
    world.shutdown().await;
}

#[tokio::test]
async fn a_retry_respects_who_is_in_its_way() {
    let world = World::start().await;
    let failed = world.run("mode, state", "'update', 'error'").await;
    let path = format!("/sync/executions/{failed}/retry");
    let first = id_of(&ok(&world.post(&path, &json!({})).await));
    let answer = world.post(&path, &json!({})).await;
    assert_eq!(
        problem(&answer, 409, "overlapping_execution")["blocking_id"],
        first
    );
    let second = id_of(&ok(&world
        .post(&format!("{path}?overlap=queue"), &json!({}))
        .await));
    assert!(second > first);
    world.shutdown().await;
}
