//! Laws of the breaker under any history.

use proptest::prelude::*;

use super::*;

const INTERVAL: Duration = Duration::from_secs(30);

fn open(now: Instant) -> Breaker {
    let mut breaker = Breaker::new(3, INTERVAL);
    for _ in 0..3 {
        breaker.segment_failed(FaultClass::Timeout, now);
    }
    breaker
}

#[test]
fn it_opens_with_the_last_of_the_failures_in_a_row() {
    let now = Instant::now();
    let mut breaker = Breaker::new(3, INTERVAL);
    let mut fail = || {
        breaker.segment_failed(FaultClass::ServerError, now);
        breaker.state()
    };
    let (closed, open) = (BreakerState::Closed, BreakerState::Open);
    assert_eq!(
        [fail(), fail(), fail(), fail()],
        [closed, closed, open, open]
    );
}

#[test]
fn a_segment_that_was_read_ends_the_row() {
    let now = Instant::now();
    let mut breaker = Breaker::new(2, INTERVAL);
    for _ in 0..5 {
        breaker.segment_failed(FaultClass::Timeout, now);
        breaker.segment_read();
        assert_eq!(breaker.state(), BreakerState::Closed);
    }
}

#[test]
fn a_refused_question_says_nothing_about_the_source() {
    let mut breaker = Breaker::new(1, INTERVAL);
    for class in [
        FaultClass::Rejected,
        FaultClass::NotFound,
        FaultClass::Unprocessable,
    ] {
        breaker.segment_failed(class, Instant::now());
        assert_eq!(breaker.state(), BreakerState::Closed);
    }
}

#[test]
fn the_first_probe_is_due_after_the_interval() {
    let now = Instant::now();
    let mut breaker = open(now);
    assert_eq!(breaker.admit(now), Admission::Wait(now + INTERVAL));
    assert_eq!(breaker.admit(now + INTERVAL), Admission::Probe);
    assert_eq!(breaker.admit(now + INTERVAL), Admission::WaitForProbe);
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
}

#[test]
fn an_answered_probe_closes_it_with_a_clean_slate() {
    let now = Instant::now();
    let mut breaker = open(now);
    breaker.admit(now + INTERVAL);
    breaker.probe_ended(Some(true), now + INTERVAL);
    assert_eq!(breaker.admit(now + INTERVAL), Admission::Page);
    breaker.segment_failed(FaultClass::Timeout, now + INTERVAL);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn a_failed_probe_costs_another_interval_and_the_outage_keeps_its_beginning() {
    let now = Instant::now();
    let mut breaker = open(now);
    breaker.admit(now + INTERVAL);
    breaker.probe_ended(Some(false), now + INTERVAL);
    assert_eq!(
        breaker.admit(now + INTERVAL),
        Admission::Wait(now + 2 * INTERVAL)
    );
    assert_eq!(breaker.open_since(), Some(now));
}

#[test]
fn a_probe_that_nobody_waited_for_is_due_again_at_once() {
    let now = Instant::now();
    let mut breaker = open(now);
    breaker.admit(now + INTERVAL);
    breaker.probe_ended(None, now + INTERVAL);
    assert_eq!(breaker.admit(now + INTERVAL), Admission::Probe);
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Failed,
    Read,
    Ask,
    ProbeEnded(Option<bool>),
}

fn events() -> impl Strategy<Value = Vec<(u64, Event)>> {
    let event = prop_oneof![
        Just(Event::Failed),
        Just(Event::Read),
        Just(Event::Ask),
        any::<Option<bool>>().prop_map(Event::ProbeEnded),
    ];
    prop::collection::vec((0..40_u64, event), 0..200)
}

proptest! {
    #[test]
    fn pages_pass_only_while_it_is_closed_and_one_probe_is_under_way_at_most(history in events()) {
        let mut now = Instant::now();
        let mut breaker = Breaker::new(3, INTERVAL);
        let mut probing = false;
        for (seconds, event) in history {
            now += Duration::from_secs(seconds);
            let before = breaker.state();
            match event {
                Event::Failed => breaker.segment_failed(FaultClass::Overloaded, now),
                Event::Read => breaker.segment_read(),
                Event::ProbeEnded(answered) => {
                    breaker.probe_ended(answered, now);
                    probing = false;
                }
                Event::Ask => match breaker.admit(now) {
                    Admission::Page => prop_assert_eq!(before, BreakerState::Closed),
                    Admission::Probe => {
                        prop_assert!(!probing);
                        probing = true;
                    }
                    Admission::Wait(until) => {
                        prop_assert_eq!(before, BreakerState::Open);
                        prop_assert!(now < until && until <= now + INTERVAL);
                    }
                    Admission::WaitForProbe => prop_assert!(probing),
                },
            }
            prop_assert_eq!(probing, breaker.state() == BreakerState::HalfOpen);
            prop_assert_eq!(breaker.open_since().is_none(), breaker.state() == BreakerState::Closed);
        }
    }
}
