//! Runs: what may follow what, what a run amounts to, how far it is, and when a zero is not believed.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{Datelike as _, NaiveDate, TimeDelta};
use farol_core::sync::{
    Evidence, Judgement, Move, Progress, SegmentPages, SegmentState, State, Status, Verdict,
    comparable_days,
};
use proptest::prelude::*;

fn any_move() -> impl Strategy<Value = Move> {
    proptest::sample::select(&Move::ALL[..])
}

fn segment() -> impl Strategy<Value = SegmentPages> {
    let state = proptest::sample::select(&SegmentState::ALL[..]);
    (state, 0..50_u32, proptest::option::of(0..50_u32)).prop_map(
        |(state, pages_done, pages_total)| SegmentPages {
            state,
            pages_done,
            pages_total,
        },
    )
}

proptest! {
    #[test]
    fn what_is_over_never_changes_again(moves in proptest::collection::vec(any_move(), 0..40)) {
        let mut state = State::Queued;
        for by in moves {
            let next = state.after(by);
            if state.is_terminal() {
                prop_assert!(next.is_err(), "{state} after {by}");
            }
            state = next.unwrap_or(state);
        }
    }

    #[test]
    fn a_run_is_done_to_a_hundred_exactly_when_its_segments_have_ended(
        segments in proptest::collection::vec(segment(), 0..20),
        elapsed in 0..1_000_000_u64,
    ) {
        let progress = Progress::of(segments.iter().copied());
        let ended = !segments.is_empty() && segments.iter().all(|segment| segment.state.is_ended());
        let percent = progress.percent();
        prop_assert!((0.0..=100.0).contains(&percent));
        prop_assert_eq!(percent >= 100.0, ended);
        prop_assert!(progress.pages_done <= progress.pages_total);
        let eta = progress.eta_seconds(Duration::from_secs(elapsed));
        prop_assert_eq!(eta.is_some(), progress.pages_done > 0);
    }

    #[test]
    fn only_segments_that_are_all_complete_make_a_complete_run(
        states in proptest::collection::vec(proptest::sample::select(&SegmentState::ALL[..]), 0..5),
    ) {
        let complete = !states.is_empty() && states.iter().all(|state| *state == SegmentState::Complete);
        prop_assert_eq!(Verdict::of(states.clone()) == Verdict::Complete, complete);
        prop_assert_eq!(Verdict::of(states).end().to() == State::Success, complete);
    }

    #[test]
    fn comparable_days_are_near_and_of_one_kind(days in 0..20_000_i32) {
        let day = NaiveDate::from_num_days_from_ce_opt(700_000 + days).unwrap();
        let weekend = |day: NaiveDate| day.weekday().number_from_monday() > 5;
        for other in comparable_days(day) {
            prop_assert!(other != day && (other - day).abs() <= TimeDelta::days(7));
            prop_assert_eq!(weekend(other), weekend(day));
        }
    }
}

#[test]
fn every_live_state_can_end_and_every_state_can_be_reached() {
    let mut reached = BTreeSet::from([State::Queued]);
    for _ in State::ALL {
        let next = reached
            .iter()
            .flat_map(|state| Move::ALL.map(|by| state.after(by)))
            .flatten();
        reached = next.chain(reached.clone()).collect();
    }
    assert_eq!(reached, BTreeSet::from(State::ALL));
    for state in State::LIVE {
        assert!(!state.is_terminal());
        assert!(
            Move::ALL.iter().any(|by| state.after(*by).is_ok()),
            "{state}"
        );
    }
}

#[test]
fn only_one_that_nobody_works_on_is_claimed() {
    let claimable: Vec<State> = State::ALL
        .into_iter()
        .filter(|state| state.after(Move::Claim).is_ok())
        .collect();
    assert_eq!(claimable, [State::Queued]);
}

#[test]
fn words_of_states_fit_their_column_and_parse_back() {
    for state in State::ALL {
        assert!(state.as_str().len() <= 10, "{state}");
        assert_eq!(state.as_str().parse(), Ok(state));
        assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        assert_eq!(state.is_terminal(), state.status() != Status::Running);
    }
    for state in SegmentState::ALL {
        assert_eq!(state.as_str().parse(), Ok(state));
        assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
    }
}

#[test]
fn suspicion_outranks_completeness_and_failure_outranks_suspicion() {
    use SegmentState::{Complete, Failed, SuspectedOutage};
    assert_eq!(
        Verdict::of([Complete, SuspectedOutage]),
        Verdict::SuspectedOutage
    );
    assert_eq!(Verdict::of([Failed, SuspectedOutage]), Verdict::Incomplete);
    assert_eq!(Verdict::of([]), Verdict::Incomplete);
}

#[test]
fn segments_not_yet_opened_count_as_the_mean_of_the_opened() {
    let opened = |done, total| SegmentPages {
        state: SegmentState::Running,
        pages_done: done,
        pages_total: Some(total),
    };
    let unopened = SegmentPages {
        state: SegmentState::Pending,
        pages_done: 0,
        pages_total: None,
    };
    let progress = Progress::of([opened(10, 10), opened(5, 20), unopened, unopened]);
    assert_eq!((progress.pages_done, progress.pages_total), (15, 60));
    assert_eq!(format!("{:.1}", progress.percent()), "25.0");
    assert_eq!(progress.eta_seconds(Duration::from_secs(30)), Some(90));
}

fn wednesday() -> NaiveDate {
    NaiveDate::from_ymd_opt(2025, 7, 9).unwrap()
}

fn odd() -> Evidence {
    let neighbours = [
        wednesday().pred_opt().unwrap(),
        wednesday().succ_opt().unwrap(),
    ];
    Evidence {
        day_over: true,
        known: neighbours.map(|day| (day, 5)).into(),
        ..Evidence::default()
    }
}

#[test]
fn a_zero_between_busy_days_is_suspected() {
    assert_eq!(odd().judge(wednesday()), Judgement::Suspected);
    let one_side = Evidence {
        known: odd().known.into_iter().take(1).collect(),
        ..odd()
    };
    assert_eq!(one_side.judge(wednesday()), Judgement::Suspected);
}

#[test]
fn a_zero_between_quiet_or_unknown_days_is_believed() {
    let quiet = Evidence {
        known: odd().known.into_keys().map(|day| (day, 4)).collect(),
        ..odd()
    };
    assert_eq!(quiet.judge(wednesday()), Judgement::Believed);
    let unknown = Evidence {
        known: [].into(),
        ..odd()
    };
    assert_eq!(unknown.judge(wednesday()), Judgement::Believed);
}

#[test]
fn a_quiet_weekend_is_not_measured_by_busy_weekdays() {
    let saturday = NaiveDate::from_ymd_opt(2025, 7, 12).unwrap();
    let friday = saturday.pred_opt().unwrap();
    let evidence = Evidence {
        known: [(friday, 900)].into(),
        ..odd()
    };
    assert_eq!(evidence.judge(saturday), Judgement::Believed);
}

#[test]
fn a_day_that_is_not_over_may_have_nothing_yet_unless_it_had_something() {
    let today = Evidence {
        day_over: false,
        ..odd()
    };
    assert_eq!(today.judge(wednesday()), Judgement::Believed);
    let emptied = Evidence {
        had_records: true,
        ..today
    };
    assert_eq!(emptied.judge(wednesday()), Judgement::Suspected);
}

#[test]
fn a_zero_that_another_run_found_six_hours_ago_is_believed_of_a_portal_that_answers() {
    let again = |hours, portal_answers| Evidence {
        same_zero_ago: Some(TimeDelta::hours(hours)),
        portal_answers,
        ..odd()
    };
    assert_eq!(again(6, true).judge(wednesday()), Judgement::Believed);
    assert_eq!(again(5, true).judge(wednesday()), Judgement::Suspected);
    assert_eq!(again(6, false).judge(wednesday()), Judgement::Suspected);
}
