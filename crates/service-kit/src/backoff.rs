//! How long to wait before the next attempt: doubling, capped, jittered.

use std::time::Duration;

use crate::random::Random;

/// The longest wait between attempts to reach a database or broker.
pub const DEFAULT_CAP: Duration = Duration::from_secs(30);

/// A growing wait. Whatever many processes do at once must not come back at once, so no wait is exact.
///
/// ```
/// # use std::time::Duration;
/// use service_kit::{backoff::Backoff, random::Random};
///
/// let (second, random) = (Duration::from_secs(1), Random::system());
/// let mut backoff = Backoff::new(second);
/// assert!(backoff.next(&random) <= second);
/// assert!(backoff.next(&random) <= 2 * second);
/// backoff.reset(); // after a success
/// assert!(backoff.next(&random) <= second);
/// ```
#[derive(Clone, Debug)]
pub struct Backoff {
    /// The first wait, before jitter.
    pub base: Duration,
    /// No wait is longer, jitter included.
    pub cap: Duration,
    /// The share of each wait that is random, 0..=1: a wait is uniform in `(1 - jitter) * full ..= full`.
    pub jitter: f64,
    attempts: u32,
}

impl Backoff {
    /// Starts at `base`, doubles up to [`DEFAULT_CAP`], half of each wait random.
    pub fn new(base: Duration) -> Self {
        Self {
            base,
            cap: DEFAULT_CAP,
            jitter: 0.5,
            attempts: 0,
        }
    }

    /// The same with another cap.
    pub fn with_cap(self, cap: Duration) -> Self {
        Self { cap, ..self }
    }

    /// The wait before the next attempt; each call doubles the one after it.
    pub fn next(&mut self, random: &Random) -> Duration {
        let full = 2_u32
            .checked_pow(self.attempts)
            .and_then(|factor| self.base.checked_mul(factor))
            .map_or(self.cap, |wait| wait.min(self.cap));
        self.attempts = self.attempts.saturating_add(1);
        let certain = full.mul_f64(1.0 - self.jitter.clamp(0.0, 1.0));
        random.duration_between(certain..full)
    }

    /// Back to the first wait, after a success.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Duration = Duration::from_secs(1);

    fn waits(backoff: &mut Backoff, count: usize) -> Vec<Duration> {
        let random = Random::seeded(3);
        (0..count).map(|_| backoff.next(&random)).collect()
    }

    #[test]
    fn waits_double_up_to_the_cap() {
        let mut exact = Backoff {
            jitter: 0.0,
            ..Backoff::new(BASE)
        };
        let seconds: Vec<u64> = waits(&mut exact, 8).iter().map(Duration::as_secs).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30, 30]);
    }

    #[test]
    fn jitter_never_exceeds_the_cap_nor_falls_below_its_share() {
        let mut backoff = Backoff::new(BASE).with_cap(4 * BASE);
        for wait in waits(&mut backoff, 200).into_iter().skip(2) {
            assert!((2 * BASE..=4 * BASE).contains(&wait), "{wait:?}");
        }
    }

    #[test]
    fn a_success_starts_over() {
        let mut backoff = Backoff::new(BASE);
        waits(&mut backoff, 10);
        backoff.reset();
        assert!(waits(&mut backoff, 1)[0] <= BASE);
    }

    #[test]
    fn a_thousand_failures_do_not_overflow() {
        let mut backoff = Backoff::new(BASE);
        assert!(waits(&mut backoff, 1_000)[999] <= DEFAULT_CAP);
    }
}
