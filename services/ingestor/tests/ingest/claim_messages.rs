//! What is said over the broker and what it leads to: a run, the same run once more, or a dead letter.

use chrono::DateTime;
use demo_world::portal::{Fault, Match, Record, Rule};
use test_kit::{PATIENCE, wait_until};

use crate::world::{World, at, instant, midnight, modalidades, next, records, wednesday};

async fn with_a_few_records() -> World {
    let world = World::new().await;
    for record in records(1, 30, 6, wednesday()) {
        world.portal.put(record);
    }
    world.rabbit.declare(&world.queue).await;
    world
}

async fn rows_are(world: &World, count: usize) {
    wait_until(
        &format!("{count} runs are over"),
        PATIENCE * 2,
        async || {
            let rows = world.rows().await;
            rows.len() == count && rows.iter().all(|row| row.state == "success")
        },
    )
    .await;
}

#[tokio::test]
async fn an_update_may_be_asked_for_in_every_form_of_other_programs() {
    let world = with_a_few_records().await;
    let ingestor = world.ingestor();
    for (number, body) in ["", "{}", r#"{"mode":"update"}"#].into_iter().enumerate() {
        world.rabbit.publish(&world.queue, body).await;
        rows_are(&world, number + 1).await;
    }
    let by = "SELECT count(*) FROM sync_executions WHERE mode = 'update' AND requested_by = 'amqp'";
    assert_eq!(world.number(by).await, 3);
    ingestor.stop().await;
}

#[tokio::test]
async fn a_backfill_may_be_asked_for_with_local_times() {
    let world = with_a_few_records().await;
    let ingestor = world.ingestor();
    let body =
        r#"{"mode":"backfill","data_ini":"2025-07-09T08:00:00","data_fim":"2025-07-09T08:10:00"}"#;
    world.rabbit.publish(&world.queue, body).await;
    rows_are(&world, 1).await;

    let row = &world.rows().await[0];
    assert_eq!(row.window_start, Some(instant(wednesday(), 8, 0)));
    assert_eq!(row.window_end, Some(instant(wednesday(), 8, 10)));
    assert_eq!(row.records_processed, 10);
    ingestor.stop().await;
}

#[tokio::test]
async fn the_row_wins_where_a_message_says_otherwise() {
    let world = with_a_few_records().await;
    let ingestor = world.ingestor();
    let day = wednesday();
    let id = world.backfill(midnight(day), midnight(next(day))).await;
    let body = format!(
        r#"{{"v":1,"execution_id":{id},"mode":"backfill","data_ini":"2020-01-01","data_fim":"2020-01-02"}}"#
    );
    world.rabbit.publish(&world.queue, body).await;

    let row = world.over(id).await;

    assert_eq!((row.state.as_str(), row.records_processed), ("success", 30));
    ingestor.stop().await;
}

#[tokio::test]
async fn what_nobody_can_read_becomes_a_dead_letter_and_never_a_run() {
    let bodies: [(&str, &str); 9] = [
        ("garbage", "not_json"),
        ("[]", "unknown_shape"),
        ("null", "unknown_shape"),
        (
            r#"{"v":2,"execution_id":1,"mode":"update"}"#,
            "unknown_version",
        ),
        (r#"{"mode":"sync"}"#, "unknown_mode"),
        (r#"{"mode":"backfill"}"#, "unknown_shape"),
        (
            r#"{"mode":"backfill","data_ini":"soon","data_fim":"later"}"#,
            "invalid_window",
        ),
        (
            r#"{"mode":"backfill","data_ini":"2025-07-10","data_fim":"2025-07-09"}"#,
            "invalid_window",
        ),
        (
            r#"{"v":1,"execution_id":999,"mode":"update"}"#,
            "unknown_execution",
        ),
    ];
    let world = with_a_few_records().await;
    let ingestor = world.ingestor();
    let dead = format!("{}.dead", world.queue);
    for (number, (body, reason)) in bodies.into_iter().enumerate() {
        let name = format!("m-{number}");
        world.rabbit.publish_named(&world.queue, &name, body).await;
        let mut letter = None;
        wait_until(&format!("a dead letter for {body}"), PATIENCE, async || {
            if world.rabbit.depth(&dead).await.is_some() {
                letter = world.rabbit.get(&dead).await;
            }
            letter.is_some()
        })
        .await;
        let letter = letter.unwrap();
        let header = |name: &str| {
            let found = letter.headers.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        assert_eq!(letter.body, body.as_bytes());
        assert!(letter.persistent);
        assert_eq!(header("x-farol-reason"), reason, "{body}");
        assert_eq!(header("x-original-message-id"), name);
        assert!(DateTime::parse_from_rfc3339(&header("x-farol-at")).is_ok());
    }
    assert!(world.rows().await.is_empty());
    wait_until("the queue is empty", PATIENCE, async || {
        world.rabbit.depth(&world.queue).await == Some(0)
    })
    .await;
    ingestor.stop().await;
}

#[tokio::test]
async fn a_doorbell_that_rings_again_runs_nothing_again() {
    let world = with_a_few_records().await;
    let ingestor = world.ingestor();
    let day = wednesday();
    let id = world.backfill(midnight(day), midnight(next(day))).await;
    for _ in 0..5 {
        world.ring(id, "backfill").await;
    }
    world.over(id).await;
    let asked = world.portal.request_count();
    world.ring(id, "backfill").await;
    wait_until("all are answered", PATIENCE, async || {
        let stale = ingestor
            .count(r#"ingest_messages_total{outcome="stale"}"#)
            .await;
        let busy = ingestor
            .count(r#"ingest_messages_total{outcome="busy"}"#)
            .await;
        stale + busy >= 5.0
    })
    .await;

    assert_eq!(world.portal.request_count(), asked);
    assert_eq!(world.rows().await.len(), 1);
    let claims = "SELECT count(*) FROM sync_events WHERE kind = 'claimed'";
    assert_eq!(world.number(claims).await, 1);
    ingestor.stop().await;
}

#[tokio::test]
async fn a_message_of_another_program_that_comes_twice_is_one_run() {
    let world = with_a_few_records().await;
    let ingestor = world.ingestor();
    for _ in 0..3 {
        world
            .rabbit
            .publish_named(&world.queue, "their-7", "{}")
            .await;
    }
    wait_until("all are answered", PATIENCE, async || {
        world.rabbit.depth(&world.queue).await == Some(0) && !world.rows().await.is_empty()
    })
    .await;
    rows_are(&world, 1).await;
    ingestor.stop().await;
}

#[tokio::test]
async fn two_workers_that_race_for_a_row_run_it_once() {
    let world = with_a_few_records().await;
    let (one, other) = (world.ingestor(), world.ingestor());
    let day = wednesday();
    let mut ids = Vec::new();
    for number in 0..4 {
        let from = instant(day, 8, number * 5);
        ids.push(world.backfill(from, instant(day, 8, number * 5 + 5)).await);
    }
    for id in &ids {
        world.ring(*id, "backfill").await;
        world.ring(*id, "backfill").await;
    }
    for id in &ids {
        let row = world.over(*id).await;
        assert_eq!((row.state.as_str(), row.records_processed), ("success", 5));
    }
    let claims = "SELECT count(*) FROM sync_events WHERE kind = 'claimed'";
    assert_eq!(world.number(claims).await, 4);
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_busy_mode_holds_no_message_and_the_next_run_follows_by_itself() {
    let world = with_a_few_records().await;
    let day = wednesday();
    let gate = world.portal.hold_at(Match::any().day(day));
    let ingestor = world.ingestor();
    let first = world.backfill(midnight(day), instant(day, 12, 0)).await;
    let second = world
        .backfill(instant(day, 12, 0), midnight(next(day)))
        .await;
    world.ring(first, "backfill").await;
    world.state_is(first, "running").await;
    world.ring(second, "backfill").await;
    wait_until("nobody holds a message", PATIENCE, async || {
        ingestor
            .count(r#"ingest_messages_total{outcome="busy"}"#)
            .await
            >= 1.0
            && world.rabbit.depth(&world.queue).await == Some(0)
    })
    .await;
    assert_eq!(world.row(second).await.state, "queued");
    gate.release();

    for id in [first, second] {
        assert_eq!(world.over(id).await.state, "success");
    }
    ingestor.stop().await;
}

#[tokio::test]
async fn with_no_free_place_the_consumer_is_gone_and_comes_back() {
    let world = with_a_few_records().await;
    let gate = world.portal.hold();
    let ingestor = world.ingestor();
    wait_until("it listens", PATIENCE, async || {
        world.rabbit.consumers(&world.queue).await == Some(1)
    })
    .await;
    let day = wednesday();
    let backfill = world.backfill(midnight(day), midnight(next(day))).await;
    let update = world.update().await;
    world.ring(backfill, "backfill").await;
    world.ring(update, "update").await;
    wait_until("nobody listens", PATIENCE, async || {
        world.rabbit.consumers(&world.queue).await == Some(0)
    })
    .await;
    world.rabbit.publish(&world.queue, "{}").await;
    gate.release();

    rows_are(&world, 3).await;
    wait_until("it listens again", PATIENCE, async || {
        world.rabbit.consumers(&world.queue).await == Some(1)
    })
    .await;
    ingestor.stop().await;
}

#[tokio::test]
async fn a_run_whose_window_is_being_read_waits_until_that_is_over() {
    let world = with_a_few_records().await;
    let day = wednesday();
    let gate = world.portal.hold();
    let ingestor = world.ingestor_with(|settings| settings.run.run_concurrency = 2);
    let first = world.backfill(midnight(day), instant(day, 12, 0)).await;
    let second = world
        .backfill(instant(day, 11, 0), midnight(next(day)))
        .await;
    world.ring(first, "backfill").await;
    world.state_is(first, "running").await;
    world.ring(second, "backfill").await;
    wait_until("the second one waits", PATIENCE, async || {
        ingestor
            .count(r#"ingest_messages_total{outcome="blocked"}"#)
            .await
            >= 1.0
    })
    .await;
    assert_eq!(world.row(second).await.state, "queued");
    gate.release();

    for id in [first, second] {
        assert_eq!(world.over(id).await.state, "success");
    }
    ingestor.stop().await;
}

#[tokio::test]
async fn a_retry_reads_only_what_its_parent_left() {
    let world = with_a_few_records().await;
    let day = wednesday();
    world.portal.put(Record::new(500, 8, at(day, 9, 0)));
    world
        .portal
        .script(Rule::forever(Match::any().modalidade(8), Fault::Text500));
    let ingestor = world.ingestor();
    let window = (midnight(day), midnight(next(day)));
    let parent = world.run_backfill(window.0, window.1).await;
    assert_eq!(parent.state, "incomplete");
    world.portal.clear_faults();
    let asked = world.pages_read().len();

    let retry = world
        .queued("backfill", Some(window), Some(parent.id))
        .await;
    world.ring(retry, "backfill").await;
    let row = world.over(retry).await;

    assert_eq!(
        (row.state.as_str(), row.records_processed),
        ("success", 1),
        "{row:?}"
    );
    assert_eq!(world.pages_read()[asked..], ["8 20250709 1"]);
    assert_eq!(world.segments(retry).await.len(), 1);
    ingestor.stop().await;
}

#[tokio::test]
async fn while_the_database_is_away_a_message_waits_and_is_not_lost() {
    let world = with_a_few_records().await;
    let (ingestor, proxy) = world
        .ingestor_behind_proxy(|settings| settings.scope.pncp_modalidades = modalidades("6"))
        .await;
    proxy.cut();
    world.rabbit.publish(&world.queue, "{}").await;
    wait_until("the message is taken", PATIENCE, async || {
        world.rabbit.depth(&world.queue).await == Some(0)
    })
    .await;
    ingestor
        .count_reaches("ingest_database_waits_total", 1.0)
        .await;
    assert!(world.rows().await.is_empty());
    proxy.restore();

    rows_are(&world, 1).await;
    ingestor.stop().await;
}
