//! What a lease is worth: everything while it is held, nothing afterwards; and how runs are let go.

use std::time::Duration;

use farol_core::sync::{Move, State, Verdict};
use ingestor::infra::RepoError;
use ingestor::infra::execution_repo::{Claimed, Ending, Renewal};
use ingestor::infra::items_repo::Due;
use ingestor::infra::segment_repo::SegmentEnd;
use ingestor::infra::source_repo::SourceRow;
use serde_json::json;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use test_kit::{ChaosProxy, Database};

use crate::repos_kit::{LASTS, Repos, WORKER, answered, at, page, read, record};

fn lost<T: std::fmt::Debug>(done: Result<T, RepoError>) {
    match done {
        Err(RepoError::LeaseLost) => {}
        other => panic!("{other:?}"),
    }
}

fn ending(by: Move) -> Ending<'static> {
    Ending {
        by,
        verdict: None,
        error_message: Some("why"),
    }
}

/// Every verb that writes under a lease.
async fn every_write_is_lost(repos: &Repos, run: &Claimed, segment: i64) {
    let lease = &run.lease;
    assert_eq!(
        repos.executions.renew(lease, LASTS).await.unwrap(),
        Renewal::Lost
    );
    assert_eq!(repos.executions.held(lease).await.unwrap(), Renewal::Lost);
    for by in [
        Move::Succeed,
        Move::EndIncomplete,
        Move::Fail,
        Move::Cancelled,
    ] {
        lost(repos.executions.finish(lease, WORKER, ending(by)).await);
    }
    lost(repos.executions.park(lease, WORKER).await);
    lost(
        repos
            .executions
            .fail_inside(lease, WORKER, "why", LASTS)
            .await,
    );
    lost(repos.executions.note_disorder(lease, WORKER).await);
    lost(repos.segments.plan_once(lease, &[]).await);
    lost(repos.segments.begin(lease, segment).await);
    lost(repos.segments.reopen(lease, segment).await);
    let end = SegmentEnd::complete(at("2025-07-11T03:00:00Z"));
    lost(repos.segments.end(lease, segment, &end).await);
    let raws = [record(1, 1, "")];
    let (records, answered) = (read(&raws), answered(2, &raws));
    lost(
        repos
            .records
            .commit_page(lease, segment, &page(&answered, &records))
            .await,
    );
    lost(repos.items.adopt(lease, 1).await);
    lost(repos.items.expect(lease, segment).await);
    let due = Due {
        key: "k".to_owned(),
        orgao_cnpj: String::new(),
        ano_compra: 2025,
        sequencial_compra: 1,
        version: at("2025-07-11T03:00:00Z"),
    };
    lost(repos.items.write(lease, segment, &due, &[], &[]).await);
}

const EVERYTHING: &str = "SELECT (SELECT json_agg(e) FROM sync_executions e) e, (SELECT json_agg(s) FROM sync_segments s) s,
    (SELECT json_agg(p) FROM sync_pages p) p, (SELECT count(*) FROM pncp_contratacoes) c, (SELECT count(*) FROM sync_events) v";

#[tokio::test]
async fn a_worker_whose_run_was_taken_away_writes_nothing_any_more() {
    let repos = Repos::fresh().await;
    let run = repos.running().await;
    let segment = repos.reading(&run.lease).await;
    repos.rescue().await;
    let before = repos.value(EVERYTHING).await;
    every_write_is_lost(&repos, &run, segment.id).await;
    assert_eq!(repos.value(EVERYTHING).await, before);
    // Nor when somebody else has it by now.
    repos.claim(run.lease.execution_id).await;
    let before = repos.value(EVERYTHING).await;
    every_write_is_lost(&repos, &run, segment.id).await;
    assert_eq!(repos.value(EVERYTHING).await, before);
}

#[tokio::test]
async fn a_run_that_is_over_stays_as_it_is() {
    let repos = Repos::fresh().await;
    let run = repos.running().await;
    let segment = repos.reading(&run.lease).await;
    let success = Ending {
        by: Move::Succeed,
        verdict: Some(Verdict::Complete),
        error_message: None,
    };
    repos
        .executions
        .finish(&run.lease, WORKER, success)
        .await
        .unwrap();
    let before = repos.value(EVERYTHING).await;
    every_write_is_lost(&repos, &run, segment.id).await;
    assert_eq!(repos.value(EVERYTHING).await, before);
}

#[tokio::test]
async fn a_run_that_ends_says_when_how_and_for_how_long() {
    let repos = Repos::fresh().await;
    let run = repos.running().await;
    repos
        .execute("UPDATE sync_executions SET started_at = now() - interval '90 seconds'")
        .await;
    let ending = Ending {
        by: Move::EndIncomplete,
        verdict: Some(Verdict::SuspectedOutage),
        error_message: Some("modalidade 6 is silent"),
    };
    repos
        .executions
        .finish(&run.lease, WORKER, ending)
        .await
        .unwrap();
    let told = repos
        .value(
            "SELECT state, status, verdict, error_message, lease_token, lease_until, worker, finished_at > started_at AS after,
                    duration_seconds BETWEEN 90 AND 150 AS lasted FROM sync_executions",
        )
        .await;
    let wanted = json!([{
        "state": "incomplete", "status": "error", "verdict": "suspected_outage", "error_message": "modalidade 6 is silent",
        "lease_token": null, "lease_until": null, "worker": WORKER, "after": true, "lasted": true,
    }]);
    assert_eq!(told, wanted);
    let events = repos
        .value("SELECT kind, actor FROM sync_events ORDER BY id")
        .await;
    let wanted = json!([{"kind": "claimed", "actor": WORKER}, {"kind": "ended_incomplete", "actor": WORKER}]);
    assert_eq!(events, wanted);
}

#[tokio::test]
async fn a_run_that_is_to_be_cancelled_keeps_its_page_and_cannot_succeed() {
    let repos = Repos::fresh().await;
    let run = repos.running().await;
    let segment = repos.reading(&run.lease).await;
    repos.ask_to_cancel().await;
    let held = repos.executions.renew(&run.lease, LASTS).await.unwrap();
    assert_eq!(held, Renewal::Held(State::Cancelling));
    let raws = [record(1, 1, "")];
    let (records, answered) = (read(&raws), answered(2, &raws));
    repos
        .records
        .commit_page(&run.lease, segment.id, &page(&answered, &records))
        .await
        .unwrap();
    lost(
        repos
            .executions
            .finish(&run.lease, WORKER, ending(Move::Succeed))
            .await,
    );
    lost(repos.executions.park(&run.lease, WORKER).await);
    repos
        .executions
        .finish(&run.lease, WORKER, ending(Move::Cancelled))
        .await
        .unwrap();
    let told = repos
        .value("SELECT state, records_processed FROM sync_executions")
        .await;
    assert_eq!(
        told,
        json!([{"state": "cancelled", "records_processed": 1}])
    );
}

#[tokio::test]
async fn a_parked_run_is_queued_again_with_all_that_it_has_read() {
    let repos = Repos::fresh().await;
    let run = repos.running().await;
    let segment = repos.reading(&run.lease).await;
    let raws = [record(1, 1, "")];
    let (records, answered) = (read(&raws), answered(2, &raws));
    repos
        .records
        .commit_page(&run.lease, segment.id, &page(&answered, &records))
        .await
        .unwrap();
    repos.executions.park(&run.lease, WORKER).await.unwrap();
    let again = repos.claim(run.lease.execution_id).await;
    assert_eq!((again.attempt, again.window), (run.attempt, run.window));
    assert_eq!(repos.segments.pages(segment.id).await.unwrap(), [answered]);
}

#[tokio::test]
async fn a_run_that_failed_inside_waits_and_remembers() {
    let repos = Repos::fresh().await;
    let run = repos.running().await;
    let wait = Duration::from_hours(1);
    repos
        .executions
        .fail_inside(&run.lease, WORKER, "disk full", wait)
        .await
        .unwrap();
    let told = repos
        .value(
            "SELECT state, status, error_message, lease_token, finished_at,
                    next_attempt_at BETWEEN now() + interval '59 minutes' AND now() + interval '61 minutes' AS due
               FROM sync_executions",
        )
        .await;
    let wanted = json!([{
        "state": "retry_wait", "status": "running", "error_message": "disk full", "lease_token": null,
        "finished_at": null, "due": true,
    }]);
    assert_eq!(told, wanted);
    assert_eq!(
        repos
            .executions
            .failures(run.lease.execution_id)
            .await
            .unwrap(),
        1
    );
}

#[tokio::test]
async fn a_renewed_lease_lasts_longer_and_a_look_at_it_does_not() {
    let repos = Repos::fresh().await;
    let run = repos.running().await;
    let left = "SELECT (lease_until - now()) > interval '30 minutes' AS long FROM sync_executions";
    assert_eq!(
        repos.executions.held(&run.lease).await.unwrap(),
        Renewal::Held(State::Running)
    );
    assert_eq!(repos.value(left).await, json!([{"long": false}]));
    let hour = Duration::from_hours(1);
    assert_eq!(
        repos.executions.renew(&run.lease, hour).await.unwrap(),
        Renewal::Held(State::Running)
    );
    assert_eq!(repos.value(left).await, json!([{"long": true}]));
}

#[tokio::test]
async fn an_absent_database_is_told_from_a_lost_lease_and_passes() {
    let database = Database::fresh().await;
    let options: PgConnectOptions = database.ingest_url().parse().unwrap();
    let proxy = ChaosProxy::to(format!("{}:{}", options.get_host(), options.get_port())).await;
    let way = options.host("127.0.0.1").port(proxy.address().port());
    let pool = PgPoolOptions::new()
        .acquire_timeout(Duration::from_secs(1))
        .connect_lazy_with(way);
    let repos = Repos::over(database, pool);
    let run = repos.running().await;
    proxy.cut();
    let renewed = repos.executions.renew(&run.lease, LASTS).await;
    assert!(
        renewed.as_ref().is_err_and(RepoError::is_away),
        "{renewed:?}"
    );
    proxy.restore();
    assert_eq!(
        repos.executions.renew(&run.lease, LASTS).await.unwrap(),
        Renewal::Held(State::Running)
    );
}

#[tokio::test]
async fn the_source_is_told_over_and_over_in_one_row() {
    let repos = Repos::fresh().await;
    let row = SourceRow {
        state: "ok",
        since: at("2025-07-10T00:00:00Z"),
        breaker: "closed",
        pace_per_second: 0.5,
    };
    repos.source.tell(row).await.unwrap();
    repos
        .source
        .tell(SourceRow {
            state: "down",
            breaker: "open",
            ..row
        })
        .await
        .unwrap();
    let told = repos
        .value("SELECT name, state, breaker, pace_per_second FROM sync_source")
        .await;
    assert_eq!(
        told,
        json!([{"name": "pncp", "state": "down", "breaker": "open", "pace_per_second": 0.5}])
    );
}
