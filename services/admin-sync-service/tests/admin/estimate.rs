//! POST /sync/estimate: what a forced run would be, from what the ledger remembers; and what a force would refuse.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use service_kit::clock::Clock;
use test_kit::http_request;

use crate::bodies::{backfill, ok, problem};
use crate::world::{AUTHORIZATION, World};

async fn estimate(world: &World, body: &Value) -> Value {
    ok(&world.post("/sync/estimate", body).await)
}

/// A world that asks for two modalidades.
async fn world() -> World {
    World::with(|settings| settings.sync.pncp_modalidades.0 = vec![5, 6]).await
}

impl World {
    /// A complete segment of a whole day (in July 2025) that a run has read.
    async fn read(&self, run: i32, modalidade: i16, day: u32, pages: u32, records: u32) {
        self.sql(&format!(
            "INSERT INTO sync_segments (execution_id, endpoint, modalidade, day_from, day_to, cut_from, cut_to, state,
                                        pages_done, got, proven_until)
             SELECT {run}, 'publicacao', {modalidade}, d, d, at, at + interval '1 day', 'complete', {pages}, {records},
                    at + interval '1 day'
               FROM (SELECT '2025-07-{day:02}'::date AS d, '2025-07-{day:02}T03:00Z'::timestamptz AS at) days"
        ))
        .await;
    }

    /// A complete segment of the quarter of an hour before `until` that an update has read.
    async fn updated(
        &self,
        run: i32,
        modalidade: i16,
        until: DateTime<Utc>,
        pages: u32,
        records: u32,
    ) {
        let until = until.to_rfc3339();
        self.sql(&format!(
            "INSERT INTO sync_segments (execution_id, endpoint, modalidade, day_from, day_to, cut_from, cut_to, state,
                                        pages_done, got, proven_until)
             SELECT {run}, 'atualizacao', {modalidade}, d, d, at - interval '15 minutes', at, 'complete', {pages},
                    {records}, at
               FROM (SELECT (at AT TIME ZONE 'America/Sao_Paulo')::date AS d, at
                       FROM (SELECT '{until}'::timestamptz AS at) instant) days"
        ))
        .await;
    }

    /// A run that went well.
    async fn good(&self, mode: &str, reached: DateTime<Utc>, records: u32) -> i32 {
        let reached = reached.to_rfc3339();
        let values = format!(
            "'{mode}', 'success', '{reached}'::timestamptz - interval '15 minutes', '{reached}', {records}"
        );
        self.run(
            "mode, state, window_start, window_end, records_processed",
            &values,
        )
        .await
    }
}

#[tokio::test]
async fn before_anything_was_read_it_is_a_guess_and_nothing_is_written() {
    let world = World::start().await;
    let body = json!({"mode": "backfill", "data_ini": "2025-07-10", "data_fim": "2025-07-12"});
    assert_eq!(
        estimate(&world, &body).await,
        json!({
            "mode": "backfill", "window_start": "2025-07-10T03:00:00Z", "window_end": "2025-07-12T03:00:00Z",
            "days": 2, "segments": 30, "pages": 450, "records": 21_000, "item_pages": 0,
            "seconds": 450, "pace_per_second": 1.0, "basis": "guess", "blocking_id": null,
        })
    );
    assert_eq!(world.runs().await, 0);
    assert_eq!(world.value::<i64>("SELECT count(*) FROM outbox").await, 0);
    world.shutdown().await;
}

#[tokio::test]
async fn a_backfill_is_as_large_as_its_days_were_or_as_days_usually_are() {
    let world = world().await;
    let run = world.good("backfill", Clock::system().now(), 0).await;
    // Tuesday to Thursday, and a Saturday.
    for (day, pages, records) in [(1, 10, 500), (2, 20, 1000), (3, 90, 4500), (5, 2, 60)] {
        world.read(run, 6, day, pages, records).await;
        world.read(run, 5, day, 1, 0).await;
    }
    let of = async |from: u32, to: u32| {
        let day = |it| format!("2025-07-{it:02}");
        let body = json!({"mode": "backfill", "data_ini": day(from), "data_fim": day(to)});
        let told = estimate(&world, &body).await;
        assert_eq!(told["basis"], "history", "{told}");
        (
            told["segments"].clone(),
            told["pages"].clone(),
            told["records"].clone(),
        )
    };
    // The day itself; a Thursday like other weekdays; a Sunday like the Saturday; all three.
    assert_eq!(of(3, 4).await, (json!(2), json!(91), json!(4500)));
    assert_eq!(of(10, 11).await, (json!(2), json!(21), json!(1000)));
    assert_eq!(of(13, 14).await, (json!(2), json!(3), json!(60)));
    assert_eq!(
        of(3, 7).await,
        (json!(8), json!(91 + 21 + 3 + 3), json!(5620))
    );
    // What a newer run has found of a day counts, and what did not end well does not.
    let newer = world.good("backfill", Clock::system().now(), 0).await;
    world.read(newer, 6, 3, 95, 4700).await;
    world
        .sql("UPDATE sync_segments SET state = 'incomplete', proven_until = NULL WHERE modalidade = 5 AND day_from = '2025-07-03'")
        .await;
    assert_eq!(of(3, 4).await, (json!(2), json!(96), json!(4700)));
    // What updates read is no measure.
    world
        .updated(run, 5, "2025-07-11T02:00:00Z".parse().unwrap(), 500, 9999)
        .await;
    assert_eq!(of(10, 11).await.2, json!(2750), "the median of weekdays");
    world.shutdown().await;
}

#[tokio::test]
async fn a_modalidade_that_was_never_read_makes_it_a_guess() {
    let world = world().await;
    let run = world.good("backfill", Clock::system().now(), 0).await;
    world.read(run, 6, 1, 10, 500).await;
    let told = estimate(&world, &backfill(2)).await;
    assert_eq!(
        (&told["basis"], &told["pages"]),
        (&json!("guess"), &json!(25))
    );
    world.shutdown().await;
}

#[tokio::test]
async fn an_update_reaches_from_the_last_good_one_to_now() {
    let now: DateTime<Utc> = "2025-07-10T15:00:00Z".parse().unwrap();
    let (clock, hand) = Clock::manual(now);
    let world = World::at(clock, |settings| settings.sync.pncp_modalidades.0 = vec![6]).await;
    let of = async || {
        let told = estimate(&world, &json!({})).await;
        let instant = |name: &str| {
            told[name]
                .as_str()
                .unwrap()
                .parse::<DateTime<Utc>>()
                .unwrap()
        };
        let reach = instant("window_end") - instant("window_start");
        (reach, told["days"].as_u64().unwrap(), told["basis"].clone())
    };
    let minutes = TimeDelta::minutes;
    assert_eq!(of().await, (minutes(15), 1, json!("guess")));
    let run = world.good("update", now - minutes(5), 0).await;
    world.updated(run, 6, now - minutes(5), 3, 77).await;
    assert_eq!(
        of().await,
        (minutes(15), 1, json!("history")),
        "at least that"
    );
    let told = estimate(&world, &json!({"mode": "update", "data_ini": "ignored"})).await;
    assert_eq!((&told["pages"], &told["records"]), (&json!(3), &json!(77)));
    assert_eq!(told["window_end"], "2025-07-10T15:00:00Z");
    hand.advance(Duration::from_mins(85));
    assert_eq!(of().await, (minutes(90), 1, json!("history")));
    // Neither a backfill nor one that ended badly proves anything to updates.
    world.good("backfill", now + minutes(80), 0).await;
    world
        .run(
            "mode, state, window_start, window_end",
            "'update', 'incomplete', '2025-07-10T15:00Z', '2025-07-10T16:00Z'",
        )
        .await;
    assert_eq!(of().await, (minutes(90), 1, json!("history")));
    hand.advance(Duration::from_hours(24 * 30));
    // Whole days, of which no update has ever read one.
    assert_eq!(of().await, (TimeDelta::days(10), 11, json!("guess")));
    world.shutdown().await;
}

#[tokio::test]
async fn items_are_counted_by_what_new_records_had_lately() {
    let world = world().await;
    for (records, items) in [(1000, 1500), (3000, 2500)] {
        let run = world.good("backfill", Clock::system().now(), records).await;
        world.read(run, 6, 1, 20, 1000).await;
        world.read(run, 5, 1, 2, 50).await;
        world
            .sql(&format!(
                "INSERT INTO sync_segments (execution_id, endpoint, modalidade, day_from, day_to, cut_from, cut_to, state,
                                            pages_done, got, proven_until)
                 VALUES ({run}, 'itens', 0, '2025-07-01', '2025-07-01', '2025-07-01T03:00Z', '2025-07-02T03:00Z',
                         'complete', {items}, {items}, '2025-07-02T03:00Z')"
            ))
            .await;
    }
    let told = estimate(&world, &backfill(2)).await;
    assert_eq!(
        (&told["pages"], &told["records"]),
        (&json!(22), &json!(1050))
    );
    assert_eq!(
        (&told["item_pages"], &told["seconds"]),
        (&json!(1050), &json!(1072))
    );
    // Those of a day that is here already are not asked for again.
    let again = estimate(&world, &backfill(1)).await;
    assert_eq!(
        (&again["item_pages"], &again["seconds"]),
        (&json!(0), &json!(22))
    );
    world.shutdown().await;
}

#[tokio::test]
async fn its_pace_is_the_ingestors_as_long_as_that_tells_it() {
    let world = world().await;
    let of = async || {
        let told = estimate(&world, &backfill(10)).await;
        (told["pace_per_second"].clone(), told["seconds"].clone())
    };
    world
        .sql("INSERT INTO sync_source VALUES ('pncp', 'degraded', now(), 'closed', 0.25, now())")
        .await;
    assert_eq!(of().await, (json!(0.25), json!(120)));
    for change in [
        "state = 'down'",
        "state = 'ok', pace_per_second = 0",
        "pace_per_second = 4, updated_at = now() - interval '1 minute'",
    ] {
        world.sql(&format!("UPDATE sync_source SET {change}")).await;
        assert_eq!(of().await, (json!(1.0), json!(30)), "{change}");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn it_names_the_run_for_which_a_force_would_be_refused() {
    let world = world().await;
    let backfills =
        json!({"mode": "backfill", "data_ini": "2025-07-10T17:59:59", "data_fim": "2025-07-11"});
    let touching =
        json!({"mode": "backfill", "data_ini": "2025-07-10T18:00:00", "data_fim": "2025-07-11"});
    let update = json!({});
    let morning = world.request().await;
    for (body, blocking) in [
        (&backfills, json!(morning)),
        (&touching, Value::Null),
        (&update, Value::Null),
    ] {
        assert_eq!(
            estimate(&world, body).await["blocking_id"],
            blocking,
            "{body}"
        );
    }
    let refused = world.post("/sync/force", &backfills).await;
    assert_eq!(
        problem(&refused, 409, "overlapping_execution")["blocking_id"],
        morning
    );
    let running = world.claimed("update", 60, 0).await;
    assert_eq!(estimate(&world, &update).await["blocking_id"], running);
    world.sql("UPDATE sync_executions SET state = 'cancelled', lease_token = NULL, lease_until = NULL").await;
    for body in [&backfills, &update] {
        assert_eq!(
            estimate(&world, body).await["blocking_id"],
            Value::Null,
            "{body}"
        );
    }
    world.shutdown().await;
}

#[tokio::test]
async fn what_a_force_refuses_is_refused_in_the_same_words() {
    let world = world().await;
    for (media_type, body) in [
        ("application/json", r#"{"mode":"backfill"}"#),
        ("application/json", r#"{"mode":"no","data_ini":5}"#),
        (
            "application/json",
            r#"{"mode":"backfill","data_ini":"2025-07-11","data_fim":"2025-07-10"}"#,
        ),
        (
            "application/json",
            r#"{"mode":"backfill","data_ini":"2025-07-10","data_fim":"2999-01-01"}"#,
        ),
        (
            "application/json",
            r#"{"mode":"backfill","data_ini":"2023-01-01","data_fim":"2025-01-01"}"#,
        ),
        ("application/json", "[1]"),
        ("application/json", "{"),
        ("text/plain", "mode=update"),
    ] {
        let headers = [AUTHORIZATION, ("content-type", media_type)];
        let ask = async |path| {
            let answer = http_request("POST", &world.url(path), &headers, body.as_bytes()).await;
            let mut told = answer.json();
            told["request_id"] = Value::Null;
            (answer.status(), told)
        };
        let estimated = ask("/sync/estimate").await;
        assert!((400..=422).contains(&estimated.0), "{body}");
        assert_eq!(estimated, ask("/sync/force").await, "{body}");
    }
    world.shutdown().await;
}
