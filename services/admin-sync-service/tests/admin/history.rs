//! GET /sync/history: pages that do not shift, filters, and counts of all that they let through.

use serde_json::{Value, json};

use crate::bodies::{fields, ok, old_run, only};
use crate::world::World;

const COUNTS: [&str; 5] = [
    "total_count",
    "success_count",
    "error_count",
    "running_count",
    "counts_capped",
];

/// Runs of every kind; their ids are 1 to 12.
async fn twelve(world: &World) {
    world
        .sql(
            "INSERT INTO sync_executions (mode, state, error_message, requested_by, created_at)
             SELECT CASE WHEN n % 3 = 0 THEN 'backfill' ELSE 'update' END,
                    (ARRAY['success', 'success', 'error', 'incomplete'])[1 + n % 4],
                    CASE n % 4 WHEN 2 THEN 'HTTP 503 on page ' || n WHEN 3 THEN '100% of _it_ failed' END,
                    CASE WHEN n % 2 = 0 THEN 'schedule' ELSE 'Maria da Silva' END,
                    '2025-07-01T12:00:00Z'::timestamptz + make_interval(days => n)
             FROM generate_series(1, 12) n",
        )
        .await;
}

fn ids(body: &Value) -> Vec<i64> {
    let runs = body["executions"].as_array().unwrap();
    runs.iter().map(|run| run["id"].as_i64().unwrap()).collect()
}

async fn read(world: &World, query: &str) -> Value {
    ok(&world.get(&format!("/sync/history{query}")).await)
}

#[tokio::test]
async fn a_client_of_the_first_contract_gets_the_body_that_it_knows() {
    let world = World::start().await;
    let empty = read(&world, "").await;
    let known = [
        "executions",
        "total_count",
        "success_count",
        "error_count",
        "running_count",
    ];
    assert_eq!(
        only(&empty, &known),
        json!({"executions": [], "total_count": 0, "success_count": 0, "error_count": 0, "running_count": 0})
    );
    let id = world
        .run(
            "mode, state, window_start, window_end, records_processed, duration_seconds, error_message, created_at,
             updated_at",
            "'backfill', 'error', '2025-07-10T03:00:00Z', '2025-07-11T03:00:00Z', 7, 45.2, 'HTTP 503',
             '2025-07-12T10:00:00Z', '2025-07-12T10:01:00Z'",
        )
        .await;
    let body = read(&world, "?limit=50").await;
    assert_eq!(
        old_run(&body["executions"][0]),
        json!({"id": id, "mode": "backfill", "window_start": "2025-07-10T03:00:00Z",
               "window_end": "2025-07-11T03:00:00Z", "status": "error", "records_processed": 7,
               "duration_seconds": 45.2, "error_message": "HTTP 503", "created_at": "2025-07-12T10:00:00Z",
               "updated_at": "2025-07-12T10:01:00Z"})
    );
    assert_eq!(
        only(&body, &known[1..]),
        json!({"total_count": 1, "success_count": 0, "error_count": 1, "running_count": 0})
    );
    assert_eq!(body["next_cursor"], Value::Null);
    world.shutdown().await;
}

#[tokio::test]
async fn counts_are_those_of_all_that_the_filter_lets_through_not_of_the_page() {
    let world = World::start().await;
    twelve(&world).await;
    world.run("mode, state", "'update', 'queued'").await;
    let counts = |total: i64, success: i64, error: i64, running: i64| {
        json!({"total_count": total, "success_count": success, "error_count": error, "running_count": running,
               "counts_capped": false})
    };
    for (query, expected) in [
        ("?limit=1", counts(13, 6, 6, 1)),
        ("?limit=1&status=error", counts(6, 0, 6, 0)),
        ("?limit=1&status=running", counts(1, 0, 0, 1)),
        ("?limit=1&mode=backfill", counts(4, 2, 2, 0)),
        ("?limit=1&mode=update&status=success", counts(4, 4, 0, 0)),
        ("?limit=1&from=2025-07-03&to=2025-07-06", counts(3, 1, 2, 0)),
        ("?limit=1&q=503", counts(3, 0, 3, 0)),
        ("?limit=1&q=maria", counts(6, 3, 3, 0)),
        ("?limit=1&q=maria&status=error", counts(3, 0, 3, 0)),
        ("?limit=1&q=503&mode=backfill", counts(1, 0, 1, 0)),
        (
            "?limit=1&q=503&from=2025-07-07T12:00:00Z",
            counts(2, 0, 2, 0),
        ),
        ("?limit=1&q=nowhere", counts(0, 0, 0, 0)),
    ] {
        let body = read(&world, query).await;
        assert_eq!(only(&body, &COUNTS), expected, "{query}");
        let page = usize::from(expected["total_count"] != 0);
        assert_eq!(ids(&body).len(), page, "{query}");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn a_text_is_found_in_errors_in_names_and_as_an_id_whatever_its_case() {
    let world = World::start().await;
    twelve(&world).await;
    for (q, expected) in [
        ("7", vec![7]),
        ("12", vec![12]),
        ("page%2010", vec![10]),
        ("HTTP%20503%20ON", vec![10, 6, 2]),
        ("%25", vec![11, 7, 3]),
        ("_it_", vec![11, 7, 3]),
        ("_", vec![11, 7, 3]),
        ("SILVA", vec![11, 9, 7, 5, 3, 1]),
        ("da", vec![11, 9, 7, 5, 3, 1]),
        ("schedul", vec![12, 10, 8, 6, 4, 2]),
        ("99999999999999999999", vec![]),
        ("'%20OR%201=1%20--", vec![]),
        ("%5C", vec![]),
        ("zz", vec![]),
    ] {
        let body = read(&world, &format!("?q={q}")).await;
        assert_eq!(ids(&body), expected, "{q}");
        assert_eq!(body["total_count"], expected.len(), "{q}");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn times_without_an_offset_are_local_and_the_end_is_not_included() {
    let world = World::start().await;
    for instant in [
        "2025-07-10T02:59:59Z",
        "2025-07-10T03:00:00Z",
        "2025-07-11T02:59:59Z",
        "2025-07-11T03:00:00Z",
    ] {
        world
            .run(
                "mode, state, created_at",
                &format!("'update', 'success', '{instant}'"),
            )
            .await;
    }
    assert_eq!(
        ids(&read(&world, "?from=2025-07-10&to=2025-07-11").await),
        [3, 2]
    );
    assert_eq!(
        ids(&read(&world, "?from=2025-07-10T03:00:00Z").await),
        [4, 3, 2]
    );
    assert_eq!(
        ids(&read(&world, "?to=2025-07-10T00:00:00-03:00").await),
        [1]
    );
    world.shutdown().await;
}

#[tokio::test]
async fn pages_hang_together_while_new_runs_come_in() {
    let world = World::start().await;
    twelve(&world).await;
    for filter in [
        "",
        "&status=error",
        "&mode=update",
        "&q=schedule",
        "&q=503",
        "&from=2025-07-01&to=2025-07-20",
    ] {
        let all = ids(&read(&world, &format!("?limit=500{filter}")).await);
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let body = read(&world, &format!("?limit=2{filter}{cursor}")).await;
            seen.extend(ids(&body));
            // Whatever comes now is newer than the cursor.
            world
                .run(
                    "mode, state, requested_by",
                    "'update', 'cancelled', 'schedule'",
                )
                .await;
            match body["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen, all, "{filter}");
        world
            .sql("DELETE FROM sync_executions WHERE state = 'cancelled'")
            .await;
    }
    world.shutdown().await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_field() {
    let world = World::start().await;
    twelve(&world).await;
    let long = "q".repeat(201);
    for (query, expected) in [
        ("?limit=0", vec!["limit"]),
        ("?limit=501", vec!["limit"]),
        ("?limit=-1", vec!["limit"]),
        ("?limit=%2B5", vec!["limit"]),
        ("?limit=1e2", vec!["limit"]),
        ("?limit=99999999999999999999", vec!["limit"]),
        ("?limit=1&limit=2", vec!["limit"]),
        ("?status=idle", vec!["status"]),
        ("?status=queued&mode=all", vec!["status", "mode"]),
        ("?from=yesterday&to=2025-02-30", vec!["from", "to"]),
        ("?from=2025-07-11&to=2025-07-11", vec!["from"]),
        ("?cursor=4711", vec!["cursor"]),
        ("?cursor=aDE6LTE", vec!["cursor"]),
        ("?q=%00", vec!["q"]),
        (&format!("?q={long}"), vec!["q"]),
    ] {
        let answer = world.get(&format!("/sync/history{query}")).await;
        assert_eq!(fields(&answer), expected, "{query}");
    }
    for query in [
        "?limit=500",
        "?limit=1",
        "?limit=&status=&mode=&q=&cursor=&from=&to=",
        "?unknown=1",
        "?q=%FF",
        "?%",
    ] {
        read(&world, query).await;
    }
    world.shutdown().await;
}

#[tokio::test]
async fn counts_above_ten_thousand_stand_still_and_say_so() {
    let world = World::start().await;
    world
        .sql(
            "INSERT INTO sync_executions (mode, state, error_message, requested_by, created_at)
             SELECT CASE WHEN n <= 11000 THEN 'update' ELSE 'backfill' END,
                    CASE WHEN n % 100 = 0 THEN 'error' ELSE 'success' END,
                    CASE WHEN n % 100 = 0 THEN 'HTTP 503' END, 'schedule',
                    '2025-01-01T00:00:00Z'::timestamptz + make_interval(mins => n)
             FROM generate_series(1, 12000) n",
        )
        .await;
    let whole = read(&world, "?limit=1").await;
    assert_eq!(
        (&whole["total_count"], &whole["counts_capped"]),
        (&json!(12_000), &json!(false))
    );
    for (query, total, success, error, capped) in [
        ("?mode=update", 10_000, 10_000, 110, true),
        ("?mode=backfill", 1_000, 990, 10, false),
        ("?status=success", 10_000, 10_000, 0, true),
        ("?status=error", 120, 0, 120, false),
        ("?from=2025-01-01T00:00:00Z", 10_000, 10_000, 120, true),
        ("?to=2025-01-01T02:00:00Z", 119, 118, 1, false),
        ("?q=schedule", 10_000, 10_000, 120, true),
        ("?q=http", 120, 0, 120, false),
    ] {
        let body = read(&world, query).await;
        let expected = json!({"total_count": total, "success_count": success, "error_count": error,
                              "running_count": 0, "counts_capped": capped});
        assert_eq!(only(&body, &COUNTS), expected, "{query}");
        assert_eq!(ids(&body).len(), 50, "{query}");
    }
    // A long range of time that ends long ago begins at its own newest run.
    let old = read(&world, "?limit=2&to=2025-01-08T06:00:00Z").await;
    assert_eq!(ids(&old), [10_439, 10_438]);
    world.shutdown().await;
}

#[tokio::test]
async fn a_range_of_time_is_right_whatever_order_its_runs_came_in() {
    let world = World::start().await;
    // The newest came first, and some were given another time later.
    world
        .sql(
            "INSERT INTO sync_executions (mode, state, created_at)
             SELECT 'update', 'success', '2025-07-01T00:00:00Z'::timestamptz - make_interval(mins => n)
             FROM generate_series(1, 11000) n",
        )
        .await;
    world
        .sql("UPDATE sync_executions SET created_at = '2024-01-01T00:00:00Z' WHERE id IN (5, 7)")
        .await;
    let body = read(&world, "?limit=3&to=2025-06-30T23:50:30Z").await;
    assert_eq!(
        (ids(&body), &body["counts_capped"]),
        (vec![11_000, 10_999, 10_998], &json!(true))
    );
    let last = read(&world, "?limit=3&to=2025-06-30T23:50:30Z&cursor=aDE6MTI").await;
    assert_eq!(ids(&last), [11, 10, 7]);
    world.shutdown().await;
}
