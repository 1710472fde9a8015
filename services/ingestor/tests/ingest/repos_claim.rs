//! How runs become a worker's: once, in order, never two over one window, and an update from the first gap on.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use farol_core::sync::{Mode, Move, State, Verdict, Window};
use futures_util::future::join_all;
use ingestor::infra::execution_repo::{Asked, Claim, Claimed, Ending};
use serde_json::json;

use crate::repos_kit::{LASTS, Repos, WORKER, at, day};

fn hours(from: i64, to: i64) -> Window {
    let at = |hour| day().start() + TimeDelta::hours(hour);
    Window::new(at(from), at(to)).unwrap()
}

async fn succeed(repos: &Repos, claimed: &Claimed) {
    let ending = Ending {
        by: Move::Succeed,
        verdict: Some(Verdict::Complete),
        error_message: None,
    };
    repos
        .executions
        .finish(&claimed.lease, WORKER, ending)
        .await
        .unwrap();
}

fn taken(claims: &[Claim]) -> usize {
    claims
        .iter()
        .filter(|claim| matches!(claim, Claim::Taken(_)))
        .count()
}

#[tokio::test]
async fn of_many_who_claim_a_run_one_gets_it() {
    let repos = Repos::fresh().await;
    let id = repos.enqueue(Mode::Backfill, Some(day())).await;
    let claims = join_all((0..8).map(|_| repos.executions.claim(id, WORKER, LASTS))).await;
    let claims: Vec<Claim> = claims.into_iter().map(Result::unwrap).collect();
    assert_eq!(taken(&claims), 1, "{claims:?}");
    let others = claims
        .iter()
        .filter(|claim| **claim == Claim::NotQueued(State::Running))
        .count();
    assert_eq!(others, 7);
}

#[tokio::test]
async fn of_many_runs_over_one_window_one_is_claimed() {
    let repos = Repos::fresh().await;
    let mut ids = Vec::new();
    for hour in 0..6 {
        ids.push(
            repos
                .enqueue(Mode::Backfill, Some(hours(hour, hour + 12)))
                .await,
        );
    }
    let claims = ids
        .iter()
        .map(|id| repos.executions.claim(*id, WORKER, LASTS));
    let claims: Vec<Claim> = join_all(claims)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(taken(&claims), 1, "{claims:?}");
}

#[tokio::test]
async fn a_run_that_overlaps_waits_until_the_way_is_free() {
    let repos = Repos::fresh().await;
    let first = repos.enqueue(Mode::Backfill, Some(hours(0, 6))).await;
    let second = repos.enqueue(Mode::Backfill, Some(hours(5, 9))).await;
    let claimed = repos.claim(first).await;
    let blocked = repos.executions.claim(second, WORKER, LASTS).await.unwrap();
    assert_eq!(blocked, Claim::Blocked { by: first });
    assert_eq!(
        repos.executions.state(second).await.unwrap(),
        Some(State::Queued)
    );
    assert_eq!(
        repos
            .executions
            .claim_next(Mode::Backfill, WORKER, LASTS)
            .await
            .unwrap(),
        None
    );
    succeed(&repos, &claimed).await;
    let next = repos
        .executions
        .claim_next(Mode::Backfill, WORKER, LASTS)
        .await
        .unwrap();
    assert_eq!(next.unwrap().lease.execution_id, second);
}

#[tokio::test]
async fn windows_that_only_touch_and_runs_of_another_mode_do_not_wait() {
    let repos = Repos::fresh().await;
    let first = repos.enqueue(Mode::Backfill, Some(hours(0, 6))).await;
    repos.claim(first).await;
    let beside = repos.enqueue(Mode::Backfill, Some(hours(6, 9))).await;
    repos.claim(beside).await;
    let update = repos.enqueue(Mode::Update, None).await;
    repos.claim(update).await;
}

#[tokio::test]
async fn any_two_updates_overlap() {
    let repos = Repos::fresh().await;
    let first = repos.enqueue(Mode::Update, None).await;
    let second = repos.enqueue(Mode::Update, None).await;
    repos.claim(first).await;
    repos.ask_to_cancel().await;
    let blocked = repos.executions.claim(second, WORKER, LASTS).await.unwrap();
    assert_eq!(blocked, Claim::Blocked { by: first });
}

#[tokio::test]
async fn the_oldest_that_is_not_in_the_way_is_next() {
    let repos = Repos::fresh().await;
    let under_way = repos.enqueue(Mode::Backfill, Some(hours(0, 6))).await;
    repos.claim(under_way).await;
    repos.enqueue(Mode::Backfill, Some(hours(3, 4))).await;
    let third = repos.enqueue(Mode::Backfill, Some(hours(7, 8))).await;
    repos.enqueue(Mode::Backfill, Some(hours(9, 10))).await;
    let next = repos
        .executions
        .claim_next(Mode::Backfill, WORKER, LASTS)
        .await
        .unwrap();
    assert_eq!(next.unwrap().lease.execution_id, third);
}

#[tokio::test]
async fn what_is_not_there_and_what_is_over_cannot_be_claimed() {
    let repos = Repos::fresh().await;
    assert_eq!(
        repos.executions.claim(4711, WORKER, LASTS).await.unwrap(),
        Claim::Unknown
    );
    assert_eq!(repos.executions.state(4711).await.unwrap(), None);
    let claimed = repos.running().await;
    succeed(&repos, &claimed).await;
    let again = repos
        .executions
        .claim(claimed.lease.execution_id, WORKER, LASTS)
        .await
        .unwrap();
    assert_eq!(again, Claim::NotQueued(State::Success));
}

#[tokio::test]
async fn a_run_that_asks_for_nothing_ends_as_error_and_blocks_nobody() {
    let repos = Repos::fresh().await;
    // As a program of the first contract writes it.
    repos
        .execute("INSERT INTO sync_executions (mode, status) VALUES ('backfill', 'running')")
        .await;
    let sound = repos.enqueue(Mode::Backfill, Some(day())).await;
    let next = repos
        .executions
        .claim_next(Mode::Backfill, WORKER, LASTS)
        .await
        .unwrap();
    assert_eq!(next.unwrap().lease.execution_id, sound);
    let told = repos
        .value("SELECT state, status, error_message FROM sync_executions ORDER BY id LIMIT 1")
        .await;
    assert_eq!(
        told,
        json!([{"state": "error", "status": "error", "error_message": "it has no window that could be read"}])
    );
}

#[tokio::test]
async fn an_update_of_an_empty_database_reaches_back_the_rolling_window() {
    let repos = Repos::fresh().await;
    let id = repos.enqueue(Mode::Update, None).await;
    let window = repos.claim(id).await.window;
    assert_eq!(window.end() - window.start(), TimeDelta::minutes(15));
}

/// Segments of earlier updates that are complete: modalidade, from and to in hours before the same instant.
async fn proven(repos: &Repos, segments: &[(i16, i32, i32)]) {
    sqlx::query(
        "WITH told AS (SELECT row_number() OVER () AS number, modalidade, now() - make_interval(hours => a) AS since,
                              now() - make_interval(hours => b) AS until
                         FROM unnest($1::smallint[], $2::int[], $3::int[]) AS t (modalidade, a, b)),
              runs AS (INSERT INTO sync_executions (mode, state) SELECT 'update', 'success' FROM told RETURNING id),
              numbered AS (SELECT id, row_number() OVER () AS number FROM runs)
         INSERT INTO sync_segments (execution_id, endpoint, modalidade, day_from, day_to, cut_from, cut_to, state, proven_until)
         SELECT id, 'atualizacao', modalidade, current_date, current_date, since, until, 'complete', until
           FROM told JOIN numbered USING (number)",
    )
    .bind(segments.iter().map(|it| it.0).collect::<Vec<_>>())
    .bind(segments.iter().map(|it| it.1).collect::<Vec<_>>())
    .bind(segments.iter().map(|it| it.2).collect::<Vec<_>>())
    .execute(repos.database.owner_pool())
    .await
    .unwrap();
}

/// How far the next update reaches back, in hours.
async fn reach(repos: &Repos) -> i64 {
    let id = repos.enqueue(Mode::Update, None).await;
    let window = repos.claim(id).await.window;
    (window.end() - window.start()).num_hours()
}

#[tokio::test]
async fn an_update_begins_where_the_first_modalidade_is_not_proven() {
    let repos = Repos::fresh().await;
    proven(&repos, &[(6, 50, 2), (8, 50, 30), (8, 20, 2)]).await;
    assert_eq!(reach(&repos).await, 30);
}

#[tokio::test]
async fn an_update_reads_the_rolling_window_again_though_it_is_proven() {
    let repos = Repos::fresh().await;
    proven(&repos, &[(6, 50, 0), (8, 50, 0)]).await;
    let id = repos.enqueue(Mode::Update, None).await;
    let window = repos.claim(id).await.window;
    assert_eq!(window.end() - window.start(), TimeDelta::minutes(15));
}

#[tokio::test]
async fn an_update_after_a_long_absence_reaches_back_as_far_as_it_may() {
    let repos = Repos::fresh().await;
    proven(&repos, &[(6, 21 * 24, 20 * 24), (8, 21 * 24, 20 * 24)]).await;
    assert_eq!(reach(&repos).await, 10 * 24);
}

#[tokio::test]
async fn a_modalidade_that_was_never_read_is_read_from_where_history_begins() {
    let repos = Repos::fresh().await;
    proven(&repos, &[(6, 40, 0)]).await;
    assert_eq!(reach(&repos).await, 40);
}

#[tokio::test]
async fn what_a_backfill_has_read_proves_no_update() {
    let repos = Repos::fresh().await;
    proven(&repos, &[(6, 50, 30), (8, 50, 30)]).await;
    repos
        .execute("UPDATE sync_segments SET endpoint = 'publicacao'")
        .await;
    assert_eq!(reach(&repos).await, 0);
}

#[tokio::test]
async fn the_window_of_an_update_is_fixed_by_its_first_claim() {
    let repos = Repos::fresh().await;
    let id = repos.enqueue(Mode::Update, None).await;
    let first = repos.claim(id).await;
    assert!(first.waited.is_some());
    repos.executions.park(&first.lease, WORKER).await.unwrap();
    let second = repos.claim(id).await;
    assert_eq!(
        (second.window, second.started_at),
        (first.window, first.started_at)
    );
    assert_eq!(second.waited, None);
    assert_ne!(second.lease.token, first.lease.token);
}

fn asked<'a>(message_id: Option<&'a str>, body: &'a [u8]) -> Asked<'a> {
    Asked {
        mode: Mode::Backfill,
        window: Some(day()),
        requested_by: "amqp",
        message_id,
        body,
    }
}

#[tokio::test]
async fn a_foreign_message_makes_one_run_however_often_it_comes() {
    let repos = Repos::fresh().await;
    let asking = || repos.executions.create(asked(Some("m-1"), b"{}"));
    let made: Vec<i32> = join_all((0..6).map(|_| asking()))
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert!(made.iter().all(|id| *id == made[0]), "{made:?}");
    let told = repos
        .value("SELECT state, mode, requested_by, window_start, window_end FROM sync_executions")
        .await;
    assert_eq!(told.as_array().unwrap().len(), 1);
    assert_eq!(told[0]["requested_by"], "amqp");
    let start: DateTime<Utc> = told[0]["window_start"].as_str().unwrap().parse().unwrap();
    assert_eq!(start, at("2025-07-10T03:00:00Z"));
}

#[tokio::test]
async fn another_message_under_a_used_id_and_messages_without_one_are_runs_of_their_own() {
    let repos = Repos::fresh().await;
    let first = repos
        .executions
        .create(asked(Some("1"), b"{}"))
        .await
        .unwrap();
    let renumbered = repos
        .executions
        .create(asked(Some("1"), b"{ }"))
        .await
        .unwrap();
    let nameless = repos.executions.create(asked(None, b"{}")).await.unwrap();
    let nameless_too = repos.executions.create(asked(None, b"{}")).await.unwrap();
    let mut ids = vec![first, renumbered, nameless, nameless_too];
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[tokio::test]
async fn the_way_from_request_to_claim_is_measured() {
    let repos = Repos::fresh().await;
    let id = repos.enqueue(Mode::Backfill, Some(day())).await;
    repos
        .execute("UPDATE sync_executions SET created_at = now() - interval '90 seconds'")
        .await;
    let waited = repos.claim(id).await.waited.unwrap();
    assert!(
        (Duration::from_secs(90)..Duration::from_secs(150)).contains(&waited),
        "{waited:?}"
    );
}
