//! When an incident of a backfill is over: what it left open has been read since, by whichever run.

use crate::alerts::told_by;
use crate::receivers::{Post, WebhookReceiver};
use crate::world::World;

/// A backfill of these days of July that ended now, with a segment for each day: those of `open` failed. One statement,
/// since a run that ends has its ledger.
async fn backfill(world: &World, from: u32, to: u32, open: &[u32]) -> i32 {
    let state = if open.is_empty() {
        "success"
    } else {
        "incomplete"
    };
    let days = (from..to).map(|day| {
        let next = day + 1;
        let end = if open.contains(&day) {
            "'failed', NULL::timestamptz".to_owned()
        } else {
            format!("'complete', '2025-07-{next}'::timestamptz")
        };
        format!("('2025-07-{day}'::date, '2025-07-{next}'::date, {end})")
    });
    let days = days.collect::<Vec<_>>().join(", ");
    world
        .value(&format!(
            "WITH run AS (
                 INSERT INTO sync_executions (mode, state, window_start, window_end, started_at, finished_at)
                 VALUES ('backfill', '{state}', '2025-07-{from}', '2025-07-{to}', now(), now()) RETURNING id),
             segments AS (
                 INSERT INTO sync_segments (execution_id, endpoint, modalidade, day_from, day_to, cut_from, cut_to,
                                            state, proven_until)
                 SELECT id, 'publicacao', 6, day, day, day, next, state, proven
                 FROM run, (VALUES {days}) days (day, next, state, proven))
             SELECT id FROM run"
        ))
        .await
}

/// Opens the incident of a backfill of 10 to 13 July that misses the 11th and the 12th.
async fn opened() -> (World, WebhookReceiver) {
    let receiver = WebhookReceiver::refusing(&[]).await;
    let world = told_by(&receiver, |_| {}).await;
    backfill(&world, 10, 13, &[11, 12]).await;
    receiver.wait(1).await;
    (world, receiver)
}

async fn is_open(world: &World) -> bool {
    world.a_whole_round().await;
    world
        .value("SELECT EXISTS (SELECT FROM sync_incidents WHERE resolved_at IS NULL)")
        .await
}

#[tokio::test]
async fn a_backfill_is_made_good_by_one_of_a_wider_window() {
    let (world, receiver) = opened().await;
    // A program of the first contract keeps no ledger.
    world
        .run(
            "mode, state, window_start, window_end, finished_at",
            "'backfill', 'success', '2025-07-01', '2025-07-20', now()",
        )
        .await;
    assert_eq!(receiver.wait(2).await[1].json()["event"], "resolved");
    world.shutdown().await;
}

#[tokio::test]
async fn a_backfill_is_made_good_by_the_days_that_it_missed_whoever_reads_them() {
    let (world, receiver) = opened().await;
    backfill(&world, 11, 12, &[]).await;
    assert!(is_open(&world).await, "the 12th is missing still");
    // This one has trouble of its own, elsewhere.
    backfill(&world, 12, 15, &[14]).await;
    let notices = receiver.wait(3).await;
    let events: Vec<_> = notices.iter().map(Post::json).collect();
    let first = &events[0]["incident"];
    assert!(
        events
            .iter()
            .any(|it| it["event"] == "resolved" && it["incident"] == *first),
        "{events:?}"
    );
    assert!(is_open(&world).await, "the 14th is another incident");
    world.shutdown().await;
}

#[tokio::test]
async fn an_incident_is_followed_however_many_runs_came_after_it() {
    let (world, receiver) = opened().await;
    world
        .sql(
            "INSERT INTO sync_executions (mode, state, finished_at)
             SELECT 'update', 'success', now() FROM generate_series(1, 250)",
        )
        .await;
    assert!(is_open(&world).await);
    backfill(&world, 10, 14, &[]).await;
    assert_eq!(receiver.wait(2).await[1].json()["event"], "resolved");
    world.shutdown().await;
}
