//! GET /sync/dashboard and /sync/coverage: how it goes, and what is proven to be here.

use serde_json::{Value, json};

use crate::bodies::{fields, ok, old_status, only};
use crate::world::World;

const OLD: [&str; 4] = [
    "total_executions",
    "success_rate",
    "avg_duration_seconds",
    "last_24h_executions",
];

async fn dashboard(world: &World, query: &str) -> Value {
    ok(&world.get(&format!("/sync/dashboard{query}")).await)
}

#[tokio::test]
async fn an_empty_dashboard_shows_zeros_as_strings() {
    let world = World::start().await;
    let body = dashboard(&world, "").await;
    assert_eq!(
        only(&body, &OLD),
        json!({"total_executions": 0, "success_rate": "0.0%", "avg_duration_seconds": "0.0", "last_24h_executions": 0})
    );
    assert_eq!(body["current_status"], ok(&world.get("/sync/status").await));
    assert_eq!(old_status(&body["current_status"])["status"], "idle");
    assert_eq!(body["errors"], json!([]));
    assert_eq!(body["update_interval_minutes"], 0);
    for none in [
        "success_rate_ratio",
        "duration_p50_seconds",
        "duration_p95_seconds",
        "queue_wait_p95_seconds",
    ] {
        assert_eq!(body[none], Value::Null, "{none}");
    }
    assert!((30..=31).contains(&body["per_day"].as_array().unwrap().len()));
    world.shutdown().await;
}

#[tokio::test]
async fn figures_are_those_of_the_runs_of_the_last_days() {
    let world = World::start().await;
    let columns = "mode, state, duration_seconds, records_processed, created_at, started_at";
    for (state, seconds, records, ago, waited) in [
        ("success", 10, 100, "1 hour", 1),
        ("success", 20, 200, "2 days", 2),
        ("success", 30, 0, "29 days", 3),
        ("incomplete", 40, 50, "3 days", 4),
        ("cancelled", 100, 5, "4 days", 5),
        ("queued", 0, 0, "5 minutes", 0),
        ("error", 5000, 5000, "31 days", 100),
    ] {
        let started = if state == "queued" {
            "NULL".to_owned()
        } else {
            format!("now() - interval '{ago}' + interval '{waited} seconds'")
        };
        world
            .run(
                columns,
                &format!(
                    "'update', '{state}', {seconds}, {records}, now() - interval '{ago}', {started}"
                ),
            )
            .await;
    }
    let body = dashboard(&world, "").await;
    // Three of four: the cancelled one is in neither, and the old one out of sight.
    assert_eq!(
        only(&body, &OLD),
        json!({"total_executions": 6, "success_rate": "75.0%", "avg_duration_seconds": "40.0", "last_24h_executions": 2})
    );
    assert_eq!(body["success_rate_ratio"], 0.75);
    assert_eq!(body["duration_p50_seconds"], 30.0);
    assert_eq!(body["records_total"], 355);
    let wait = body["queue_wait_p95_seconds"].as_f64().unwrap();
    assert!((4.7..4.9).contains(&wait), "{wait}");
    let sum = |name: &str| -> i64 {
        body["per_day"]
            .as_array()
            .unwrap()
            .iter()
            .map(|day| day[name].as_i64().unwrap())
            .sum()
    };
    assert_eq!((sum("success"), sum("error"), sum("records")), (3, 1, 355));
    let short = dashboard(&world, "?days=1").await;
    assert_eq!(
        (&short["total_executions"], &short["success_rate"]),
        (&json!(2), &json!("100.0%"))
    );
    let long = dashboard(&world, "?days=365").await;
    assert_eq!(
        (&long["total_executions"], &long["success_rate"]),
        (&json!(7), &json!("60.0%"))
    );
    for query in ["?days=0", "?days=366", "?days=-1", "?days=x", "?days=1.5"] {
        assert_eq!(
            fields(&world.get(&format!("/sync/dashboard{query}")).await),
            ["days"],
            "{query}"
        );
    }
    world.shutdown().await;
}

#[tokio::test]
async fn each_day_has_its_own_figures_and_one_without_runs_has_none() {
    let world = World::start().await;
    let columns = "mode, state, duration_seconds, records_processed, created_at, started_at";
    // Noon there, two days ago; the day that the zone has then is not always that of UTC.
    let noon = "((now() AT TIME ZONE 'America/Sao_Paulo')::date - 2 + interval '12 hours') AT TIME ZONE 'America/Sao_Paulo'";
    for (state, seconds, records, waited) in [
        ("success", "10", 100, "1"),
        ("success", "20", 10, "3"),
        ("lost", "90", 1, "5"),
        ("cancelled", "40", 0, "7"),
        ("queued", "0", 0, "NULL"),
    ] {
        let started = format!("{noon} + make_interval(secs => {waited})");
        world
            .run(
                columns,
                &format!("'update', '{state}', {seconds}, {records}, {noon}, {started}"),
            )
            .await;
    }
    let body = dashboard(&world, "?days=7").await;
    let days = body["per_day"].as_array().unwrap();
    let mut busy = days[days.len() - 3].clone();
    let mut percentile = |name: &str| busy[name].take().as_f64().unwrap();
    let p95 = (
        percentile("duration_p95_seconds"),
        percentile("queue_wait_p95_seconds"),
    );
    assert!(
        (82.4..82.6).contains(&p95.0) && (6.6..6.8).contains(&p95.1),
        "{p95:?}"
    );
    assert_eq!(
        busy,
        json!({"day": busy["day"], "success": 2, "error": 1, "cancelled": 1, "running": 1, "records": 111,
               "duration_p50_seconds": 30.0, "duration_p95_seconds": null, "queue_wait_p95_seconds": null})
    );
    for quiet in days.iter().filter(|day| day["day"] != busy["day"]) {
        assert_eq!(
            *quiet,
            json!({"day": quiet["day"], "success": 0, "error": 0, "cancelled": 0, "running": 0, "records": 0,
                   "duration_p50_seconds": null, "duration_p95_seconds": null, "queue_wait_p95_seconds": null})
        );
    }
    world.shutdown().await;
}

#[tokio::test]
async fn failures_are_summed_up_by_what_went_wrong_most() {
    let world = World::start().await;
    let mut newest = 0;
    for state in ["incomplete", "incomplete", "error", "lost", "cancelled"] {
        let id = world
            .run("mode, state", &format!("'update', '{state}'"))
            .await;
        if state == "incomplete" {
            newest = id;
            for (modalidade, class) in [(1, "timeout"), (2, "overloaded"), (3, "overloaded")] {
                world
                    .sql(&format!(
                        "INSERT INTO sync_segments (execution_id, endpoint, modalidade, day_from, day_to, cut_from,
                             cut_to, state, error_class)
                         VALUES ({id}, 'atualizacao', {modalidade}, current_date, current_date,
                             now() - interval '1 hour', now(), 'failed', '{class}')"
                    ))
                    .await;
            }
        }
    }
    let body = dashboard(&world, "").await;
    let classes: Vec<_> = body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| only(it, &["class", "count"]))
        .collect();
    let class = |class: &str, count: i64| json!({"class": class, "count": count});
    assert_eq!(
        classes,
        [class("overloaded", 2), class("error", 1), class("lost", 1)]
    );
    assert_eq!(body["errors"][0]["example_id"], newest);
    world.shutdown().await;
}

#[tokio::test]
async fn a_day_is_complete_when_all_of_it_is_proven_by_whichever_runs() {
    let world = World::with(|settings| {
        settings.sync.pncp_modalidades = admin_sync_service::settings::Modalidades(vec![6, 8]);
    })
    .await;
    let segment = async |modalidade: i16,
                         endpoint: &str,
                         from: &str,
                         to: &str,
                         state: &str,
                         expected: i32| {
        let id = world.run("mode, state", "'update', 'success'").await;
        let proven = if state == "complete" {
            format!("'{to}'")
        } else {
            "NULL".to_owned()
        };
        world
            .sql(&format!(
                "INSERT INTO sync_segments (execution_id, endpoint, modalidade, day_from, day_to, cut_from, cut_to,
                     state, expected, got, proven_until)
                 VALUES ({id}, '{endpoint}', {modalidade}, ('{from}'::timestamptz AT TIME ZONE 'America/Sao_Paulo')::date,
                     ('{from}'::timestamptz AT TIME ZONE 'America/Sao_Paulo')::date, '{from}', '{to}', '{state}',
                     {expected}, {expected}, {proven})"
            ))
            .await;
    };
    // The 10th of modalidade 6: a morning by one run, the rest by another.
    segment(
        6,
        "atualizacao",
        "2025-07-10T03:00:00Z",
        "2025-07-10T15:00:00Z",
        "complete",
        7,
    )
    .await;
    segment(
        6,
        "publicacao",
        "2025-07-10T15:00:00Z",
        "2025-07-11T03:00:00Z",
        "complete",
        9,
    )
    .await;
    // Of modalidade 8 a second is missing.
    segment(
        8,
        "publicacao",
        "2025-07-10T03:00:00Z",
        "2025-07-11T02:59:59Z",
        "complete",
        5,
    )
    .await;
    segment(
        8,
        "publicacao",
        "2025-07-11T03:00:00Z",
        "2025-07-12T03:00:00Z",
        "suspected_outage",
        0,
    )
    .await;
    segment(
        6,
        "publicacao",
        "2025-07-12T03:00:00Z",
        "2025-07-13T03:00:00Z",
        "failed",
        3,
    )
    .await;
    let body = ok(&world
        .get("/sync/coverage?from=2025-07-10&to=2025-07-12")
        .await);
    let cell = |day: u32, modalidade: i16, state: &str, expected: Option<i32>| {
        json!({"day": format!("2025-07-{day}"), "modalidade": modalidade, "state": state, "expected": expected,
               "got": expected})
    };
    assert_eq!(
        body,
        json!({"from": "2025-07-10", "to": "2025-07-12", "days": [
            cell(10, 6, "complete", Some(9)), cell(10, 8, "incomplete", Some(5)),
            cell(11, 6, "never", None), cell(11, 8, "suspected_outage", Some(0)),
            cell(12, 6, "incomplete", Some(3)), cell(12, 8, "never", None),
        ]})
    );
    world.shutdown().await;
}

#[tokio::test]
async fn coverage_reaches_thirty_days_back_and_a_year_at_most() {
    let world = World::start().await;
    let body = ok(&world.get("/sync/coverage").await);
    let cells = body["days"].as_array().unwrap();
    assert_eq!(cells.len(), 30 * 15);
    assert!(cells.iter().all(|cell| cell["state"] == "never"));
    let year = ok(&world
        .get("/sync/coverage?from=2024-01-01&to=2024-12-31")
        .await);
    assert_eq!(year["days"].as_array().unwrap().len(), 366 * 15);
    for (query, expected) in [
        ("?from=2024-01-01&to=2025-01-01", vec!["from"]),
        ("?from=2025-01-02&to=2025-01-01", vec!["from"]),
        ("?from=0000-00-00&to=today", vec!["from", "to"]),
        ("?from=9999-12-31", vec!["from"]),
    ] {
        assert_eq!(
            fields(&world.get(&format!("/sync/coverage{query}")).await),
            expected,
            "{query}"
        );
    }
    ok(&world.get("/sync/coverage?to=0001-01-02").await);
    ok(&world
        .get("/sync/coverage?from=9999-12-31&to=9999-12-31")
        .await);
    world.shutdown().await;
}
