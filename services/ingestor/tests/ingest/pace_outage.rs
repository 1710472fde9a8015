//! The source goes down and comes back: the breaker, its probes, the patience of runs, and what operators are told.

use std::time::Duration;

use ingestor::ingest::breaker::BreakerState;
use ingestor::ingest::fault::FaultClass;
use ingestor::ingest::pace::{Health, NoTurn, Outcome, Pacer, Turn};
use ingestor::settings::{PerSecond, PolicySettings};
use proptest::prelude::*;
use service_kit::clock::Clock;
use tokio::time::{Instant, advance, timeout};
use tokio_util::sync::CancellationToken;

const SECOND: Duration = Duration::from_secs(1);

fn pacer() -> Pacer {
    let policy = PolicySettings {
        pncp_rate_per_second: PerSecond(100.0),
        ..PolicySettings::default()
    };
    Pacer::new(&policy, Clock::system())
}

/// A pacer whose breaker has just opened.
fn down() -> Pacer {
    let pacer = pacer();
    for _ in 0..3 {
        assert_eq!(pacer.source().breaker, BreakerState::Closed);
        pacer.segment_failed(FaultClass::Overloaded);
    }
    assert_eq!(pacer.source().breaker, BreakerState::Open);
    pacer
}

async fn turn(pacer: &Pacer) -> Result<Turn, NoTurn> {
    pacer.turn(&CancellationToken::new()).await
}

#[tokio::test(start_paused = true)]
async fn while_the_source_is_down_one_probe_goes_out_every_thirty_seconds() {
    let (pacer, began) = (down(), Instant::now());
    for probe in 1..=3 {
        let turn = turn(&pacer).await.unwrap();
        assert!(turn.is_probe());
        assert_eq!(began.elapsed().as_secs(), 30 * probe);
        turn.finished(Outcome::Failed(FaultClass::Timeout));
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_else_asks_while_a_probe_is_under_way() {
    let pacer = down();
    let probe = turn(&pacer).await.unwrap();
    assert_eq!(pacer.source().breaker, BreakerState::HalfOpen);
    assert!(timeout(60 * SECOND, turn(&pacer)).await.is_err());
    drop(probe);
}

#[tokio::test(start_paused = true)]
async fn an_answered_probe_lets_everybody_go_on_at_once() {
    let pacer = down();
    let probe = turn(&pacer).await.unwrap();
    let (next, ()) = tokio::join!(timeout(SECOND, turn(&pacer)), async {
        tokio::task::yield_now().await;
        probe.finished(Outcome::Fine);
    });
    assert!(!next.unwrap().unwrap().is_probe());
}

#[tokio::test(start_paused = true)]
async fn a_refused_question_is_an_answer_to_a_probe() {
    let pacer = down();
    let probe = turn(&pacer).await.unwrap();
    probe.finished(Outcome::Failed(FaultClass::Unprocessable));
    assert_eq!(pacer.source().breaker, BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_dropped_is_sent_by_the_next_in_line() {
    let pacer = down();
    drop(turn(&pacer).await.unwrap());
    let next = timeout(SECOND, turn(&pacer)).await.unwrap().unwrap();
    assert!(next.is_probe());
}

#[tokio::test(start_paused = true)]
async fn a_run_waits_for_an_hour_and_no_longer_failed_probes_included() {
    let (pacer, began) = (down(), Instant::now());
    let last = loop {
        match turn(&pacer).await {
            Ok(probe) => probe.finished(Outcome::Failed(FaultClass::Unreachable)),
            Err(last) => break last,
        }
    };
    assert_eq!(last, NoTurn::SourceDown);
    assert_eq!(began.elapsed().as_secs(), 3600);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_begins_in_an_outage_has_a_patience_of_its_own() {
    let old = down();
    advance(3601 * SECOND).await;
    let new = old.for_run();
    let probe = turn(&new).await.unwrap();
    probe.finished(Outcome::Failed(FaultClass::Timeout));
    assert_eq!(turn(&old).await.unwrap_err(), NoTurn::SourceDown);
    assert!(turn(&new).await.unwrap().is_probe());
}

#[tokio::test(start_paused = true)]
async fn the_source_is_told_as_ok_degraded_down_and_ok_again() {
    let pacer = pacer();
    assert_eq!(pacer.source().state, Health::Ok);
    let failing = turn(&pacer).await.unwrap();
    failing.finished(Outcome::Failed(FaultClass::Timeout));
    assert_eq!(pacer.source().state, Health::Degraded);
    for _ in 0..3 {
        pacer.segment_failed(FaultClass::Timeout);
    }
    assert_eq!(pacer.source().state, Health::Down);
    turn(&pacer).await.unwrap().finished(Outcome::Fine);
    assert_eq!(
        pacer.source().state,
        Health::Degraded,
        "a minute has not passed"
    );
    advance(60 * SECOND).await;
    assert_eq!(pacer.source().state, Health::Ok);
}

#[tokio::test(start_paused = true)]
async fn however_far_apart_requests_fail_the_source_is_not_ok_before_one_is_answered() {
    let pacer = pacer();
    turn(&pacer)
        .await
        .unwrap()
        .finished(Outcome::Failed(FaultClass::Unreachable));
    let degraded = pacer.source();
    for _ in 0..6 {
        advance(90 * SECOND).await;
        assert_eq!(pacer.source(), degraded, "nothing was answered");
        let failing = turn(&pacer).await.unwrap();
        failing.finished(Outcome::Failed(FaultClass::Unreachable));
    }
    advance(3600 * SECOND).await;
    drop(turn(&pacer).await.unwrap());
    assert_eq!(pacer.source(), degraded, "silence is no answer");
    turn(&pacer).await.unwrap().finished(Outcome::Fine);
    assert_eq!(pacer.source().state, Health::Ok);
}

fn weather() -> impl Strategy<Value = Vec<(u32, Option<Outcome>)>> {
    let outcome = prop_oneof![
        Just(None),
        Just(Some(Outcome::Fine)),
        Just(Some(Outcome::RateLimited)),
        Just(Some(Outcome::Failed(FaultClass::Unreachable))),
        Just(Some(Outcome::Failed(FaultClass::NotFound))),
    ];
    prop::collection::vec((0..200_u32, outcome), 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn only_an_answer_makes_a_troubled_source_ok(weather in weather()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(believed_as_answered(weather));
    }
}

/// Asks after each pause and compares the word with what was answered last, and how long ago trouble was.
async fn believed_as_answered(weather: Vec<(u32, Option<Outcome>)>) {
    let pacer = pacer();
    let (mut last_answers, mut trouble) = (true, None::<Instant>);
    for (pause, outcome) in weather {
        advance(pause * SECOND).await;
        let turn = turn(&pacer).await.unwrap();
        match outcome {
            None => drop(turn),
            Some(outcome) => {
                turn.finished(outcome);
                last_answers = matches!(
                    outcome,
                    Outcome::Fine | Outcome::Failed(FaultClass::NotFound)
                );
                trouble = if last_answers {
                    trouble
                } else {
                    Some(Instant::now())
                };
            }
        }
        let fresh = trouble.is_some_and(|trouble| trouble.elapsed() < 60 * SECOND);
        let expected = if last_answers && !fresh {
            Health::Ok
        } else {
            Health::Degraded
        };
        assert_eq!(
            pacer.source().state,
            expected,
            "answered last: {last_answers}, failed within the minute: {fresh}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_state_is_dated_by_its_beginning() {
    let start = chrono::DateTime::UNIX_EPOCH;
    let (clock, hand) = Clock::manual(start);
    let pacer = Pacer::new(&PolicySettings::default(), clock);
    hand.advance(10 * SECOND);
    turn(&pacer).await.unwrap().finished(Outcome::RateLimited);
    hand.advance(10 * SECOND);
    let source = pacer.source();
    assert_eq!(source.since, start + 10 * SECOND);
    assert!(source.pace_per_second < 1.0);
}
