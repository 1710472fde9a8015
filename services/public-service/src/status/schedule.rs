//! When a source is asked next: the interval, its growth under failure, and the
//! circuit. Pure arithmetic over the moments it is given.

use std::time::Duration;

use service_kit::random::Random;
use tokio::time::Instant;

/// Failed cycles after which the circuit is open.
const OPEN_AFTER: u32 = 5;
/// The interval grows up to this many times.
const MOST_TIMES: u32 = 10;
/// Intervals vary by this part of themselves, so that projects do not march in step.
const JITTER: f64 = 0.1;

/// When a source is asked next.
#[derive(Debug)]
pub struct Schedule {
    failures: u32,
    next: Instant,
    /// Nobody may ask before, people apart; set by failures and doubts.
    not_before: Option<Instant>,
    /// The pause that the source asked for itself: it holds for people too.
    asked_for: Option<Instant>,
}

impl Schedule {
    /// Due at once.
    pub fn new(now: Instant) -> Self {
        Self {
            failures: 0,
            next: now,
            not_before: None,
            asked_for: None,
        }
    }

    /// When a poller asks next.
    pub fn next(&self) -> Instant {
        self.next
    }

    /// When asking is allowed again, if it is not at `now`.
    pub fn backing_off(&self, now: Instant) -> Option<Instant> {
        self.not_before.filter(|until| *until > now)
    }

    /// Whether a person who presses "refresh" may disturb a source that failed:
    /// not while its circuit is open, and not while it asked for a pause.
    pub fn may_be_disturbed(&self, now: Instant) -> bool {
        !self.circuit_open() && self.asked_for.is_none_or(|until| until <= now)
    }

    /// Whether so many cycles failed that only single probes go through.
    pub fn circuit_open(&self) -> bool {
        self.failures >= OPEN_AFTER
    }

    /// A cycle ended well.
    pub fn succeeded(&mut self, now: Instant, interval: Duration, random: &Random) {
        self.failures = 0;
        self.not_before = None;
        self.asked_for = None;
        self.next = now + random.jitter(interval, JITTER);
    }

    /// The answer was odd enough to ask again before it is believed.
    pub fn doubted(&mut self, now: Instant, interval: Duration, random: &Random) {
        self.succeeded(now, interval, random);
        self.not_before = Some(self.next);
    }

    /// A cycle failed; `floor` is the pause that the source asked for.
    pub fn failed(
        &mut self,
        now: Instant,
        interval: Duration,
        floor: Option<Duration>,
        random: &Random,
    ) {
        self.failures = self.failures.saturating_add(1);
        let times = if self.circuit_open() {
            1
        } else {
            2_u32.saturating_pow(self.failures).min(MOST_TIMES)
        };
        let pause = random.jitter(interval * times, JITTER);
        self.next = now + pause.max(floor.unwrap_or_default());
        self.not_before = Some(self.next);
        self.asked_for = floor.map(|floor| now + floor);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use service_kit::random::Random;
    use tokio::time::Instant;

    use super::Schedule;

    const INTERVAL: Duration = Duration::from_secs(10);

    /// Fails a schedule again and again; each pause must be so many intervals,
    /// give or take the jitter.
    fn assert_pauses(floor: Option<Duration>, intervals: &[u32]) {
        let (now, random) = (Instant::now(), Random::seeded(7));
        let mut schedule = Schedule::new(now);
        for (nth, times) in intervals.iter().enumerate() {
            schedule.failed(now, INTERVAL, floor, &random);
            let (pause, wanted) = (schedule.next() - now, INTERVAL * *times);
            let range = wanted.mul_f64(0.89)..wanted.mul_f64(1.11);
            assert!(
                range.contains(&pause),
                "failure {nth}: {pause:?}, not {wanted:?}"
            );
        }
    }

    #[tokio::test]
    async fn the_interval_doubles_up_to_ten_times_then_the_circuit_lets_probes_through() {
        assert_pauses(None, &[2, 4, 8, 10, 1, 1, 1]);
    }

    #[tokio::test]
    async fn a_pause_that_the_source_asks_for_is_a_floor() {
        assert_pauses(Some(INTERVAL * 6), &[6, 6, 8, 10, 6, 6]);
    }

    #[tokio::test]
    async fn only_a_pause_that_the_source_asks_for_holds_for_people_too() {
        let (now, random) = (Instant::now(), Random::seeded(7));
        let mut schedule = Schedule::new(now);
        schedule.failed(now, INTERVAL, None, &random);
        assert!(schedule.backing_off(now).is_some() && schedule.may_be_disturbed(now));
        schedule.failed(now, INTERVAL, Some(INTERVAL), &random);
        assert!(!schedule.may_be_disturbed(now));
        assert!(schedule.may_be_disturbed(now + INTERVAL));
    }

    #[tokio::test]
    async fn the_first_success_brings_everything_back_to_normal() {
        let (now, random) = (Instant::now(), Random::seeded(7));
        let mut schedule = Schedule::new(now);
        for _ in 0..6 {
            schedule.failed(now, INTERVAL, None, &random);
        }
        assert!(schedule.circuit_open() && schedule.backing_off(now).is_some());

        schedule.succeeded(now, INTERVAL, &random);

        assert!(!schedule.circuit_open() && schedule.backing_off(now).is_none());
        let pause = schedule.next() - now;
        assert!((INTERVAL.mul_f64(0.89)..INTERVAL.mul_f64(1.11)).contains(&pause));
    }

    #[tokio::test]
    async fn a_doubt_forbids_asking_until_the_next_interval_without_counting_as_failure() {
        let (now, random) = (Instant::now(), Random::seeded(7));
        let mut schedule = Schedule::new(now);
        schedule.doubted(now, INTERVAL, &random);
        assert!(schedule.backing_off(now).is_some());
        assert!(schedule.backing_off(now + INTERVAL * 2).is_none());
        assert!(!schedule.circuit_open());
    }
}
