//! The portal's bad days, from the force to the coverage that operators see.

use chrono::Days;
use demo_world::portal::{Endpoint, Fault, Match, Rule};
use serde_json::{Value, json};
use sqlx::Executor as _;

use crate::stack::{Stack, first_day, id_of, window};
use crate::truth;

fn segment(row: &Value) -> String {
    format!("{} {} {}", row["endpoint"], row["modalidade"], row["day"])
}

#[tokio::test]
async fn a_500_that_never_clears_is_incomplete_and_a_retry_reads_only_what_was_missing() {
    let stack = Stack::new().await;
    let broken = Match::any().modalidade(8).day(first_day());
    stack.portal.script(Rule::forever(broken, Fault::Text500));
    let (admin, _worker) = (stack.admin().await, stack.worker());
    let id = admin.force().await;
    let row = stack.ended(id).await;
    assert_eq!(row["state"], "incomplete", "{row}");
    let told = row["error_message"].as_str().unwrap();
    assert!(told.contains("2025-07-08") && told.contains('8'), "{told}");
    let whole = admin.get(&format!("/sync/executions/{id}")).await;
    let states = whole["segments"].as_array().unwrap();
    let failed: Vec<_> = states
        .iter()
        .filter(|row| row["state"] != "complete")
        .collect();
    assert_eq!(failed.len(), 1, "{failed:?}");

    stack.portal.clear_faults();
    let before = stack.portal.request_count();
    let again = id_of(
        &admin
            .post(&format!("/sync/executions/{id}/retry"), &json!({}))
            .await,
    );
    let retried = stack.ended(again).await;
    assert_eq!(retried["state"], "success", "{retried}");
    assert_eq!(
        (&retried["parent_id"], &retried["attempt"]),
        (&id.into(), &2.into())
    );
    let day = window().start..window().start + Days::new(1);
    let missing = stack.portal.count(Endpoint::Publicacao, 8, day);
    assert_eq!(retried["records_processed"], missing as u64);
    // Two pages and the first one once more.
    assert_eq!(stack.portal.request_count() - before, 3);
    let saved = stack.number("SELECT count(*) FROM pncp_contratacoes").await;
    assert_eq!(
        usize::try_from(saved).unwrap(),
        stack.portal.count(Endpoint::Publicacao, None, window())
    );
    let coverage = admin
        .get("/sync/coverage?from=2025-07-08&to=2025-07-09")
        .await;
    for cell in coverage["days"].as_array().unwrap() {
        if [4, 6, 8].contains(&cell["modalidade"].as_i64().unwrap()) {
            assert_eq!(cell["state"], "complete", "{}", segment(cell));
        }
    }
}

#[tokio::test]
async fn a_day_that_an_outage_answers_as_empty_is_suspected_and_not_believed() {
    let stack = Stack::new().await;
    let second = first_day() + Days::new(1);
    let empty = Match::any().day(second);
    stack
        .portal
        .script(Rule::forever(empty, Fault::NoContent204));
    let (admin, _worker) = (stack.admin().await, stack.worker());
    let id = admin.force().await;
    let row = stack.ended(id).await;
    assert_eq!(
        (&row["state"], &row["verdict"]),
        (&"incomplete".into(), &"suspected_outage".into())
    );
    let coverage = admin
        .get("/sync/coverage?from=2025-07-09&to=2025-07-09")
        .await;
    let of_six = |cell: &&Value| cell["modalidade"] == 6;
    let days = coverage["days"].as_array().unwrap();
    assert_eq!(
        days.iter().find(of_six).unwrap()["state"],
        "suspected_outage"
    );

    stack.portal.clear_faults();
    let again = id_of(
        &admin
            .post(&format!("/sync/executions/{id}/retry"), &json!({}))
            .await,
    );
    assert_eq!(stack.ended(again).await["state"], "success");
    let saved = stack.number("SELECT count(*) FROM pncp_contratacoes").await;
    assert_eq!(
        usize::try_from(saved).unwrap(),
        stack.portal.count(Endpoint::Publicacao, None, window())
    );
}

#[tokio::test]
async fn an_update_after_two_hours_without_an_ingestor_leaves_no_gap() {
    let stack = Stack::new().await;
    let (admin, _worker) = (stack.admin().await, stack.worker());
    let update = json!({"mode": "update"});
    let first = id_of(&admin.post("/sync/force", &update).await);
    assert_eq!(stack.ended(first).await["state"], "success");
    // What was done now was done two hours ago.
    let shifted = "
        UPDATE sync_segments SET cut_from = cut_from - interval '2 hours', cut_to = cut_to - interval '2 hours',
            proven_until = proven_until - interval '2 hours', scan_started_at = scan_started_at - interval '2 hours',
            day_from = (cut_from - interval '5 hours')::date, day_to = (cut_from - interval '5 hours')::date;
        UPDATE sync_executions SET window_start = window_start - interval '2 hours',
            window_end = window_end - interval '2 hours'";
    stack.database.owner_pool().execute(shifted).await.unwrap();
    let proven = "SELECT extract(epoch FROM min(proven_until))::bigint FROM sync_segments";
    let proven = stack.number(proven).await;

    let second = id_of(&admin.post("/sync/force", &update).await);
    let row = stack.ended(second).await;
    assert_eq!(row["state"], "success", "{row}");
    let start = "SELECT extract(epoch FROM window_start)::bigint FROM sync_executions ORDER BY id DESC LIMIT 1";
    assert!(stack.number(start).await <= proven, "{row}");
    let gaps = "
        SELECT count(*) FROM (
            SELECT cut_from, lag(proven_until) OVER (PARTITION BY modalidade ORDER BY cut_from) AS before
            FROM sync_segments WHERE endpoint = 'atualizacao') s
        WHERE before < cut_from";
    assert_eq!(stack.number(gaps).await, 0);
}

#[tokio::test]
async fn the_weather_of_a_recorded_evening_loses_no_record() {
    let stack = Stack::new().await;
    let weather = demo_world::portal::TraceStep::weather(3, 446);
    stack.portal.replay(weather, 400.0);
    let patient = [
        ("HTTP_TIMEOUT", "1"),
        ("PNCP_PAUSE_SECONDS", "1"),
        ("PNCP_PAUSE_MAX_SECONDS", "1"),
    ];
    let (admin, _worker) = (stack.admin().await, stack.worker_with(&patient));
    let id = admin.force().await;
    truth::holds(&stack, id).await;
}
