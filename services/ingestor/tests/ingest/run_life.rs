//! Who has a run and for how long: killed, parked, cancelled, stolen, cut off from the database. Whatever happens,
//! nothing that is committed is read again, and nothing is written by whoever lost the run.

use std::time::Duration;

use demo_world::portal::{Fault, Match, Rule, Weights, World as Country};
use test_kit::{PATIENCE, wait_until};

use crate::world::{World, midnight, next, records, wednesday};

/// 20 pages of one modalidade.
async fn with_twenty_pages() -> World {
    let world = World::new().await;
    for record in records(1, 1_000, 6, wednesday()) {
        world.portal.put(record);
    }
    world
}

/// Page 1 is read first as a probe and last as a page; every other one must be read once.
fn assert_nothing_read_twice(world: &World) {
    let mut pages = world.pages_read();
    pages.retain(|page| !page.ends_with(" 1"));
    let all = pages.len();
    pages.sort_unstable();
    pages.dedup();
    assert_eq!(pages.len(), all, "{:?}", world.pages_read());
}

#[tokio::test]
async fn a_run_whose_worker_was_killed_goes_on_behind_its_last_page() {
    let world = with_twenty_pages().await;
    let day = wednesday();
    let gate = world.portal.hold_at(Match::any().modalidade(6).page(12));
    let id = world.backfill(midnight(day), midnight(next(day))).await;
    let mut killed = world.process(&[]);
    world.ring(id, "backfill").await;
    world.pages_are(id, 9).await;
    wait_until("the gate holds a page", PATIENCE, async || {
        world.portal.in_flight() > 0
    })
    .await;
    killed.kill9();
    killed.wait_exit().await;
    let before = world.row(id).await.records_processed;
    gate.release();
    world.rescue(id).await;

    let ingestor = world.ingestor();
    world.ring(id, "backfill").await;
    let row = world.over(id).await;

    assert!(before >= 400, "{before} were committed before the kill");
    assert_eq!(
        (row.state.as_str(), row.records_processed, row.rescues),
        ("success", 1_000, 1)
    );
    assert_eq!(world.stored().await.len(), 1_000);
    let of_12 = world
        .pages_read()
        .iter()
        .filter(|page| page.ends_with(" 12"))
        .count();
    assert!(
        of_12 <= 2,
        "only the page that was under way may be read again"
    );
    let others = world
        .pages_read()
        .into_iter()
        .filter(|page| page.starts_with("6 ") && !page.ends_with(" 1"));
    let mut others: Vec<String> = others.filter(|page| !page.ends_with(" 12")).collect();
    let all = others.len();
    others.sort_unstable();
    others.dedup();
    assert_eq!(others.len(), all);
    ingestor.stop().await;
}

#[tokio::test]
async fn sigterm_parks_the_run_and_another_worker_ends_it_with_no_page_read_twice() {
    let world = with_twenty_pages().await;
    let day = wednesday();
    let gate = world.portal.hold_at(Match::any().modalidade(6).page(12));
    let id = world.backfill(midnight(day), midnight(next(day))).await;
    let first = world.ingestor();
    world.ring(id, "backfill").await;
    world.pages_are(id, 9).await;
    wait_until("the gate holds a page", PATIENCE, async || {
        world.portal.in_flight() > 0
    })
    .await;
    first.lifecycle.trigger();
    wait_until("it winds down", PATIENCE, async || {
        first.lifecycle.stopping().is_cancelled()
    })
    .await;
    gate.release();
    first.ended().await;
    let parked = world.row(id).await;
    assert_eq!(
        (parked.state.as_str(), parked.rescues),
        ("queued", 0),
        "{parked:?}"
    );

    // Nobody rings: an idle worker looks by itself.
    let second = world.ingestor();
    let row = world.over(id).await;

    assert_eq!(
        (row.state.as_str(), row.records_processed),
        ("success", 1_000),
        "{row:?}"
    );
    assert_nothing_read_twice(&world);
    second.stop().await;
}

#[tokio::test]
async fn every_page_that_is_under_way_at_sigterm_is_committed() {
    let world = with_twenty_pages().await;
    let day = wednesday();
    for record in records(2_001, 1_000, 8, day) {
        world.portal.put(record);
    }
    let gates = [6, 8].map(|id| world.portal.hold_at(Match::any().modalidade(id).page(12)));
    let id = world.backfill(midnight(day), midnight(next(day))).await;
    let first = world.ingestor();
    world.ring(id, "backfill").await;
    wait_until("both are held", PATIENCE, async || {
        world.portal.in_flight() == 2
    })
    .await;
    first.lifecycle.trigger();
    wait_until("it winds down", PATIENCE, async || {
        first.lifecycle.stopping().is_cancelled()
    })
    .await;
    drop(gates);
    first.ended().await;
    let second = world.ingestor();

    let row = world.over(id).await;

    assert_eq!(
        (row.state.as_str(), row.records_processed),
        ("success", 2_000),
        "{row:?}"
    );
    assert_nothing_read_twice(&world);
    second.stop().await;
}

#[tokio::test]
async fn a_cancelled_run_stops_and_keeps_what_is_committed() {
    let world = with_twenty_pages().await;
    let day = wednesday();
    let gate = world.portal.hold_at(Match::any().modalidade(6).page(12));
    let id = world.backfill(midnight(day), midnight(next(day))).await;
    let ingestor = world.ingestor();
    world.ring(id, "backfill").await;
    world.pages_are(id, 9).await;
    world
        .change("UPDATE sync_executions SET state = 'cancelling', cancel_requested_at = now()")
        .await;
    let row = world.over(id).await;
    gate.release();

    assert_eq!(row.state, "cancelled");
    assert!(row.error_message.is_some());
    let stored = i32::try_from(world.stored().await.len()).unwrap();
    assert!((400..1_000).contains(&stored), "{stored}");
    assert_eq!(row.records_processed, stored);
    ingestor.stop().await;
}

#[tokio::test]
async fn a_stolen_lease_stops_the_worker_and_nothing_it_does_later_counts() {
    let world = with_twenty_pages().await;
    let day = wednesday();
    let gate = world.portal.hold_at(Match::any().modalidade(6).page(12));
    let id = world.backfill(midnight(day), midnight(next(day))).await;
    let ingestor = world.ingestor_with(|settings| {
        settings.run.lease_seconds = Duration::from_mins(10);
        settings.run.lease_renew_seconds = Duration::from_secs(200);
    });
    world.ring(id, "backfill").await;
    world.pages_are(id, 9).await;
    wait_until("the gate holds a page", PATIENCE, async || {
        world.portal.in_flight() > 0
    })
    .await;
    // Somebody else has it now.
    world
        .change("UPDATE sync_executions SET lease_token = gen_random_uuid(), worker = 'another'")
        .await;
    let before = world.row(id).await.records_processed;
    gate.release();
    ingestor
        .count_reaches("sync_lease_expired_total", 1.0)
        .await;

    let row = world.row(id).await;
    assert_eq!(
        (row.state.as_str(), row.records_processed),
        ("running", before)
    );
    assert_eq!(world.stored().await.len(), usize::try_from(before).unwrap());
    ingestor.stop().await;
}

#[tokio::test]
async fn a_worker_that_slept_longer_than_its_lease_writes_nothing_more() {
    let world = with_twenty_pages().await;
    let day = wednesday();
    let gate = world.portal.hold_at(Match::any().modalidade(6).page(12));
    let id = world.backfill(midnight(day), midnight(next(day))).await;
    let sleeper = world.process(&[("LEASE_SECONDS", "3")]);
    world.ring(id, "backfill").await;
    world.pages_are(id, 9).await;
    assert!(signal(sleeper.id(), "STOP"));
    let over = "SELECT count(*) FROM sync_executions WHERE lease_until < now()";
    wait_until("the lease is over", PATIENCE, async || {
        world.number(over).await == 1
    })
    .await;
    world.rescue(id).await;
    gate.release();
    let second = world.ingestor();
    world.ring(id, "backfill").await;
    let row = world.over(id).await;
    assert!(signal(sleeper.id(), "CONT"));
    sleeper
        .wait_for_line("the run is dropped", |line| {
            line.text.contains("its lease is gone")
        })
        .await;

    assert_eq!(
        world.row(id).await,
        row,
        "nothing has changed since it ended"
    );
    assert_eq!(
        (row.state.as_str(), row.records_processed),
        ("success", 1_000)
    );
    second.stop().await;
}

#[tokio::test]
async fn a_database_that_is_away_for_less_than_a_lease_costs_time_only() {
    let world = World::new().await;
    let from = wednesday();
    world.portal.load(Country::generated(
        3,
        from,
        3,
        &Weights::of([(6, 300.0), (8, 200.0)]),
    ));
    let wanted = world.portal.len();
    let (ingestor, proxy) = world.ingestor_behind_proxy(|_| {}).await;
    // Pages take a moment each, so that the cuts meet some.
    world
        .portal
        .script(Rule::forever(Match::any(), Fault::Slow { ms: 20 }));
    let id = world
        .backfill(midnight(from), midnight(from + chrono::TimeDelta::days(3)))
        .await;
    world.ring(id, "backfill").await;
    for (pages, waits) in [(3, 3.0), (8, 6.0)] {
        world.pages_are(id, pages).await;
        proxy.cut();
        ingestor
            .count_reaches("ingest_database_waits_total", waits)
            .await;
        proxy.restore();
    }

    let row = world.over(id).await;

    assert_eq!((row.state.as_str(), row.rescues), ("success", 0), "{row:?}");
    assert_eq!(world.stored().await.len(), wanted);
    assert_eq!(usize::try_from(row.records_processed).unwrap(), wanted);
    let segments = world.segments(id).await;
    let counted: i32 = segments
        .iter()
        .map(|it| it.inserted + it.updated + it.unchanged)
        .sum();
    assert_eq!(counted, row.records_processed, "no page was counted twice");
    ingestor.stop().await;
}

#[tokio::test]
async fn a_database_that_is_away_for_longer_than_a_lease_ends_the_work_and_the_run_is_rescued() {
    let world = with_twenty_pages().await;
    let day = wednesday();
    let gate = world.portal.hold_at(Match::any().modalidade(6).page(12));
    let (ingestor, proxy) = world
        .ingestor_behind_proxy(|settings| settings.run.lease_seconds = Duration::from_secs(2))
        .await;
    let id = world.backfill(midnight(day), midnight(next(day))).await;
    world.ring(id, "backfill").await;
    world.pages_are(id, 9).await;
    proxy.cut();
    ingestor
        .count_reaches("sync_lease_expired_total", 1.0)
        .await;
    gate.release();
    proxy.restore();
    assert_eq!(world.row(id).await.state, "running", "nobody lies about it");

    // The reaper, which may be needed again: a lease of 2 s is short on a busy machine.
    let mut row = world.row(id).await;
    wait_until("the run is over", PATIENCE * 3, async || {
        world.reap().await;
        row = world.row(id).await;
        row.state != "running" && row.state != "queued"
    })
    .await;

    assert_eq!(
        (row.state.as_str(), row.records_processed),
        ("success", 1_000),
        "{row:?}"
    );
    ingestor.stop().await;
}

#[tokio::test]
async fn a_slow_page_does_not_cost_the_lease() {
    let world = with_twenty_pages().await;
    let day = wednesday();
    let gate = world.portal.hold_at(Match::any().modalidade(6).page(12));
    let ingestor = world.ingestor_with(|settings| {
        settings.run.lease_seconds = Duration::from_secs(3);
        settings.policy.http_timeout = Duration::from_mins(1);
    });
    let id = world.backfill(midnight(day), midnight(next(day))).await;
    world.ring(id, "backfill").await;
    world.pages_are(id, 9).await;
    let first = "SELECT floor(extract(epoch FROM lease_until) * 1000)::bigint FROM sync_executions";
    let lease = world.number(first).await;
    wait_until(
        "the lease has moved by more than itself",
        PATIENCE,
        async || world.number(first).await > lease + 3_500,
    )
    .await;
    gate.release();

    let row = world.over(id).await;

    assert_eq!((row.state.as_str(), row.rescues), ("success", 0), "{row:?}");
    ingestor.stop().await;
}

#[tokio::test]
async fn sigterm_in_the_middle_of_a_claim_parks_the_run_and_uses_up_no_rescue() {
    let world = with_twenty_pages().await;
    let day = wednesday();
    // The commit of a claim waits for a lock, as one does for a slow disk.
    world
        .change(
            "CREATE FUNCTION slow_commit() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN PERFORM pg_advisory_xact_lock_shared(77); RETURN NULL; END'",
        )
        .await;
    world
        .change(
            "CREATE CONSTRAINT TRIGGER slow_commit AFTER UPDATE ON sync_executions DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW WHEN (OLD.state = 'queued' AND NEW.state = 'running') EXECUTE FUNCTION slow_commit()",
        )
        .await;
    let mut disk = world.database.owner_pool().begin().await.unwrap();
    sqlx::query("SELECT pg_advisory_xact_lock(77)")
        .execute(&mut *disk)
        .await
        .unwrap();
    let id = world.backfill(midnight(day), midnight(next(day))).await;
    let ingestor = world.ingestor();
    world.ring(id, "backfill").await;
    let waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 77 AND NOT granted
                    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    wait_until("the commit waits", PATIENCE, async || {
        world.number(waits).await == 1
    })
    .await;
    ingestor.lifecycle.trigger();
    wait_until("it winds down", PATIENCE, async || {
        ingestor.lifecycle.stopping().is_cancelled()
    })
    .await;
    disk.commit().await.unwrap();
    ingestor.ended().await;

    let row = world.row(id).await;
    assert_eq!((row.state.as_str(), row.rescues), ("queued", 0), "{row:?}");
    assert_eq!(
        world
            .number("SELECT count(*) FROM sync_events WHERE kind IN ('claimed', 'parked')")
            .await,
        2,
        "it was ours, and is given back"
    );
}

/// STOP and CONT, which `ServiceProcess` has no verb for.
fn signal(process: u32, signal: &str) -> bool {
    let sent = std::process::Command::new("kill")
        .args([format!("-{signal}"), process.to_string()])
        .status();
    sent.is_ok_and(|status| status.success())
}
