//! The line before the portal: how many are in flight, who is next, and what a waiter that goes away leaves behind.
//! Time is paused: it moves only when everybody waits.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ingestor::ingest::pace::{NoTurn, Outcome, Pacer, Turn};
use ingestor::settings::{PerSecond, PolicySettings};
use proptest::prelude::*;
use service_kit::clock::Clock;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

const SECOND: Duration = Duration::from_secs(1);

fn pacer(rate: f64, in_flight: usize) -> Pacer {
    let policy = PolicySettings {
        pncp_rate_per_second: PerSecond(rate),
        pncp_max_in_flight: in_flight,
        ..PolicySettings::default()
    };
    Pacer::new(&policy, Clock::system())
}

async fn turn(pacer: &Pacer) -> Turn {
    pacer.turn(&CancellationToken::new()).await.unwrap()
}

/// Takes a turn, holds it for `lasts`, and ends it well.
async fn request(pacer: &Pacer, lasts: Duration) {
    let turn = turn(pacer).await;
    sleep(lasts).await;
    turn.finished(Outcome::Fine);
}

#[tokio::test(start_paused = true)]
async fn with_two_in_flight_answers_slower_than_the_rate_do_not_slow_it() {
    let (pacer, began) = (pacer(1.0, 2), Instant::now());
    let mut workers = JoinSet::new();
    for _ in 0..2 {
        let pacer = pacer.clone();
        workers.spawn(async move {
            for _ in 0..300 {
                request(&pacer, Duration::from_millis(1_900)).await;
            }
        });
    }
    workers.join_all().await;
    let used = 600.0 / began.elapsed().as_secs_f64();
    assert!((0.95..=1.01).contains(&used), "{used} of 1.0 a second");
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_dropped_gives_its_place_back_and_tells_nothing() {
    let pacer = pacer(1_000.0, 1);
    let before = pacer.source();
    drop(turn(&pacer).await);
    drop(timeout(SECOND, turn(&pacer)).await.unwrap());
    assert_eq!(pacer.source(), before);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_goes_away_blocks_nobody_behind_it() {
    let pacer = pacer(1_000.0, 1);
    let held = turn(&pacer).await;
    let mut waiters = JoinSet::new();
    for _ in 0..3 {
        let pacer = pacer.clone();
        waiters.spawn(async move { drop(turn(&pacer).await) });
    }
    tokio::task::yield_now().await;
    waiters.abort_all();
    while waiters.join_next().await.is_some() {}
    held.finished(Outcome::Fine);
    timeout(SECOND, turn(&pacer))
        .await
        .unwrap()
        .finished(Outcome::Fine);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_leaves_when_it_is_told_to_stop() {
    let pacer = pacer(0.1, 1);
    let held = turn(&pacer).await;
    let stop = CancellationToken::new();
    let (stopped, ()) = tokio::join!(pacer.turn(&stop), async { stop.cancel() });
    assert_eq!(stopped.unwrap_err(), NoTurn::Stopped);
    held.finished(Outcome::Fine);
    turn(&pacer).await.finished(Outcome::Fine);
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_longest_is_next() {
    let pacer = pacer(1.0, 2);
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut waiters = JoinSet::new();
    for number in 0..6 {
        let (pacer, order) = (pacer.for_run(), Arc::clone(&order));
        waiters.spawn(async move {
            let turn = turn(&pacer).await;
            order.lock().unwrap().push(number);
            turn.finished(Outcome::Fine);
        });
        tokio::task::yield_now().await;
    }
    waiters.join_all().await;
    assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4, 5]);
}

#[tokio::test(start_paused = true)]
async fn two_runs_share_the_portal_evenly_however_late_the_second_begins() {
    let pacer = pacer(1.0, 2);
    let done = [Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0))];
    let mut workers = JoinSet::new();
    for (run, late) in [(0, 0), (1, 100)] {
        let pacer = pacer.for_run();
        for _ in 0..2 {
            let (pacer, count) = (pacer.clone(), Arc::clone(&done[run]));
            workers.spawn(async move {
                sleep(late * SECOND).await;
                loop {
                    request(&pacer, Duration::from_millis(1_500)).await;
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    }
    let counts = || [&done[0], &done[1]].map(|count| count.load(Ordering::Relaxed));
    sleep(100 * SECOND).await;
    let before = counts();
    sleep(200 * SECOND).await;
    let [backfill, update] = counts();
    let shares = [backfill - before[0], update - before[1]];
    assert!(shares[0].abs_diff(shares[1]) <= 2, "{shares:?}");
    assert!(shares[0] + shares[1] >= 190, "{shares:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_pauses_everybody() {
    let pacer = pacer(10.0, 2);
    let (refused, other) = (turn(&pacer).await, turn(&pacer).await);
    refused.finished(Outcome::RateLimited);
    other.finished(Outcome::Fine);
    let (one, another) = (pacer.for_run(), pacer.for_run());
    let began = Instant::now();
    let (first, _second) = tokio::join!(
        async {
            drop(turn(&one).await);
            began.elapsed()
        },
        async { drop(turn(&another).await) }
    );
    assert!(first >= 15 * SECOND, "{first:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_pauses_those_too_who_wait_already() {
    let pacer = pacer(1.0, 2);
    let under_way = turn(&pacer).await;
    let (waited, ()) = tokio::join!(
        async {
            let began = Instant::now();
            drop(turn(&pacer).await);
            began.elapsed()
        },
        async {
            sleep(Duration::from_millis(500)).await;
            under_way.finished(Outcome::RateLimited);
        }
    );
    assert!(waited >= 15 * SECOND, "{waited:?}");
}

/// What one worker does with its turns.
#[derive(Clone, Copy, Debug)]
enum Step {
    Holds(u64, Outcome),
    DropsAfter(u64),
    GivesUpAfter(u64),
}

fn steps() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let outcome = prop_oneof![
        8 => Just(Outcome::Fine),
        1 => Just(Outcome::RateLimited),
        1 => Just(Outcome::Failed(ingestor::ingest::fault::FaultClass::Timeout)),
    ];
    let step = prop_oneof![
        8 => (0..5_000_u64, outcome).prop_map(|(ms, outcome)| Step::Holds(ms, outcome)),
        1 => (0..5_000_u64).prop_map(Step::DropsAfter),
        1 => (0..5_000_u64).prop_map(Step::GivesUpAfter),
    ];
    prop::collection::vec(prop::collection::vec(step, 0..12), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn never_more_are_in_flight_than_allowed_and_everybody_gets_through(
        plan in steps(),
        in_flight in 1_usize..4,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let most = runtime.block_on(most_in_flight(plan, in_flight));
        prop_assert!(most <= in_flight, "{most} of {in_flight}");
    }
}

async fn most_in_flight(plan: Vec<Vec<Step>>, in_flight: usize) -> usize {
    let pacer = pacer(2.0, in_flight);
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut workers = JoinSet::new();
    for steps in plan {
        let (pacer, now, most) = (pacer.clone(), Arc::clone(&now), Arc::clone(&most));
        workers.spawn(async move {
            for step in steps {
                let patience = match step {
                    Step::GivesUpAfter(ms) => Duration::from_millis(ms),
                    _ => Duration::MAX,
                };
                let Ok(turn) = timeout(patience, turn(&pacer)).await else {
                    continue;
                };
                let count = now.fetch_add(1, Ordering::Relaxed) + 1;
                most.fetch_max(count, Ordering::Relaxed);
                if let Step::Holds(ms, _) | Step::DropsAfter(ms) = step {
                    sleep(Duration::from_millis(ms)).await;
                }
                now.fetch_sub(1, Ordering::Relaxed);
                match step {
                    Step::Holds(_, outcome) => turn.finished(outcome),
                    _ => drop(turn),
                }
            }
        });
    }
    workers.join_all().await;
    most.load(Ordering::Relaxed)
}
