//! What the database knows about a day that the portal says is empty.

use std::collections::BTreeMap;

use chrono::{NaiveDate, TimeDelta};
use farol_core::sync::{Evidence, Judgement};
use ingestor::infra::execution_repo::Lease;
use ingestor::infra::segment_repo::{Segment, SegmentEnd};

use crate::repos_kit::{Repos, answered, page, read, record, the_10th};

async fn evidence(repos: &Repos, segment: &Segment) -> Evidence {
    let known = repos.segments.evidence(segment).await.unwrap();
    Evidence {
        day_over: true,
        ..known
    }
}

async fn fresh() -> (Repos, Lease, Segment) {
    let repos = Repos::fresh().await;
    let run = repos.running().await;
    let segment = repos.reading(&run.lease).await;
    (repos, run.lease, segment)
}

/// Another run's segment of the same endpoint and modalidade.
async fn earlier(repos: &Repos, day: NaiveDate, state: &str, got: i32, hours_ago: i32) {
    sqlx::query(
        "WITH run AS (INSERT INTO sync_executions (mode, state) VALUES ('backfill', 'success') RETURNING id)
         INSERT INTO sync_segments (execution_id, endpoint, modalidade, day_from, day_to, cut_from, cut_to, state,
                                    proven_until, got, updated_at)
         SELECT id, 'publicacao', 6, $1, $1, now() - interval '1 day', now(), $2, CASE $2 WHEN 'complete' THEN now() END,
                $3, now() - make_interval(hours => $4) FROM run",
    )
    .bind(day)
    .bind(state)
    .bind(got)
    .bind(hours_ago)
    .execute(repos.database.owner_pool())
    .await
    .unwrap();
}

fn shifted(days: i64) -> NaiveDate {
    the_10th() + TimeDelta::days(days)
}

#[tokio::test]
async fn an_empty_database_knows_nothing_and_the_zero_is_believed() {
    let (repos, _, segment) = fresh().await;
    let known = evidence(&repos, &segment).await;
    assert_eq!(
        known,
        Evidence {
            day_over: true,
            ..Evidence::default()
        }
    );
    assert_eq!(known.judge(the_10th()), Judgement::Believed);
}

#[tokio::test]
async fn neighbours_are_known_by_the_ledger_or_by_what_is_stored() {
    let (repos, lease, segment) = fresh().await;
    earlier(&repos, shifted(-1), "complete", 7, 1).await;
    earlier(&repos, shifted(-2), "failed", 9, 1).await;
    earlier(&repos, shifted(-8), "complete", 9, 1).await;
    earlier(&repos, shifted(4), "complete", 0, 1).await;
    // Records of the 10th, moved to the 11th: 23:59 in Brasília is the next day in UTC.
    let raws = [record(1, 1, ""), record(2, 1, "")];
    let (records, answered) = (read(&raws), answered(2, &raws));
    repos
        .records
        .commit_page(&lease, segment.id, &page(&answered, &records))
        .await
        .unwrap();
    repos
        .execute("UPDATE pncp_contratacoes SET data_publicacao_pncp = '2025-07-11T23:59:00-03:00'")
        .await;
    let known = evidence(&repos, &segment).await.known;
    assert_eq!(
        known,
        BTreeMap::from([(shifted(-1), 7), (shifted(1), 2), (shifted(4), 0)])
    );
}

#[tokio::test]
async fn a_zero_between_busy_days_is_suspected_until_it_is_found_again() {
    let (repos, lease, segment) = fresh().await;
    earlier(&repos, shifted(-1), "complete", 7, 1).await;
    assert_eq!(
        evidence(&repos, &segment).await.judge(the_10th()),
        Judgement::Suspected
    );
    earlier(&repos, the_10th(), "suspected_outage", 0, 7).await;
    assert_eq!(
        evidence(&repos, &segment).await.judge(the_10th()),
        Judgement::Suspected
    );
    // The portal answers: another segment of this run has records.
    let open = repos.segments.open(lease.execution_id).await.unwrap();
    let other = open.iter().find(|it| it.id != segment.id).unwrap();
    repos.segments.begin(&lease, other.id).await.unwrap();
    let raws = [record(1, 1, "")];
    let (records, answered) = (read(&raws), answered(2, &raws));
    repos
        .records
        .commit_page(&lease, other.id, &page(&answered, &records))
        .await
        .unwrap();
    let known = evidence(&repos, &segment).await;
    assert!(
        known.portal_answers && known.same_zero_ago > Some(TimeDelta::hours(6)),
        "{known:?}"
    );
    assert_eq!(known.judge(the_10th()), Judgement::Believed);
}

#[tokio::test]
async fn a_zero_of_the_same_run_does_not_confirm_itself() {
    let (repos, lease, segment) = fresh().await;
    repos
        .segments
        .end(&lease, segment.id, &SegmentEnd::suspected("nothing there"))
        .await
        .unwrap();
    repos
        .execute("UPDATE sync_segments SET updated_at = now() - interval '9 hours'")
        .await;
    assert_eq!(evidence(&repos, &segment).await.same_zero_ago, None);
}

#[tokio::test]
async fn a_day_that_had_records_once_is_known_to() {
    let (repos, _, segment) = fresh().await;
    earlier(&repos, the_10th(), "incomplete", 3, 1).await;
    assert!(evidence(&repos, &segment).await.had_records);
}

#[tokio::test]
async fn a_zero_from_before_there_were_records_confirms_none_after_them() {
    let (repos, _, segment) = fresh().await;
    earlier(&repos, the_10th(), "complete", 0, 12).await;
    earlier(&repos, the_10th(), "complete", 3, 8).await;
    let known = evidence(&repos, &segment).await;
    assert!(
        known.had_records && known.same_zero_ago.is_none(),
        "{known:?}"
    );
    earlier(&repos, the_10th(), "suspected_outage", 0, 7).await;
    let ago = evidence(&repos, &segment).await.same_zero_ago;
    assert!(
        ago > Some(TimeDelta::hours(6)) && ago < Some(TimeDelta::hours(8)),
        "{ago:?}"
    );
}

#[tokio::test]
async fn a_zero_that_was_found_while_the_day_was_open_confirms_none_after_it() {
    let (repos, _, segment) = fresh().await;
    earlier(&repos, the_10th(), "complete", 0, 12).await;
    // Looked at in the evening; the run that found it wrote it down after midnight.
    repos
        .execute(
            "UPDATE sync_segments SET scan_started_at = '2025-07-10T22:00:00-03:00', updated_at = '2025-07-11T00:10:00-03:00'
              WHERE got = 0 AND state = 'complete'",
        )
        .await;
    assert_eq!(evidence(&repos, &segment).await.same_zero_ago, None);
    repos
        .execute(
            "UPDATE sync_segments SET scan_started_at = '2025-07-11T00:01:00-03:00'
              WHERE got = 0 AND state = 'complete'",
        )
        .await;
    let ago = evidence(&repos, &segment).await.same_zero_ago;
    assert!(ago > Some(TimeDelta::hours(6)), "{ago:?}");
}
