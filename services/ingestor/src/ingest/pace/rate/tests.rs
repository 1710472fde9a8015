//! Laws of the bucket under any history of answers and refusals.

use proptest::prelude::*;

use super::*;

const PAUSE: Duration = Duration::from_secs(15);
const LONGEST: Duration = Duration::from_mins(1);

fn rate(limit: f64, now: Instant) -> Rate {
    Rate::new(limit, PAUSE, LONGEST, now)
}

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// One turn after the other, each as soon as it may; how long it takes and whether it is refused is told.
fn history(limit: f64, answers: &[(f64, bool)]) -> (Rate, Vec<Instant>) {
    let mut now = Instant::now();
    let mut rate = rate(limit, now);
    let mut starts = Vec::new();
    for (late, refused) in answers {
        now = now.max(rate.ready_at());
        rate.start(now);
        starts.push(now);
        let ended = now + seconds(*late);
        if *refused {
            rate.refused(now, ended);
        } else {
            rate.answered(now, ended);
        }
        now = ended;
    }
    (rate, starts)
}

proptest! {
    #[test]
    fn no_stretch_of_time_sees_more_turns_than_the_limit_and_what_was_saved_up(
        limit in 0.2_f64..20.0,
        answers in prop::collection::vec((0.0_f64..5.0, prop::bool::weighted(0.05)), 1..200),
    ) {
        let (rate, starts) = history(limit, &answers);
        for (first, from) in starts.iter().enumerate() {
            for (count, to) in (0_u32..).zip(&starts[first..]) {
                let allowed = (*to - *from).as_secs_f64() * limit + rate.burst;
                prop_assert!(f64::from(count) <= allowed + 1e-6, "{count} turns, allowed {allowed}");
            }
        }
    }

    #[test]
    fn the_pace_stays_between_the_floor_and_the_limit(
        limit in 0.1_f64..20.0,
        answers in prop::collection::vec((0.0_f64..5.0, any::<bool>()), 1..200),
    ) {
        let (rate, _) = history(limit, &answers);
        prop_assert!((FLOOR.min(limit)..=limit).contains(&rate.pace()), "{}", rate.pace());
    }

    #[test]
    fn after_any_history_answers_lead_back_to_the_full_rate(
        limit in 0.1_f64..20.0,
        answers in prop::collection::vec((0.0_f64..5.0, any::<bool>()), 1..50),
    ) {
        let calm = [(1.0, false); 121];
        let (rate, _) = history(limit, &[&answers[..], &calm].concat());
        prop_assert!((rate.pace() - limit).abs() < 1e-9, "{} of {limit}", rate.pace());
        prop_assert_eq!(rate.pause.next, PAUSE);
    }
}

#[test]
fn pauses_double_up_to_the_longest_while_nothing_is_answered() {
    let mut now = Instant::now();
    let mut rate = rate(1.0, now);
    let mut pauses = Vec::new();
    for _ in 0..4 {
        rate.start(now);
        rate.refused(now, now);
        pauses.push((rate.ready_at() - now).as_secs());
        now = rate.ready_at();
    }
    assert_eq!(pauses, [15, 30, 60, 60]);
}

#[test]
fn requests_that_were_under_way_when_one_was_refused_slow_and_pause_nothing_more() {
    let now = Instant::now();
    let mut rate = rate(1.0, now);
    rate.refused(now, now + seconds(0.1));
    let (pace, ready_at) = (rate.pace(), rate.ready_at());
    rate.refused(now, now + seconds(0.2));
    rate.answered(now, now + seconds(0.3));
    assert_eq!((rate.pace(), rate.ready_at()), (pace, ready_at));
}

#[test]
fn one_turn_follows_a_pause_not_a_crowd() {
    let now = Instant::now();
    let mut rate = rate(1.0, now);
    rate.refused(now, now);
    rate.start(rate.ready_at());
    assert_eq!(rate.ready_at(), now + PAUSE + seconds(2.0));
}
