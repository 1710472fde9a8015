//! A window is read whole: what the portal has in it is what is stored, counted and proven, and nothing else.

use chrono::TimeDelta;
use demo_world::portal::{Endpoint, Fault, Match, Record, Rule, Weights, World as Country};

use crate::world::{World, ago, at, instant, midnight, modalidades, next, records, wednesday};

#[tokio::test]
async fn a_backfill_brings_exactly_what_the_portal_has_in_its_window() {
    let world = World::new().await;
    let from = wednesday();
    let weights = Weights::of([(6, 140.0), (8, 60.0), (9, 3.0)]);
    world.portal.load(Country::generated(1, from, 4, &weights));
    let (start, end) = (
        instant(from, 12, 0),
        instant(from + TimeDelta::days(2), 18, 30),
    );
    let wanted: Vec<String> = [6, 8]
        .iter()
        .flat_map(|id| world.portal.keys(Endpoint::Publicacao, *id, start..end))
        .collect();
    let ingestor = world.ingestor();

    let row = world.run_backfill(start, end).await;

    assert_eq!(row.state, "success", "{row:?}");
    assert_eq!(row.verdict.as_deref(), Some("complete"));
    assert_eq!(row.error_message, None);
    assert_eq!(row.records_processed, i32::try_from(wanted.len()).unwrap());
    let mut wanted = wanted;
    wanted.sort_unstable();
    assert_eq!(world.stored().await, wanted);
    let segments = world.segments(row.id).await;
    assert_eq!(segments.len(), 2 * 3, "one for each modalidade and day");
    assert!(
        segments
            .iter()
            .all(|it| it.state == "complete" && it.expected == Some(it.got))
    );
    ingestor.stop().await;
}

#[tokio::test]
async fn the_same_window_again_changes_nothing_and_counts_everything_as_confirmed() {
    let world = World::new().await;
    let day = wednesday();
    for record in records(1, 70, 6, day) {
        world.portal.put(record);
    }
    let ingestor = world.ingestor();
    let first = world.run_backfill(midnight(day), midnight(next(day))).await;
    let second = world.run_backfill(midnight(day), midnight(next(day))).await;

    assert_eq!(
        (first.state.as_str(), first.records_processed),
        ("success", 70)
    );
    assert_eq!(
        (second.state.as_str(), second.records_processed),
        ("success", 70)
    );
    let of_6 = &world.segments(second.id).await[0];
    assert_eq!((of_6.inserted, of_6.updated, of_6.unchanged), (0, 0, 70));
    ingestor.stop().await;
}

#[tokio::test]
async fn an_update_on_an_empty_database_reads_the_rolling_window() {
    let world = World::new().await;
    let recent = Record::new(1, 6, ago(TimeDelta::minutes(5)));
    let old = Record::new(2, 6, ago(TimeDelta::minutes(40)));
    let wanted = recent.key();
    world.portal.put(recent).put(old);
    let ingestor = world.ingestor();

    let row = world.run_update().await;

    assert_eq!(row.state, "success", "{row:?}");
    let (start, end) = (row.window_start.unwrap(), row.window_end.unwrap());
    assert_eq!(end - start, TimeDelta::minutes(15));
    assert_eq!(world.stored().await, [wanted]);
    ingestor.stop().await;
}

#[tokio::test]
async fn an_update_goes_on_where_the_last_one_was_proven_and_leaves_no_gap() {
    let world = World::new().await;
    let ingestor = world.ingestor();
    world.run_update().await;
    // As if that had been three hours ago.
    world
        .change(
            "UPDATE sync_segments SET cut_from = cut_from - interval '3 hours', cut_to = cut_to - interval '3 hours',
                    proven_until = proven_until - interval '3 hours'",
        )
        .await;
    let proven = "SELECT floor(extract(epoch FROM min(proven_until)))::bigint FROM sync_segments WHERE execution_id = 1";
    let proven = world.number(proven).await;
    let missed = Record::new(3, 8, ago(TimeDelta::hours(2)));
    let wanted = missed.key();
    world.portal.put(missed);

    let row = world.run_update().await;

    assert_eq!(row.state, "success", "{row:?}");
    assert_eq!(row.window_start.unwrap().timestamp(), proven);
    assert_eq!(world.stored().await, [wanted]);
    ingestor.stop().await;
}

#[tokio::test]
async fn an_update_reaches_back_only_so_many_days() {
    let world = World::new().await;
    let ingestor = world.ingestor_with(|settings| settings.scope.max_catchup_days = 2);
    world.run_update().await;
    world
        .change(
            "UPDATE sync_segments SET cut_from = cut_from - interval '9 days', cut_to = cut_to - interval '9 days',
                    proven_until = proven_until - interval '9 days'",
        )
        .await;

    let row = world.run_update().await;

    let (start, end) = (row.window_start.unwrap(), row.window_end.unwrap());
    assert_eq!(end - start, TimeDelta::days(2));
    ingestor.stop().await;
}

#[tokio::test]
async fn a_day_that_is_not_over_is_proven_up_to_the_start_of_its_reading() {
    let world = World::new().await;
    world
        .portal
        .put(Record::new(1, 6, ago(TimeDelta::minutes(1))));
    let ingestor = world.ingestor();

    let row = world.run_update().await;

    let today = world.segments(row.id).await;
    let last = today.iter().filter_map(|it| it.proven_until).max().unwrap();
    assert!(last <= row.window_end.unwrap());
    ingestor.stop().await;
}

#[tokio::test]
async fn every_way_of_saying_nothing_is_an_empty_day() {
    let faults = [
        Fault::NoContent204,
        Fault::ZeroLength200,
        Fault::EmptyArray200,
        Fault::Nothing404,
        Fault::EmptyEnvelope,
    ];
    let world = World::new().await;
    let ingestor = world.ingestor();
    for (number, fault) in faults.into_iter().enumerate() {
        let day = wednesday() + TimeDelta::days(40 * i64::try_from(number).unwrap() - 400);
        world
            .portal
            .clear_faults()
            .script(Rule::forever(Match::any(), fault.clone()));

        let row = world.run_backfill(midnight(day), midnight(next(day))).await;

        assert_eq!(
            (row.state.as_str(), row.records_processed),
            ("success", 0),
            "{fault:?}"
        );
        let segments = world.segments(row.id).await;
        assert!(
            segments
                .iter()
                .all(|it| it.got == 0 && it.state == "complete"),
            "{fault:?}"
        );
    }
    ingestor.stop().await;
}

#[tokio::test]
async fn an_empty_day_among_full_ones_is_a_suspected_outage_and_no_success() {
    let world = World::new().await;
    let from = wednesday();
    for number in 0..3 {
        let day = from + TimeDelta::days(number);
        for record in records(1 + 100 * u32::try_from(number).unwrap(), 12, 6, day) {
            world.portal.put(record);
        }
    }
    let middle = next(from);
    world.portal.script(Rule::forever(
        Match::any().modalidade(6).day(middle),
        Fault::NoContent204,
    ));
    let ingestor = world.ingestor();

    let row = world
        .run_backfill(midnight(from), midnight(from + TimeDelta::days(3)))
        .await;

    assert_eq!(row.state, "incomplete");
    assert_eq!(row.verdict.as_deref(), Some("suspected_outage"));
    let told = row.error_message.unwrap();
    assert!(told.contains("modalidade 6 2025-07-10"), "{told}");
    assert_eq!(row.records_processed, 24, "what was read is kept");
    ingestor.stop().await;
}

#[tokio::test]
async fn records_that_cannot_be_read_are_put_aside_and_the_page_goes_on() {
    let world = World::new().await;
    let day = wednesday();
    for record in records(1, 9, 6, day) {
        world.portal.put(record);
    }
    let broken = Record::new(10, 6, at(day, 9, 0)).field("anoCompra", "not a year");
    let key = broken.key();
    world.portal.put(broken);
    world
        .portal
        .put(Record::new(11, 6, at(day, 9, 1)).verbatim(r#"{"nothing":"known"}"#));
    let ingestor = world.ingestor();

    let row = world.run_backfill(midnight(day), midnight(next(day))).await;

    assert_eq!(
        (row.state.as_str(), row.records_processed),
        ("success", 9),
        "{row:?}"
    );
    let put_aside: Vec<(Option<String>, String)> = sqlx::query_as(
        "SELECT natural_key, reason FROM sync_quarantine ORDER BY natural_key NULLS LAST",
    )
    .fetch_all(world.database.owner_pool())
    .await
    .unwrap();
    assert_eq!(put_aside.len(), 2);
    assert_eq!(put_aside[0].0.as_deref(), Some(key.as_str()));
    assert!(put_aside[0].1.contains("anoCompra"), "{put_aside:?}");
    assert_eq!(world.segments(row.id).await[0].quarantined, 2);
    ingestor.stop().await;
}

#[tokio::test]
async fn records_of_another_modalidade_are_not_taken_for_ours() {
    let world = World::new().await;
    let day = wednesday();
    for record in records(1, 5, 6, day)
        .into_iter()
        .chain(records(10, 5, 8, day))
    {
        world.portal.put(record);
    }
    world.portal.script(Rule::forever(
        Match::any().modalidade(6),
        Fault::OtherModalidade,
    ));
    let ingestor =
        world.ingestor_with(|settings| settings.scope.pncp_modalidades = modalidades("6"));

    let row = world.run_backfill(midnight(day), midnight(next(day))).await;

    assert_eq!(row.state, "incomplete", "{row:?}");
    assert_eq!(
        world.segments(row.id).await[0].error_class.as_deref(),
        Some("bad_content")
    );
    assert!(world.stored().await.is_empty());
    ingestor.stop().await;
}
