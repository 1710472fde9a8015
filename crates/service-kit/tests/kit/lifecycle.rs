//! The two stages, by trigger. Signals are in `child`.

use std::{process::ExitCode, time::Duration};

use futures_util::FutureExt as _;
use service_kit::{clock::Clock, lifecycle::Lifecycle, settings::ShutdownSettings};
use test_kit::{PATIENCE, wait_until};
use tokio::sync::oneshot;

/// Far longer than any test: whoever reaches it did not drain.
pub fn quick() -> ShutdownSettings {
    ShutdownSettings {
        drain_seconds: Duration::ZERO,
        shutdown_seconds: Some(PATIENCE),
    }
}

/// Work that ends in a panic.
pub fn doomed() -> impl Future<Output = ()> + Send {
    std::future::ready(()).map(|()| panic!("on purpose"))
}

fn life() -> Lifecycle {
    Lifecycle::new(Clock::system())
}

#[tokio::test]
async fn a_process_with_nothing_to_do_ends_clean() {
    let life = life();
    life.trigger();
    assert_eq!(life.run_until_stopped(&quick()).await, ExitCode::SUCCESS);
}

#[tokio::test]
async fn the_first_stage_waits_for_tracked_work() {
    let life = life();
    let (release, released) = oneshot::channel::<()>();
    let (stopping, hard) = (life.stopping(), life.hard());
    life.tasks().spawn_tracked("held", async move {
        stopping.cancelled().await;
        let _ = released.await;
    });
    life.trigger();
    let settings = quick();
    let (code, ()) = tokio::join!(life.run_until_stopped(&settings), async {
        life.stopping().cancelled().await;
        assert_eq!(life.tasks().running()["held"], 1);
        release.send(()).unwrap();
    });
    assert_eq!(code, ExitCode::SUCCESS);
    assert!(!hard.is_cancelled());
    assert!(life.tasks().running().is_empty());
}

#[tokio::test]
async fn a_second_trigger_stops_hard_and_drops_what_is_left() {
    let life = life();
    life.tasks()
        .spawn_tracked("stubborn", std::future::pending());
    life.trigger();
    let settings = quick();
    let (code, ()) = tokio::join!(life.run_until_stopped(&settings), async {
        life.stopping().cancelled().await;
        life.trigger();
    });
    assert_eq!(code, ExitCode::FAILURE);
    assert!(life.hard().is_cancelled());
    let tasks = life.tasks();
    wait_until("the task is dropped", PATIENCE, async || {
        tasks.running().is_empty()
    })
    .await;
}

#[tokio::test]
async fn after_a_failure_the_first_signal_is_already_the_second_word() {
    let life = life();
    life.tasks().spawn_critical("poller", async {});
    life.tasks()
        .spawn_tracked("stubborn", std::future::pending());
    let settings = quick();
    let (code, ()) = tokio::join!(life.run_until_stopped(&settings), async {
        life.stopping().cancelled().await;
        life.trigger();
    });
    assert_eq!(code, ExitCode::FAILURE);
    assert!(life.hard().is_cancelled());
}

#[tokio::test]
async fn a_critical_task_that_fails_while_draining_spoils_the_exit_code() {
    let life = life();
    let stopping = life.stopping();
    life.tasks().spawn_critical("relay", async move {
        stopping.cancelled().await;
        Err("a message was not confirmed")
    });
    life.trigger();
    assert_eq!(life.run_until_stopped(&quick()).await, ExitCode::FAILURE);
    assert!(!life.hard().is_cancelled());
}

#[tokio::test]
async fn the_deadline_stops_hard() {
    let life = life();
    life.tasks()
        .spawn_tracked("stubborn", std::future::pending());
    life.trigger();
    let settings = ShutdownSettings {
        shutdown_seconds: Some(Duration::from_millis(20)),
        ..quick()
    };
    assert_eq!(life.run_until_stopped(&settings).await, ExitCode::FAILURE);
}

#[tokio::test]
async fn a_task_that_listens_to_the_hard_stop_may_still_say_goodbye() {
    let life = life();
    let (goodbye, said) = oneshot::channel();
    let hard = life.hard();
    life.tasks().spawn_tracked("polite", async move {
        hard.cancelled().await;
        let _ = goodbye.send("goodbye");
    });
    life.trigger();
    life.trigger();
    assert_eq!(life.run_until_stopped(&quick()).await, ExitCode::FAILURE);
    assert_eq!(said.await.unwrap(), "goodbye");
}

#[tokio::test]
async fn a_critical_task_that_ends_takes_the_process_with_it_after_the_drain() {
    let life = life();
    let (drained, seen) = oneshot::channel();
    let stopping = life.stopping();
    life.tasks().spawn_tracked("stream", async move {
        stopping.cancelled().await;
        let _ = drained.send(());
    });
    life.tasks().spawn_critical("poller", async {});
    assert_eq!(life.run_until_stopped(&quick()).await, ExitCode::FAILURE);
    seen.await.expect("the other tasks drained");
}

#[tokio::test]
async fn a_critical_task_that_fails_or_panics_ends_the_process() {
    let life = life();
    let failing = async { Err::<(), _>("no more descriptors") };
    life.tasks().spawn_critical("listener", failing);
    assert_eq!(life.run_until_stopped(&quick()).await, ExitCode::FAILURE);

    let life = self::life();
    life.tasks().spawn_critical("poller", doomed());
    assert_eq!(life.run_until_stopped(&quick()).await, ExitCode::FAILURE);
}

#[tokio::test]
async fn a_critical_task_may_end_once_the_process_stops() {
    let life = life();
    let stopping = life.stopping();
    life.tasks().spawn_critical("listener", async move {
        stopping.cancelled().await;
        Ok::<(), std::io::Error>(())
    });
    life.trigger();
    assert_eq!(life.run_until_stopped(&quick()).await, ExitCode::SUCCESS);
}

#[tokio::test]
async fn a_tracked_task_that_panics_ends_alone() {
    let life = life();
    life.tasks().spawn_tracked("stream", doomed());
    let tasks = life.tasks();
    wait_until("the task is gone", PATIENCE, async || {
        tasks.running().is_empty()
    })
    .await;
    assert!(!life.stopping().is_cancelled());
    life.trigger();
    assert_eq!(life.run_until_stopped(&quick()).await, ExitCode::SUCCESS);
}

#[tokio::test]
async fn a_task_outlives_the_thread_that_started_it() {
    let life = life();
    let (release, released) = oneshot::channel::<()>();
    let (ended, end) = oneshot::channel();
    let tasks = life.tasks();
    let starter = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            tasks.spawn_tracked("orphan", async {
                let _ = released.await;
                let _ = ended.send(());
            });
        });
    });
    starter.join().unwrap();
    release.send(()).unwrap();
    end.await.expect("the task ran to its end");
}

#[tokio::test]
async fn what_is_only_degraded_is_shown_and_leaves_the_process_ready() {
    let (clock, hand) = Clock::manual(chrono::DateTime::UNIX_EPOCH);
    let readiness = Lifecycle::new(clock).readiness();
    let neighbour = readiness.latch("neighbour");
    hand.advance(Duration::from_secs(5));
    neighbour.degraded("away");
    let report = serde_json::to_value(readiness.report()).unwrap();
    let check = serde_json::json!({"status": "degraded", "since": "1970-01-01T00:00:05.000Z", "detail": "away"});
    assert_eq!(report["checks"]["neighbour"], check);
    assert_eq!(report["status"], "ready");
    neighbour.not_ready("away");
    assert!(!readiness.report().is_ready());
}

#[tokio::test]
async fn readiness_needs_every_latch_and_is_dated() {
    let (clock, hand) = Clock::manual(chrono::DateTime::UNIX_EPOCH);
    let life = Lifecycle::new(clock);
    let readiness = life.readiness();
    assert!(readiness.report().is_ready(), "no latch holds it");
    let (schema, cache) = (readiness.latch("schema"), readiness.latch("cache"));
    hand.advance(Duration::from_secs(5));
    schema.ready();
    assert!(!readiness.report().is_ready());
    cache.ready();
    assert!(readiness.report().is_ready());
    hand.advance(Duration::from_secs(5));
    schema.ready();
    cache.not_ready("away");
    let report = serde_json::to_value(readiness.report()).unwrap();
    let expected = serde_json::json!({
        "status": "not_ready",
        "checks": {
            "schema": {"status": "ready", "since": "1970-01-01T00:00:05.000Z"},
            "cache": {"status": "not_ready", "since": "1970-01-01T00:00:10.000Z", "detail": "away"},
        },
    });
    assert_eq!(report, expected);
}
