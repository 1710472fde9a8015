//! Who is told what, and how often: one notice per incident, one when it is over, whatever the receivers do.

use std::time::Duration;

use admin_sync_service::settings::Settings;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use test_kit::{PATIENCE, wait_until};

use crate::receivers::{Post, WebhookReceiver};
use crate::world::World;

/// The key of every test's webhook.
const KEY: &str = "s3cret-of-webhook";

#[tokio::test]
async fn an_incomplete_run_is_told_once_with_its_segments_and_what_to_do() {
    let receiver = WebhookReceiver::refusing(&[]).await;
    let world = told_by(&receiver, |_| {}).await;
    let run = incomplete(&world, "update").await;
    let notice = receiver.wait(1).await[0].json();

    assert_eq!(notice["event"], "opened");
    assert_eq!(notice["kind"], "run_incomplete");
    assert_eq!(notice["execution_id"], run);
    let summary = notice["summary"].as_str().unwrap();
    assert!(
        summary.contains(&format!("update {run}")) && summary.contains("2 of 3 segments"),
        "{summary}"
    );
    let to_do = notice["what_to_do"].as_str().unwrap();
    assert!(
        to_do.contains(&format!("POST /sync/executions/{run}/retry")),
        "{to_do}"
    );
    let execution = &notice["execution"];
    assert_eq!(
        (&execution["segments_missing"], &execution["segments_total"]),
        (&json!(2), &json!(3))
    );
    let segment = &execution["segments"][0];
    assert_eq!(segment["endpoint"], "atualizacao");
    assert_eq!(segment["modalidade"], 6);
    assert_eq!(segment["day_from"], "2025-07-10");
    assert_eq!(segment["error_class"], "overloaded");
    assert_eq!(segment["last_error"], "503");

    // The next run fails alike: it is the same incident.
    incomplete(&world, "update").await;
    world.holds("SELECT seen = 2 FROM sync_incidents").await;
    world.a_whole_round().await;
    assert_eq!(receiver.posts().len(), 1);
    world.shutdown().await;
}

#[tokio::test]
async fn recovery_is_told_once_and_the_next_trouble_anew() {
    let receiver = WebhookReceiver::refusing(&[]).await;
    let world = told_by(&receiver, |_| {}).await;
    incomplete(&world, "update").await;
    receiver.wait(1).await;
    world
        .holds("SELECT notified_at IS NOT NULL FROM sync_incidents")
        .await;

    ended(&world, "update", "success", "NULL").await;
    let notices = events(&receiver.wait(2).await);
    assert_eq!(notices, ["opened run:update", "resolved run:update"]);
    assert!(receiver.posts()[1].json()["what_to_do"].is_null());
    world
        .holds("SELECT COALESCE(notified_at >= resolved_at, false) FROM sync_incidents")
        .await;

    ended(&world, "update", "error", "'disk full'").await;
    let notices = receiver.wait(3).await;
    assert_eq!(events(&notices)[2], "opened run:update");
    assert_eq!(notices[2].json()["kind"], "run_error");
    assert!(
        notices[2].json()["summary"]
            .as_str()
            .unwrap()
            .contains("disk full")
    );
    world.a_whole_round().await;
    assert_eq!(receiver.posts().len(), 3);
    world.shutdown().await;
}

#[tokio::test]
async fn two_replicas_tell_an_incident_once() {
    let receiver = WebhookReceiver::refusing(&[]).await;
    let world = told_by(&receiver, |_| {}).await;
    let url = receiver.url();
    let other = world.replica(|settings| settings.alert.alert_webhook_url = Some(url.into()));
    other.ready().await;
    ended(&world, "backfill", "lost", "'workers fell silent 4 times'").await;
    receiver.wait(1).await;
    world
        .holds("SELECT notified_at IS NOT NULL FROM sync_incidents")
        .await;
    world.a_whole_round().await;
    assert_eq!(receiver.posts().len(), 1);
    other.shutdown().await;
    world.shutdown().await;
}

#[tokio::test]
async fn backfills_of_two_windows_are_two_incidents_and_each_ends_with_its_own() {
    let receiver = WebhookReceiver::refusing(&[]).await;
    let world = told_by(&receiver, |_| {}).await;
    let backfill = async |day: u8, state: &str| {
        world
            .run(
                "mode, state, window_start, window_end, started_at, finished_at",
                &format!(
                    "'backfill', '{state}', '2025-07-{day}', '2025-07-{}', now(), now()",
                    day + 1
                ),
            )
            .await
    };
    backfill(10, "error").await;
    backfill(20, "error").await;
    receiver.wait(2).await;
    world
        .holds("SELECT count(*) = 2 FROM sync_incidents WHERE notified_at IS NOT NULL")
        .await;
    backfill(20, "success").await;
    let notices = receiver.wait(3).await;
    assert_eq!(notices[2].json()["event"], "resolved");
    world.a_whole_round().await;
    let open: i64 = world
        .value("SELECT count(*) FROM sync_incidents WHERE resolved_at IS NULL")
        .await;
    assert_eq!(open, 1, "the other window is still missing");
    world.shutdown().await;
}

#[tokio::test]
async fn a_notice_is_signed_over_the_body_and_tried_again_until_it_is_taken() {
    let receiver = WebhookReceiver::refusing(&[503, 500, 404]).await;
    let world = told_by(&receiver, |_| {}).await;
    ended(&world, "update", "error", "'disk full'").await;
    receiver.refused_all().await;
    let post = receiver.wait(1).await.remove(0);
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).unwrap();
    mac.update(&post.body);
    let digest = mac.finalize().into_bytes();
    let expected = digest.iter().fold("sha256=".to_owned(), |text, byte| {
        text + &format!("{byte:02x}")
    });
    assert_eq!(post.header("x-farol-signature"), Some(expected.as_str()));
    assert_eq!(post.header("content-type"), Some("application/json"));
    wait_until("failures are counted", PATIENCE, async || {
        let metric = r#"admin_notices_total{channel="webhook",outcome="failed"}"#;
        world.service.metric(metric).await > 2.5
    })
    .await;
    world.shutdown().await;
}

#[tokio::test]
async fn trouble_that_is_over_before_its_notice_is_taken_is_told_once_as_over() {
    let receiver = WebhookReceiver::refusing(&[503; 3]).await;
    let world = told_by(&receiver, |settings| {
        settings.alert.alert_retry_ms = Duration::from_millis(300);
    })
    .await;
    ended(&world, "update", "error", "'disk full'").await;
    world.holds("SELECT count(*) = 1 FROM sync_incidents").await;
    ended(&world, "update", "success", "NULL").await;
    world
        .holds("SELECT resolved_at IS NOT NULL FROM sync_incidents")
        .await;
    let notices = receiver.wait(1).await;
    world
        .holds("SELECT COALESCE(notified_at >= resolved_at, false) FROM sync_incidents")
        .await;
    world.a_whole_round().await;
    let told = events(&receiver.posts());
    assert_eq!(
        told.last().map(String::as_str),
        Some("resolved run:update"),
        "{told:?}"
    );
    assert!(notices.len() <= 2, "{told:?}");
    world.shutdown().await;
}

#[tokio::test]
async fn old_failures_are_history_and_wake_nobody() {
    let receiver = WebhookReceiver::refusing(&[]).await;
    let world = told_by(&receiver, |_| {}).await;
    world
        .run(
            "mode, state, finished_at",
            "'update', 'error', now() - interval '2 days'",
        )
        .await;
    world.run("mode, state", "'backfill', 'lost'").await;
    world
        .run("mode, state, finished_at", "'update', 'cancelled', now()")
        .await;
    world.a_whole_round().await;
    assert_eq!(
        world
            .value::<i64>("SELECT count(*) FROM sync_incidents")
            .await,
        0
    );
    world.shutdown().await;
}

#[tokio::test]
async fn a_run_that_gets_nowhere_is_told_and_so_is_its_going_on() {
    let receiver = WebhookReceiver::refusing(&[]).await;
    let world = told_by(&receiver, |_| {}).await;
    let id = world.claimed("backfill", 600, 0).await;
    world.a_whole_round().await;
    assert!(receiver.posts().is_empty(), "ten minutes are not over");
    world.sql("UPDATE sync_executions SET updated_at = now() - interval '11 minutes' WHERE state = 'running'").await;
    let notice = receiver.wait(1).await[0].json();
    assert_eq!(notice["kind"], "no_progress");
    assert_eq!(notice["execution_id"], id);
    assert!(notice["summary"].as_str().unwrap().contains("worker-7"));
    world
        .holds("SELECT notified_at IS NOT NULL FROM sync_incidents")
        .await;
    world
        .sql(&format!(
            "UPDATE sync_executions SET progress_at = now() WHERE id = {id}"
        ))
        .await;
    assert_eq!(events(&receiver.wait(2).await)[1], "resolved no_progress");
    world.shutdown().await;
}

#[tokio::test]
async fn a_run_that_nobody_takes_is_told() {
    let receiver = WebhookReceiver::refusing(&[]).await;
    let world = told_by(&receiver, |_| {}).await;
    let id = world
        .run(
            "mode, state, updated_at",
            "'update', 'queued', now() - interval '11 minutes'",
        )
        .await;
    let notice = receiver.wait(1).await[0].json();
    assert_eq!(notice["kind"], "not_claimed");
    assert_eq!(notice["execution_id"], id);
    assert!(
        notice["what_to_do"]
            .as_str()
            .unwrap()
            .contains(&world.queue)
    );
    world.shutdown().await;
}

#[tokio::test]
async fn data_that_grows_old_is_told_and_a_complete_update_ends_it() {
    let receiver = WebhookReceiver::refusing(&[]).await;
    let world = told_by(&receiver, |settings| {
        settings.alert.alert_no_update_minutes = 60;
    })
    .await;
    world
        .run(
            "mode, state, created_at, finished_at",
            "'update', 'success', now(), now() - interval '61 minutes'",
        )
        .await;
    let notice = receiver.wait(1).await[0].json();
    assert_eq!(notice["kind"], "no_update");
    world
        .holds("SELECT notified_at IS NOT NULL FROM sync_incidents")
        .await;
    ended(&world, "update", "success", "NULL").await;
    assert_eq!(events(&receiver.wait(2).await)[1], "resolved no_update");
    world.shutdown().await;
}

#[tokio::test]
async fn what_no_update_may_reach_back_to_is_told_until_a_backfill_has_read_it() {
    let receiver = WebhookReceiver::refusing(&[]).await;
    let world = told_by(&receiver, |_| {}).await;
    let update = async |start: &str, end: &str| {
        let columns = "mode, state, window_start, window_end, started_at, finished_at";
        world
            .run(
                columns,
                &format!("'update', 'success', '{start}', '{end}', now(), now()"),
            )
            .await
    };
    update("2025-07-01T00:00Z", "2025-07-01T00:15Z").await;
    update("2025-07-01T00:10Z", "2025-07-01T00:30Z").await;
    let late = update("2025-07-20T00:00Z", "2025-07-30T00:00Z").await;
    let notice = receiver.wait(1).await[0].json();
    assert_eq!(
        (&notice["kind"], &notice["execution_id"]),
        (&json!("gap"), &json!(late))
    );
    let summary = notice["summary"].as_str().unwrap();
    assert!(
        summary.contains("2025-07-01T00:30:00Z to 2025-07-20T00:00:00Z"),
        "{summary}"
    );
    world
        .holds("SELECT notified_at IS NOT NULL FROM sync_incidents")
        .await;
    update("2025-07-30T00:00Z", "2025-07-30T00:15Z").await;
    world.a_whole_round().await;
    assert_eq!(
        receiver.posts().len(),
        1,
        "the next update does not fill it"
    );

    let columns = "mode, state, window_start, window_end, started_at, finished_at";
    let backfill = "'backfill', 'success', '2025-07-01T00:00Z', '2025-07-21T00:00Z', now(), now()";
    world.run(columns, backfill).await;
    assert_eq!(receiver.wait(2).await[1].json()["event"], "resolved");
    world.shutdown().await;
}

#[tokio::test]
async fn dead_letters_are_counted_and_told_until_their_queue_is_empty() {
    let receiver = WebhookReceiver::refusing(&[]).await;
    let world = told_by(&receiver, |_| {}).await;
    world.ready().await;
    let dead = format!("{}.dead", world.queue);
    world.rabbit.publish(&dead, "garbage").await;
    world.rabbit.publish(&dead, "more of it").await;
    let notice = receiver.wait(1).await[0].json();
    assert_eq!(notice["kind"], "dead_letters");
    assert!(notice["summary"].as_str().unwrap().contains(&dead));
    wait_until("they are counted", PATIENCE, async || {
        world.service.metric("dead_letters").await > 1.5
    })
    .await;
    world
        .holds("SELECT notified_at IS NOT NULL FROM sync_incidents")
        .await;

    world.rabbit.purge(&dead).await;
    assert_eq!(events(&receiver.wait(2).await)[1], "resolved dead_letters");
    wait_until("none is counted", PATIENCE, async || {
        world.service.metric("dead_letters").await < 0.5
    })
    .await;
    world.shutdown().await;
}

#[tokio::test]
async fn a_source_that_nobody_reports_on_is_down() {
    let receiver = WebhookReceiver::refusing(&[]).await;
    let world = told_by(&receiver, |_| {}).await;
    world
        .sql(
            "INSERT INTO sync_source (name, state, breaker, pace_per_second, updated_at)
              VALUES ('pncp', 'ok', 'closed', 1, now() - interval '31 seconds')",
        )
        .await;
    world.a_whole_round().await;
    assert!(
        receiver.posts().is_empty(),
        "a worker that restarts wakes nobody"
    );
    world
        .sql("UPDATE sync_source SET updated_at = now() - interval '11 minutes'")
        .await;
    let notice = receiver.wait(1).await[0].json();
    assert_eq!(notice["kind"], "source_down");
    assert!(
        notice["summary"].as_str().unwrap().contains("no ingestor"),
        "{notice}"
    );
    world
        .holds("SELECT notified_at IS NOT NULL FROM sync_incidents")
        .await;
    world
        .sql("UPDATE sync_source SET updated_at = now() + interval '1 minute'")
        .await;
    assert_eq!(events(&receiver.wait(2).await)[1], "resolved source_down");

    world
        .sql(
            "UPDATE sync_source SET state = 'down', since = now() - interval '11 minutes',
                     updated_at = now() + interval '1 minute'",
        )
        .await;
    let told = receiver.wait(3).await[2].json();
    assert!(
        told["summary"]
            .as_str()
            .unwrap()
            .contains("portal cannot be read"),
        "{told}"
    );
    world.shutdown().await;
}

/// A world whose alerts go to this receiver.
pub async fn told_by(receiver: &WebhookReceiver, change: impl FnOnce(&mut Settings)) -> World {
    World::with(|settings| {
        settings.alert.alert_webhook_url = Some(receiver.url().into());
        settings.alert.alert_webhook_secret = Some(KEY.into());
        settings.alert.alert_retry_ms = Duration::from_millis(50);
        change(settings);
    })
    .await
}

/// A run that ended just now.
pub async fn ended(world: &World, mode: &str, state: &str, error: &str) -> i32 {
    world
        .run(
            "mode, state, error_message, started_at, finished_at",
            &format!("'{mode}', '{state}', {error}, now() - interval '1 minute', now()"),
        )
        .await
}

/// A run that ended with two of three segments missing.
async fn incomplete(world: &World, mode: &str) -> i32 {
    let insert = format!(
        "WITH run AS (
             INSERT INTO sync_executions (mode, state, error_message, started_at, finished_at)
             VALUES ('{mode}', 'incomplete', '2 of 3 segments are not complete', now(), now()) RETURNING id),
         segment AS (
             INSERT INTO sync_segments (execution_id, endpoint, modalidade, day_from, day_to, cut_from, cut_to, state,
                                        error_class, last_error, proven_until)
             SELECT id, 'atualizacao', m, '2025-07-10', '2025-07-10', '2025-07-10', '2025-07-11', s, c, e, p
             FROM run, (VALUES (5, 'complete', NULL, NULL, '2025-07-11'::timestamptz),
                               (6, 'failed', 'overloaded', '503', NULL),
                               (8, 'incomplete', NULL, 'totals moved', NULL)) v (m, s, c, e, p))
         SELECT id FROM run"
    );
    world.value(&insert).await
}

fn events(posts: &[Post]) -> Vec<String> {
    let text = |notice: &Value, name: &str| notice[name].as_str().unwrap_or_default().to_owned();
    let event = |post: &Post| {
        let notice = post.json();
        text(&notice, "event") + " " + &text(&notice, "incident")
    };
    posts.iter().map(event).collect()
}
