//! The database under the streams: its doorbell falls silent, or all of it is away.

use std::time::Duration;

use test_kit::{PATIENCE, wait_until};

use crate::live::{Live, told, told_until};

const LISTENERS: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND query = 'LISTEN \"farol_execution\"'";

async fn kill_listeners(live: &Live) -> i64 {
    live.world
        .value(&format!(
            "SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE pid IN ({})) killed",
            LISTENERS.replace("count(*)", "pid")
        ))
        .await
}

#[tokio::test]
async fn one_listener_serves_all_viewers_and_the_doorbell_alone_is_enough() {
    let live = Live::with(|settings| {
        settings.stream.live_poll_ms = Duration::from_mins(1);
    })
    .await;
    live.world
        .holds(&format!(
            "{} ",
            LISTENERS.replace("count(*)", "count(*) = 1")
        ))
        .await;
    let run = live.world.claimed("update", 600, 0).await;
    let (mut one, mut other) = (live.watch(run).await, live.watch(run).await);
    for viewer in [&mut one, &mut other] {
        told(viewer, "task_started").await;
    }
    for records in [1, 2, 3] {
        live.saved(run, records).await;
        for viewer in [&mut one, &mut other] {
            told_until(viewer, |data| data["records"] == records).await;
        }
    }
    assert_eq!(live.world.value::<i64>(LISTENERS).await, 1);
    live.shutdown().await;
}

#[tokio::test]
async fn a_listener_that_is_killed_comes_back_and_misses_nothing() {
    let live = Live::with(|settings| {
        settings.stream.live_poll_ms = Duration::from_mins(1);
    })
    .await;
    let run = live.world.claimed("update", 600, 0).await;
    let mut stream = live.watch(run).await;
    told(&mut stream, "task_started").await;
    for records in 1..=3 {
        wait_until("the doorbell is heard", PATIENCE, async || {
            live.world.service.metric("admin_live_listening").await > 0.5
        })
        .await;
        assert_eq!(kill_listeners(&live).await, 1);
        live.saved(run, records).await;
        told_until(&mut stream, |data| data["records"] == records).await;
    }
    live.shutdown().await;
}

#[tokio::test]
async fn without_any_doorbell_progress_goes_on_by_the_poll() {
    let live = Live::with(|settings| {
        settings.stream.live_poll_ms = Duration::from_millis(100);
    })
    .await;
    let run = live.world.claimed("update", 600, 0).await;
    let mut stream = live.watch(run).await;
    told(&mut stream, "task_started").await;
    live.world
        .sql("DROP TRIGGER sync_executions_notify_moved ON sync_executions")
        .await;
    for records in [1, 2] {
        live.saved(run, records).await;
        told_until(&mut stream, |data| data["records"] == records).await;
    }
    live.shutdown().await;
}
