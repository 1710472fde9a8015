//! What goes wrong at the portal while a run reads it, and that the run says so, waits, or goes on; nothing that is
//! missing is ever called complete.

use std::time::Duration;

use chrono::TimeDelta;
use demo_world::portal::{Endpoint, Fault, Match, Record, Rule};
use test_kit::{PATIENCE, wait_until};

use crate::world::{World, at, midnight, modalidades, next, records, wednesday};

#[tokio::test]
async fn a_failure_that_never_clears_ends_incomplete_and_names_the_segment() {
    let world = World::new().await;
    let day = wednesday();
    for record in records(1, 60, 6, day)
        .into_iter()
        .chain(records(100, 7, 8, day))
    {
        world.portal.put(record);
    }
    world
        .portal
        .script(Rule::forever(Match::any().modalidade(8), Fault::Text500));
    let ingestor = world.ingestor();

    let row = world.run_backfill(midnight(day), midnight(next(day))).await;

    assert_eq!(
        (row.state.as_str(), row.verdict.as_deref()),
        ("incomplete", Some("incomplete"))
    );
    let told = row.error_message.unwrap();
    assert!(
        told.contains("publicacao modalidade 8 2025-07-09 failed"),
        "{told}"
    );
    assert_eq!(row.records_processed, 60, "what was read is kept");
    let of_8 = &world.segments(row.id).await[1];
    assert_eq!(of_8.error_class.as_deref(), Some("server_error"));
    let asked = world.portal.requests();
    let asked = asked
        .iter()
        .filter(|it| it.query("codigoModalidadeContratacao").as_deref() == Some("8"));
    assert!(asked.count() >= 5, "a page has at least five tries");
    ingestor.stop().await;
}

#[tokio::test]
async fn passing_faults_of_every_kind_lose_nothing() {
    let world = World::new().await;
    let day = wednesday();
    for record in records(1, 230, 6, day) {
        world.portal.put(record);
    }
    let faults = [
        Fault::Status429Html,
        Fault::Text500,
        Fault::Html503,
        Fault::Spurious422,
        Fault::Html200,
        Fault::Truncated,
        Fault::ResetMidBody,
        Fault::Reset,
        Fault::GarbageJson,
        Fault::WrongPageNumber,
        Fault::NegativeTotals,
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        let page = u32::try_from(number % 5 + 1).unwrap();
        world
            .portal
            .script(Rule::times(1, Match::any().modalidade(6).page(page), fault));
    }
    let ingestor = world.ingestor();

    let row = world.run_backfill(midnight(day), midnight(next(day))).await;

    assert_eq!(
        (row.state.as_str(), row.records_processed),
        ("success", 230),
        "{row:?}"
    );
    ingestor.stop().await;
}

#[tokio::test]
async fn a_storm_of_429_slows_the_run_and_costs_no_segment() {
    let world = World::new().await;
    let day = wednesday();
    for record in records(1, 120, 6, day) {
        world.portal.put(record);
    }
    world
        .portal
        .script(Rule::times(25, Match::any(), Fault::Status429Html));
    let ingestor = world.ingestor();

    let row = world.run_backfill(midnight(day), midnight(next(day))).await;

    assert_eq!(
        (row.state.as_str(), row.records_processed),
        ("success", 120),
        "{row:?}"
    );
    let refused = r#"pncp_requests_total{endpoint="publicacao",outcome="rate_limited"}"#;
    assert_eq!(ingestor.count(refused).await.to_bits(), 25.0_f64.to_bits());
    ingestor.stop().await;
}

#[tokio::test]
async fn an_outage_is_sat_out_and_no_segment_is_burned() {
    let world = World::new().await;
    let from = wednesday();
    for number in 0..6 {
        let first = 1 + 100 * u32::try_from(number).unwrap();
        for record in records(first, 20, 6, from + TimeDelta::days(number)) {
            world.portal.put(record);
        }
    }
    world
        .portal
        .script(Rule::forever(Match::any(), Fault::Html503));
    let ingestor = world.ingestor_with(|settings| {
        settings.scope.pncp_modalidades = modalidades("6");
        settings.policy.pncp_page_tries = 2;
        settings.policy.pncp_page_retry_seconds = Duration::from_millis(2);
    });
    let id = world
        .backfill(midnight(from), midnight(from + TimeDelta::days(6)))
        .await;
    world.ring(id, "backfill").await;
    wait_until("the source is down", PATIENCE, async || {
        ingestor.status().await["source"]["state"] == "down"
    })
    .await;
    let down = "SELECT count(*) FROM sync_source WHERE state = 'down' AND breaker <> 'closed'";
    wait_until("the database knows", PATIENCE, async || {
        world.number(down).await == 1
    })
    .await;
    assert_eq!(world.row(id).await.state, "running", "it waits");

    world.portal.clear_faults();
    let row = world.over(id).await;

    assert_eq!(
        (row.state.as_str(), row.records_processed),
        ("success", 120),
        "{row:?}"
    );
    ingestor.stop().await;
}

#[tokio::test]
async fn a_segment_that_an_outage_cut_short_goes_on_behind_its_pages_and_counts_nothing_twice() {
    let world = World::new().await;
    let day = wednesday();
    for record in records(1, 120, 6, day) {
        world.portal.put(record);
    }
    let second = Match::any().page(2);
    world.portal.script(Rule::times(2, second, Fault::Html503));
    let ingestor = world.ingestor_with(|settings| {
        settings.scope.pncp_modalidades = modalidades("6");
        settings.policy.pncp_page_tries = 2;
        settings.policy.pncp_page_retry_seconds = Duration::from_millis(2);
        settings.policy.pncp_breaker_segments = 1;
    });

    let row = world
        .run_backfill(midnight(day), midnight(day + TimeDelta::days(1)))
        .await;

    assert_eq!(
        (row.state.as_str(), row.records_processed),
        ("success", 120),
        "{row:?}"
    );
    let told = "SELECT sum(inserted + unchanged) FROM sync_segments";
    assert_eq!(world.number(told).await, 120);
    assert_eq!(world.number("SELECT count(*) FROM sync_pages").await, 0);
    ingestor.stop().await;
}

#[tokio::test]
async fn a_source_that_stays_down_ends_the_run_incomplete_after_its_patience() {
    let world = World::new().await;
    let from = wednesday();
    world
        .portal
        .script(Rule::forever(Match::any(), Fault::Html503));
    let ingestor = world.ingestor_with(|settings| {
        settings.policy.pncp_page_tries = 1;
        settings.policy.pncp_patience_seconds = Duration::from_millis(300);
    });

    let row = world
        .run_backfill(midnight(from), midnight(from + TimeDelta::days(3)))
        .await;

    assert_eq!(row.state, "incomplete");
    let segments = world.segments(row.id).await;
    assert_eq!(segments.len(), 6);
    let down = segments
        .iter()
        .filter(|it| it.error_class.as_deref() == Some("source_down"));
    assert!(down.count() >= 3, "{segments:?}");
    ingestor.stop().await;
}

#[tokio::test]
async fn a_portal_that_answers_probes_and_fails_segments_does_not_keep_a_run_for_ever() {
    let world = World::new().await;
    let from = wednesday();
    // Answered, so that probes succeed; but never with what was asked for.
    for number in 0..4 {
        let first = 1 + 10 * number;
        for record in records(first, 5, 8, from + TimeDelta::days(i64::from(number))) {
            world.portal.put(record);
        }
        for record in records(
            1_000 + 100 * number,
            30,
            6,
            from + TimeDelta::days(i64::from(number)),
        ) {
            world.portal.put(record);
        }
    }
    world.portal.script(Rule::forever(
        Match::any().modalidade(6),
        Fault::OtherModalidade,
    ));
    let ingestor = world.ingestor_with(|settings| {
        settings.policy.pncp_page_tries = 1;
        settings.policy.pncp_breaker_segments = 2;
    });

    let row = world
        .run_backfill(midnight(from), midnight(from + TimeDelta::days(4)))
        .await;

    assert_eq!(row.state, "incomplete", "{row:?}");
    assert_eq!(row.records_processed, 20);
    ingestor.stop().await;
}

#[tokio::test]
async fn a_list_that_loses_records_is_never_complete() {
    let world = World::new().await;
    let day = wednesday();
    for record in records(1, 60, 6, day) {
        world.portal.put(record);
    }
    let lost = Fault::LostRecords { count: 3 };
    world
        .portal
        .script(Rule::forever(Match::any().modalidade(6).page(2), lost));
    let ingestor = world.ingestor();

    let row = world.run_backfill(midnight(day), midnight(next(day))).await;

    assert_eq!(
        (row.state.as_str(), row.records_processed),
        ("incomplete", 57),
        "{row:?}"
    );
    let of_6 = &world.segments(row.id).await[0];
    assert_eq!(
        (of_6.state.as_str(), of_6.expected, of_6.got),
        ("incomplete", Some(60), 57)
    );
    ingestor.stop().await;
}

#[tokio::test]
async fn a_set_that_moves_while_it_is_read_loses_nothing() {
    let world = World::new().await;
    let day = wednesday();
    for record in records(1, 320, 6, day) {
        world.portal.put(record);
    }
    let early: Vec<String> = records(1, 40, 6, day).iter().map(Record::key).collect();
    world.portal.while_reading(move |read, store| {
        let nth = u32::try_from(read.nth).unwrap();
        match nth {
            // Published meanwhile.
            1 | 3 => store.put(Record::new(900 + nth, 6, at(day, 19, nth))),
            // Changed meanwhile: on this list it keeps its place.
            2 | 5 => assert!(store.update(&early[usize::try_from(nth).unwrap()], at(day, 21, nth))),
            // Taken away meanwhile: everything behind it moves to the left.
            4 => assert!(store.remove(&early[30])),
            _ => {}
        }
    });
    let ingestor = world.ingestor();

    let row = world.run_backfill(midnight(day), midnight(next(day))).await;

    assert_eq!(row.state, "success", "{row:?}");
    let wanted = world
        .portal
        .keys(Endpoint::Publicacao, 6, midnight(day)..midnight(next(day)));
    let stored = world.stored().await;
    let missing: Vec<_> = wanted.iter().filter(|key| !stored.contains(key)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    ingestor.stop().await;
}

#[tokio::test]
async fn records_that_are_updated_while_an_update_reads_them_are_all_got() {
    let world = World::new().await;
    let day = wednesday();
    let all = records(1, 260, 6, day);
    let keys: Vec<String> = all.iter().map(Record::key).collect();
    for record in all {
        world.portal.put(record);
    }
    // Each page that is read moves a record from the front of the list to its end.
    world.portal.while_reading(move |read, store| {
        let nth = usize::try_from(read.nth).unwrap();
        if nth <= 6 {
            assert!(store.update(&keys[nth * 3], at(day, 20, u32::try_from(nth).unwrap())));
        }
    });
    let ingestor = world.ingestor();
    let window = (midnight(day), midnight(next(day)));
    let id = world.queued("update", Some(window), None).await;
    world.ring(id, "update").await;

    let row = world.over(id).await;

    assert_eq!(
        (row.state.as_str(), row.records_processed),
        ("success", 260),
        "{row:?}"
    );
    assert_eq!(world.stored().await.len(), 260);
    ingestor.stop().await;
}

#[tokio::test]
async fn an_update_of_an_unordered_list_reads_all_of_the_day() {
    let world = World::new().await;
    let day = wednesday();
    for record in records(1, 170, 6, day) {
        world.portal.put(record);
    }
    world.portal.set_unordered(true);
    let ingestor = world.ingestor();
    let window = (crate::world::instant(day, 9, 0), midnight(next(day)));
    let id = world.queued("update", Some(window), None).await;
    world.ring(id, "update").await;

    let row = world.over(id).await;

    let wanted = world
        .portal
        .count(Endpoint::Atualizacao, 6, window.0..window.1);
    assert_eq!(row.state, "success", "{row:?}");
    assert_eq!(world.stored().await.len(), wanted);
    assert_eq!(world.number(DISORDERS).await, 1, "written down once");
    ingestor.stop().await;
}

const DISORDERS: &str = "SELECT count(*) FROM sync_events WHERE kind = 'disorder'";

#[tokio::test]
async fn whoever_goes_on_with_a_run_trusts_no_list_once_one_was_out_of_order() {
    let world = World::new().await;
    let day = wednesday();
    for record in records(1, 170, 6, day) {
        world.portal.put(record);
    }
    let window = (crate::world::instant(day, 10, 0), midnight(next(day)));
    let ingestor = world.ingestor();
    let pages = async || {
        let id = world.queued("update", Some(window), None).await;
        let before = world.pages_read().len();
        (id, before)
    };
    let read = |before: usize| {
        let read = world.pages_read();
        let of_6 = read[before..].iter().filter(|page| page.starts_with("6 "));
        of_6.filter(|page| page.ends_with(" 2")).count()
    };

    let (id, before) = pages().await;
    world.ring(id, "update").await;
    assert_eq!(world.over(id).await.state, "success");
    assert_eq!(read(before), 0, "in order: it ends where the window begins");
    // An idle one finds queued runs by itself: it might take the next before its note is there.
    ingestor.stop().await;

    let (id, before) = pages().await;
    // What a worker has left that is gone.
    sqlx::query(
        "INSERT INTO sync_events (execution_id, actor, kind) VALUES ($1, 'another', 'disorder')",
    )
    .bind(id)
    .execute(world.database.owner_pool())
    .await
    .unwrap();
    let ingestor = world.ingestor();
    world.ring(id, "update").await;
    assert_eq!(world.over(id).await.state, "success");
    assert_eq!(read(before), 1, "all of the day is read");
    ingestor.stop().await;
}
