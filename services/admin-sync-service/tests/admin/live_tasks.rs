//! The task stream through a real gateway, and the routes of tasks beside it.

use chrono::DateTime;
use serde_json::json;
use test_kit::http_request;

use crate::bodies::ok;
use crate::live::{Live, closed, told, told_until};
use crate::world::AUTHORIZATION;

#[tokio::test]
async fn a_viewer_follows_a_run_from_the_queue_to_its_end() {
    let live = Live::start().await;
    let run = live.world.request().await;
    let mut stream = live.watch(run).await;
    let waiting = told(&mut stream, "progress_update").await;
    assert_eq!(
        waiting,
        json!({"text": "Waiting for a worker", "value": 0.0, "state": "queued", "pages": 0,
               "pages_total": null, "records": 0, "eta_seconds": null})
    );

    live.claim(run).await;
    assert_eq!(
        told(&mut stream, "task_started").await,
        json!({"mode": "backfill", "window_start": "2025-07-10T15:00:00Z",
               "window_end": "2025-07-10T21:00:00Z", "attempt": 1})
    );
    live.progress(run, 10, 40, 500).await;
    let progress = told_until(&mut stream, |data| data["records"] == 500).await;
    assert_eq!(
        (&progress["text"], &progress["value"], &progress["pages"]),
        (&json!("10 of 40 pages read"), &json!(0.25), &json!(10))
    );
    // The run learns of more pages: the bar stands still and does not fall back.
    live.progress(run, 12, 100, 600).await;
    let progress = told_until(&mut stream, |data| data["records"] == 600).await;
    assert_eq!(
        (&progress["text"], &progress["value"]),
        (&json!("12 of 100 pages read"), &json!(0.25))
    );

    live.world
        .sql(&format!(
            "UPDATE sync_executions SET verdict = 'complete' WHERE id = {run}"
        ))
        .await;
    live.end(run, "success").await;
    assert_eq!(
        told(&mut stream, "task_completed").await,
        json!({"execution_id": run, "state": "success", "records_processed": 600,
               "duration_seconds": 12.5, "verdict": "complete"})
    );
    closed(&mut stream, "task_completed").await;
    live.connections_are(0).await;
    live.shutdown().await;
}

#[tokio::test]
async fn a_late_viewer_gets_the_present_state_first() {
    let live = Live::start().await;
    let run = live.world.claimed("update", 600, 0).await;
    live.progress(run, 30, 40, 700).await;
    let mut stream = live.watch(run).await;
    told(&mut stream, "task_started").await;
    let progress = told(&mut stream, "progress_update").await;
    assert_eq!(
        (&progress["value"], &progress["records"], &progress["state"]),
        (&json!(0.75), &json!(700), &json!("running"))
    );
    assert!(progress["eta_seconds"].is_u64(), "{progress}");
    live.shutdown().await;
}

#[tokio::test]
async fn a_viewer_after_the_end_gets_the_outcome_and_a_close() {
    let live = Live::start().await;
    for (state, kind, reason, error) in [
        ("success", "task_completed", "task_completed", None),
        (
            "incomplete",
            "task_failed",
            "task_failed",
            Some("Not everything could be read"),
        ),
        (
            "error",
            "task_failed",
            "task_failed",
            Some("The run failed"),
        ),
        (
            "lost",
            "task_failed",
            "task_failed",
            Some("The run was given up"),
        ),
        (
            "cancelled",
            "task_failed",
            "task_cancelled",
            Some("The run was cancelled"),
        ),
    ] {
        let run = live
            .world
            .run(
                "mode, state, error_message, records_processed",
                &format!("'update', '{state}', 'password=hunter2 at 10.0.0.1', 7"),
            )
            .await;
        let mut stream = live.watch(run).await;
        let data = told(&mut stream, kind).await;
        assert_eq!(
            (&data["state"], &data["records_processed"]),
            (&json!(state), &json!(7))
        );
        assert_eq!(data.get("error"), error.map(|it| json!(it)).as_ref());
        assert!(!data.to_string().contains("hunter2"), "{data}");
        closed(&mut stream, reason).await;
    }
    live.shutdown().await;
}

#[tokio::test]
async fn an_unknown_id_is_told_so_and_closed() {
    let live = Live::start().await;
    for id in ["5b0c1c43-6d4a-4d22-9b1e-000000000000", "no-uuid", "%00%ff"] {
        let mut stream = live.open(&format!("/api/sse/tasks?task_id={id}")).await;
        let error = stream.expect("error").await.json();
        assert_eq!(error["error"], "Task not found");
        assert!(error["task_id"].is_string(), "{error}");
        closed(&mut stream, "task_not_found").await;
    }
    live.shutdown().await;
}

#[tokio::test]
async fn two_tabs_each_get_everything_and_do_not_disturb_each_other() {
    let live = Live::start().await;
    let run = live.world.claimed("update", 600, 0).await;
    let (mut one, mut other) = (live.watch(run).await, live.watch(run).await);
    let third = live.watch(run).await;
    for tab in [&mut one, &mut other] {
        told(tab, "task_started").await;
    }
    live.connections_are(3).await;
    third.close();
    live.connections_are(2).await;
    live.saved(run, 5).await;
    for tab in [&mut one, &mut other] {
        told_until(tab, |data| data["records"] == 5).await;
    }
    live.end(run, "error").await;
    for tab in [&mut one, &mut other] {
        told(tab, "task_failed").await;
        closed(tab, "task_failed").await;
    }
    live.shutdown().await;
}

#[tokio::test]
async fn progress_is_told_at_most_four_times_a_second() {
    let live = Live::start().await;
    let run = live.world.claimed("update", 600, 0).await;
    let mut stream = live.watch(run).await;
    told(&mut stream, "task_started").await;
    for records in 1..=200 {
        live.saved(run, records).await;
    }
    let mut times = Vec::new();
    loop {
        let event = stream.expect("task_event").await.json();
        let at = event["timestamp"].as_str().unwrap();
        times.push(DateTime::parse_from_rfc3339(at).unwrap());
        if event["data"]["records"] == 200 {
            break;
        }
    }
    for pair in times.windows(2) {
        // Stamps are cut to milliseconds.
        assert!((pair[1] - pair[0]).num_milliseconds() >= 249, "{times:?}");
    }
    live.shutdown().await;
}

#[tokio::test]
async fn a_cancelled_task_ends_its_streams() {
    let live = Live::start().await;
    let run = live.world.request().await;
    let mut stream = live.watch(run).await;
    told(&mut stream, "progress_update").await;
    let path = format!("/api/tasks/{}/cancel", live.task(run).await);
    let answer = live.world.post(&path, &json!({})).await;
    assert_eq!(
        ok(&answer),
        json!({"success": true, "message": "Task cancellation requested"})
    );
    let failed = told(&mut stream, "task_failed").await;
    assert_eq!(failed["state"], "cancelled");
    closed(&mut stream, "task_cancelled").await;
    let again = live.world.post(&path, &json!({})).await;
    assert_eq!(
        (again.status(), again.json()),
        (409, json!({"error": "Task is already finished"}))
    );
    live.shutdown().await;
}

#[tokio::test]
async fn the_status_of_a_task_is_told_in_the_words_of_its_stream() {
    let live = Live::start().await;
    for (state, status) in [
        ("queued", "pending"),
        ("retry_wait", "pending"),
        ("success", "completed"),
        ("incomplete", "failed"),
        ("error", "failed"),
        ("lost", "failed"),
        ("cancelled", "cancelled"),
    ] {
        let run = live
            .world
            .run(
                "mode, state, next_attempt_at, finished_at, error_message",
                &format!(
                    "'update', '{state}', now() + interval '1 hour', '2025-07-10T03:00:00Z', 'why'"
                ),
            )
            .await;
        let task = live.task(run).await;
        let body = ok(&live.world.get(&format!("/api/tasks/{task}/status")).await);
        assert_eq!(
            (&body["task_id"], &body["status"]),
            (&json!(task), &json!(status))
        );
        let failed = ["failed", "cancelled"].contains(&status);
        assert_eq!(
            body["error"],
            if failed { json!("why") } else { json!(null) }
        );
        assert_eq!(body["result"].is_object(), status == "completed", "{body}");
    }
    let running = live.world.claimed("update", 600, 0).await;
    let task = live.task(running).await;
    let body = ok(&live.world.get(&format!("/api/tasks/{task}/status")).await);
    assert_eq!(body["status"], "running");
    assert!(
        body["start_time"].is_string() && body["end_time"].is_null(),
        "{body}"
    );
    live.shutdown().await;
}

#[tokio::test]
async fn a_task_that_is_over_is_hidden_here_and_stays_in_the_history() {
    let live = Live::start().await;
    let run = live.world.claimed("update", 600, 0).await;
    let path = format!("/api/tasks/{}", live.task(run).await);
    let delete = async || {
        let url = live.world.url(&path);
        let answer = http_request("DELETE", &url, &[AUTHORIZATION], b"").await;
        (answer.status(), answer.json())
    };
    assert_eq!(
        delete().await,
        (409, json!({"error": "Task is still running"}))
    );
    live.end(run, "success").await;
    assert_eq!(delete().await, (200, json!({"success": true})));
    assert_eq!(delete().await, (404, json!({"error": "Task not found"})));
    let status = live.world.get(&format!("{path}/status")).await;
    assert_eq!(
        (status.status(), status.json()),
        (404, json!({"error": "Task not found"}))
    );
    ok(&live.world.get(&format!("/sync/executions/{run}")).await);
    let mut stream = live.watch(run).await;
    stream.expect("error").await;
    closed(&mut stream, "task_not_found").await;
    live.shutdown().await;
}
