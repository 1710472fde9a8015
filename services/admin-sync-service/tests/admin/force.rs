//! POST /sync/force: what is written, what is answered, what is refused, and who wins.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use test_kit::{ChaosProxy, Database, PATIENCE, http_request, wait_until};
use tokio::task::JoinSet;

use crate::bodies::{backfill, fields, id_of, ok, only, problem};
use crate::world::{AUTHORIZATION, World};

#[tokio::test]
async fn a_client_of_the_first_contract_gets_the_body_that_it_knows() {
    let world = World::start().await;
    world.ready().await;
    let answer = world.post("/sync/force", &json!({"mode": "update"})).await;
    let body = ok(&answer);
    let id = id_of(&body);
    assert_eq!(
        only(&body, &["success", "message", "request_id"]),
        json!({"success": true, "message": "Sync request published: update", "request_id": id.to_string()})
    );
    let task = body["task_id"].as_str().unwrap();
    assert_eq!(
        body,
        json!({
            "success": true, "message": "Sync request published: update", "request_id": id.to_string(),
            "task_id": task, "dispatch": "published",
            "stream_url": format!("http://127.0.0.1:1/api/sse/tasks?task_id={task}"),
            "status_url": format!("/api/tasks/{task}/status"),
        })
    );
    assert_eq!(
        answer.header("location"),
        Some(&*format!("/sync/executions/{id}"))
    );
    let row = world.row(id).await;
    assert_eq!(row["task_id"], task);
    assert_eq!(
        (&row["state"], &row["requested_by"]),
        (&json!("queued"), &json!("ana"))
    );
    assert_eq!(world.events(id).await, ["requested"]);
    let found = world.rabbit.get(&world.queue).await.expect("a message");
    let message: Value = serde_json::from_slice(&found.body).unwrap();
    assert_eq!(
        message,
        json!({"v": 1, "execution_id": id, "mode": "update"})
    );
    world.shutdown().await;
}

#[tokio::test]
async fn a_backfill_keeps_its_window_and_announces_it_in_local_time() {
    let world = World::start().await;
    world.ready().await;
    let body = json!({"mode": "backfill", "data_ini": "2025-07-10T12:00:00", "data_fim": "2025-07-10T18:00:00"});
    let id = id_of(&ok(&world.post("/sync/force", &body).await));
    let read = ok(&world.get(&format!("/sync/executions/{id}")).await);
    assert_eq!(read["window_start"], "2025-07-10T15:00:00Z");
    assert_eq!(read["window_end"], "2025-07-10T21:00:00Z");
    let found = world.rabbit.get(&world.queue).await.expect("a message");
    let message: Value = serde_json::from_slice(&found.body).unwrap();
    let expected = json!({"v": 1, "execution_id": id, "mode": "backfill",
        "data_ini": "2025-07-10T12:00:00", "data_fim": "2025-07-10T18:00:00"});
    assert_eq!(message, expected);
    world.shutdown().await;
}

#[tokio::test]
async fn no_body_at_all_asks_for_an_update() {
    let world = World::start().await;
    let url = world.url("/sync/force");
    let answer = http_request("POST", &url, &[AUTHORIZATION], b"").await;
    assert!(
        ok(&answer)["message"]
            .as_str()
            .unwrap()
            .ends_with(": update")
    );
    world.shutdown().await;
}

#[tokio::test]
async fn a_backfill_without_both_dates_is_told_so_in_portuguese() {
    let world = World::start().await;
    for body in [
        json!({"mode": "backfill"}),
        json!({"mode": "backfill", "data_ini": "2025-07-10"}),
        json!({"mode": "backfill", "data_ini": null, "data_fim": "2025-07-10"}),
    ] {
        let answer = world.post("/sync/force", &body).await;
        let told = problem(&answer, 400, "missing_dates");
        assert_eq!(
            only(&told, &["detail"]),
            json!({"detail": "data_ini e data_fim são obrigatórios para modo backfill"})
        );
    }
    assert_eq!(world.runs().await, 0);
    world.shutdown().await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_field_and_leaves_nothing() {
    let world = World::start().await;
    let dates =
        |ini: &str, fim: &str| json!({"mode": "backfill", "data_ini": ini, "data_fim": fim});
    let cases: [(Value, &[&str]); 11] = [
        (json!({"mode": "everything"}), &["mode"]),
        (json!({"mode": 1}), &["mode"]),
        (json!([]), &["body"]),
        (json!("update"), &["body"]),
        (json!(null), &["body"]),
        (
            json!({"mode": "update", "data_ini": 20_250_710}),
            &["data_ini"],
        ),
        (dates("10/07/2025", "2025-02-30"), &["data_ini", "data_fim"]),
        (dates("2025-07-11", "2025-07-11"), &["data_ini"]),
        (dates("2025-07-12", "2025-07-11"), &["data_ini"]),
        (dates("2025-07-11", "9999-01-01"), &["data_fim", "data_fim"]),
        (dates("2023-01-01", "2025-01-01"), &["data_fim"]),
    ];
    for (body, expected) in cases {
        let answer = world.post("/sync/force", &body).await;
        assert_eq!(fields(&answer), expected, "{body}");
    }
    let answer = world.post("/sync/force?overlap=maybe", &json!({})).await;
    assert_eq!(fields(&answer), ["overlap"]);
    assert_eq!(world.runs().await, 0);
    assert_eq!(world.value::<i64>("SELECT count(*) FROM outbox").await, 0);
    world.shutdown().await;
}

#[tokio::test]
async fn of_twenty_who_ask_at_once_one_wins_and_the_others_learn_which() {
    let world = World::start().await;
    world.ready().await;
    for body in [json!({"mode": "update"}), backfill(10)] {
        let mut asking = JoinSet::new();
        for _ in 0..20 {
            let (url, body) = (world.url("/sync/force"), body.to_string());
            let headers = [AUTHORIZATION, ("content-type", "application/json")];
            asking
                .spawn(async move { http_request("POST", &url, &headers, body.as_bytes()).await });
        }
        let answers = asking.join_all().await;
        let (won, lost): (Vec<_>, Vec<_>) =
            answers.iter().partition(|answer| answer.status() == 200);
        assert_eq!((won.len(), lost.len()), (1, 19));
        let id = id_of(&won[0].json());
        for answer in lost {
            assert_eq!(
                problem(answer, 409, "overlapping_execution")["blocking_id"],
                id
            );
        }
    }
    assert_eq!(world.runs().await, 2);
    assert_eq!(world.value::<i64>("SELECT count(*) FROM outbox").await, 2);
    world.shutdown().await;
}

#[tokio::test]
async fn windows_that_only_touch_and_other_modes_are_in_nobodys_way() {
    let world = World::start().await;
    for body in [backfill(10), backfill(11), backfill(9), json!({})] {
        ok(&world.post("/sync/force", &body).await);
    }
    let within = json!({"mode": "backfill", "data_ini": "2025-07-10T23:59:59", "data_fim": "2025-07-11T00:00:01"});
    problem(
        &world.post("/sync/force", &within).await,
        409,
        "overlapping_execution",
    );
    world.shutdown().await;
}

#[tokio::test]
async fn whoever_would_wait_is_queued_behind_the_one_in_the_way() {
    let world = World::start().await;
    let first = id_of(&ok(&world.post("/sync/force", &backfill(10)).await));
    let second = id_of(&ok(&world
        .post("/sync/force?overlap=queue", &backfill(10))
        .await));
    assert!(second > first);
    assert_eq!(world.row(second).await["state"], "queued");
    let refused = world
        .post("/sync/force?overlap=reject", &backfill(10))
        .await;
    assert_eq!(
        problem(&refused, 409, "overlapping_execution")["blocking_id"],
        first
    );
    world.shutdown().await;
}

#[tokio::test]
async fn a_run_that_is_over_is_in_nobodys_way_and_one_that_waits_or_ends_is() {
    let world = World::start().await;
    for (state, status) in [
        ("queued", 409),
        ("retry_wait", 409),
        ("success", 200),
        ("incomplete", 200),
        ("error", 200),
        ("cancelled", 200),
        ("lost", 200),
    ] {
        world.sql("DELETE FROM sync_executions").await;
        world
            .run("mode, state", &format!("'update', '{state}'"))
            .await;
        let answer = world.post("/sync/force", &json!({})).await;
        assert_eq!(answer.status(), status, "{state}: {}", answer.text());
    }
    world.shutdown().await;
}

#[tokio::test]
async fn without_its_broker_a_request_is_kept_and_says_so() {
    let world = World::with(|settings| {
        // Port 9 is nobody's.
        settings.broker.rabbitmq_url = "amqp://guest:guest@127.0.0.1:9/%2f".to_owned().into();
        settings.sync.dispatch_wait_ms = Duration::from_millis(50);
    })
    .await;
    let body = ok(&world.post("/sync/force", &json!({})).await);
    assert_eq!(body["success"], true);
    assert_eq!(body["message"], "Sync request queued: update");
    assert_eq!(body["dispatch"], "pending");
    let id = id_of(&body);
    let status = ok(&world.get("/sync/status").await);
    assert_eq!(
        (&status["id"], &status["dispatch"]),
        (&json!(id), &json!("pending"))
    );
    assert_eq!(
        (&status["status"], &status["state"]),
        (&json!("running"), &json!("queued"))
    );

    // Another replica has a broker: it finds the message.
    let replica = world.replica(|_| {});
    world
        .holds(&format!(
            "SELECT dispatched_at IS NOT NULL FROM sync_executions WHERE id = {id}"
        ))
        .await;
    let status = ok(&world.get("/sync/status").await);
    assert_eq!(status["dispatch"], "published");
    replica.shutdown().await;
    world.shutdown().await;
}

#[tokio::test]
async fn without_its_database_nothing_is_half_done_and_it_comes_back_by_itself() {
    let (world, proxy) = cuttable().await;
    ok(&world.get("/sync/status").await);
    proxy.cut();
    for path in [
        "/sync/status",
        "/sync/history",
        "/sync/dashboard",
        "/sync/coverage",
        "/sync/executions/1",
    ] {
        let answer = world.get(path).await;
        problem(&answer, 503, "database_unavailable");
        assert!(answer.header("retry-after").is_some(), "{path}");
    }
    for path in [
        "/sync/force",
        "/sync/executions/1/cancel",
        "/sync/executions/1/retry",
    ] {
        let answer = world.post(path, &json!({})).await;
        problem(&answer, 503, "database_unavailable");
    }
    assert_eq!(world.runs().await, 0);
    for table in ["outbox", "sync_events", "sync_idempotency"] {
        assert_eq!(
            world
                .value::<i64>(&format!("SELECT count(*) FROM {table}"))
                .await,
            0,
            "{table}"
        );
    }
    proxy.restore();
    wait_until("it answers again", PATIENCE, async || {
        world.get("/sync/status").await.status() == 200
    })
    .await;
    ok(&world.post("/sync/force", &json!({})).await);
    world.shutdown().await;
}

#[tokio::test]
async fn every_request_is_noted_with_who_asked() {
    let world = World::with(|settings| {
        settings.access.admin_auth = admin_sync_service::settings::AdminAuth::Off;
    })
    .await;
    let id = id_of(
        &http_request("POST", &world.url("/sync/force"), &[], b"")
            .await
            .json(),
    );
    let actors: BTreeSet<String> = sqlx::query_scalar("SELECT actor FROM sync_events")
        .fetch_all(world.pool())
        .await
        .unwrap()
        .into_iter()
        .collect();
    assert_eq!(actors, BTreeSet::from(["anonymous".to_owned()]));
    assert_eq!(world.row(id).await["requested_by"], "anonymous");
    world.shutdown().await;
}

/// A world whose way to the database can be cut; tests have a way of their own.
pub async fn cuttable() -> (World, ChaosProxy) {
    let database = Database::fresh().await;
    let direct: sqlx::postgres::PgConnectOptions = database.owner_url().parse().unwrap();
    let proxy = ChaosProxy::to(format!("{}:{}", direct.get_host(), direct.get_port())).await;
    let through = direct.host("127.0.0.1").port(proxy.address().port());
    let url = sqlx::ConnectOptions::to_url_lossy(&through).to_string();
    let world = World::over(database, |settings| {
        settings.database.database_url = url.into();
    })
    .await;
    (world, proxy)
}
