//! What a page may cost.

use proptest::prelude::*;

use super::*;

fn policy(tries: u32, seconds: u64) -> PolicySettings {
    PolicySettings {
        pncp_page_tries: tries,
        pncp_page_retry_seconds: Duration::from_secs(seconds),
        ..PolicySettings::default()
    }
}

/// The waits until the page is given up, where each try fails by `class`.
fn waits(policy: &PolicySettings, class: FaultClass) -> Vec<Duration> {
    let (mut budget, random) = (PageBudget::new(policy), Random::seeded(1));
    std::iter::from_fn(|| match budget.after(class, &random) {
        Next::Again(wait) => Some(wait),
        Next::GiveUp => None,
    })
    .collect()
}

#[test]
fn by_default_five_tries_are_spread_over_three_minutes_and_begin_soon() {
    let waits = waits(&PolicySettings::default(), FaultClass::Timeout);
    assert_eq!(waits.len(), 4, "five tries");
    assert!(waits[0] < Duration::from_secs(6), "{waits:?}");
    assert!(waits.iter().sum::<Duration>() >= Duration::from_mins(3));
}

#[test]
fn a_refused_question_is_asked_once() {
    for class in [FaultClass::Rejected, FaultClass::NotFound] {
        assert!(waits(&PolicySettings::default(), class).is_empty());
    }
}

#[test]
fn what_the_portal_calls_unprocessable_is_asked_twice_more() {
    let waits = waits(&PolicySettings::default(), FaultClass::Unprocessable);
    assert_eq!(waits.len(), 2);
}

#[test]
fn refusals_by_the_limiter_cost_no_try() {
    let (mut budget, random) = (PageBudget::new(&policy(2, 1)), Random::seeded(1));
    for _ in 0..100 {
        let next = budget.after(FaultClass::RateLimited, &random);
        assert_eq!(next, Next::Again(Duration::ZERO));
    }
    assert!(matches!(
        budget.after(FaultClass::Timeout, &random),
        Next::Again(_)
    ));
    assert_eq!(budget.after(FaultClass::Timeout, &random), Next::GiveUp);
}

#[tokio::test(start_paused = true)]
async fn a_limiter_that_lets_nothing_through_for_the_whole_patience_is_an_outage() {
    let policy = PolicySettings::default();
    let (mut budget, random) = (PageBudget::new(&policy), Random::seeded(1));
    assert_eq!(
        budget.after(FaultClass::RateLimited, &random),
        Next::Again(Duration::ZERO)
    );
    tokio::time::advance(policy.pncp_patience_seconds + Duration::from_secs(1)).await;
    assert_eq!(budget.after(FaultClass::RateLimited, &random), Next::GiveUp);
}

proptest! {
    #[test]
    fn every_budget_has_its_tries_and_its_spread(tries in 1_u32..=100, seconds in 0_u64..=3600) {
        let waits = waits(&policy(tries, seconds), FaultClass::ServerError);
        prop_assert_eq!(waits.len() + 1, tries as usize);
        let spread = Duration::from_secs(if tries == 1 { 0 } else { seconds });
        let all: Duration = waits.iter().sum();
        prop_assert!(all + Duration::from_millis(1) >= spread, "{all:?} of {spread:?}");
        prop_assert!(all <= spread.mul_f64(1.0 + JITTER) + Duration::from_millis(1), "{all:?} of {spread:?}");
    }
}
