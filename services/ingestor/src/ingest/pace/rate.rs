//! How fast the portal may be asked: a token bucket whose rate follows the portal's limiter (additive up,
//! multiplicative down), and the pause after a 429. Pure: the pacer hands in the time.

use std::time::Duration;

use tokio::time::Instant;

/// The pace never falls below this, in 1/s: a run must go on, however slowly.
const FLOOR: f64 = 0.1;

/// Turns that may start at once after none did. Two requests in flight cannot use the rate to the full without:
/// what a slow answer holds up is made good after it. Reports of the portal's limiter begin at 30.
const BURST: f64 = 4.0;

/// A rate far above the portal's (tests, benches) needs a burst that outlasts a timer's tick.
const BURST_TIME: f64 = 0.01;

/// A refusal at some pace: go on at half of it, rise fast to just below it, and from there slowly, since only the
/// neighbourhood of the limit is worth exploring.
const AFTER_REFUSAL: f64 = 0.5;
const NEARLY: f64 = 0.85;
/// Answers that lead from nothing to the full rate, below and above the pace that is known to be safe.
const FAST: f64 = 20.0;
const SLOW: f64 = 100.0;

/// Answers in a row after which a refusal is a new one, and pauses briefly again. One that comes sooner says that
/// the last pause was too short.
const CALM: u32 = 3;

/// The rate, the pause and the credit.
#[derive(Debug)]
pub(super) struct Rate {
    limit: f64,
    pace: f64,
    /// Up to here the pace rises fast.
    safe: f64,
    burst: f64,
    /// When the bucket would have been emptied by what has started so far; the past where there is credit.
    drained_at: Instant,
    pauses: Pauses,
}

#[derive(Debug)]
struct Pauses {
    first: Duration,
    longest: Duration,
    next: Duration,
    began: Option<Instant>,
    until: Instant,
    /// Answers since the last one.
    answers: u32,
}

impl Rate {
    /// At most `limit` a second; a refusal pauses for `first`, doubling up to `longest`.
    pub(super) fn new(limit: f64, first: Duration, longest: Duration, now: Instant) -> Self {
        Self {
            limit,
            pace: limit,
            safe: limit,
            burst: BURST.max(limit * BURST_TIME),
            drained_at: now,
            pauses: Pauses {
                first,
                longest: longest.max(first),
                next: first,
                began: None,
                until: now,
                answers: 0,
            },
        }
    }

    /// Turns a second, pauses apart.
    pub(super) fn pace(&self) -> f64 {
        self.pace
    }

    /// The earliest moment for the next turn.
    pub(super) fn ready_at(&self) -> Instant {
        let credit = self.interval().mul_f64(self.burst - 1.0);
        let earned = self.drained_at.checked_sub(credit);
        earned.unwrap_or(self.pauses.until).max(self.pauses.until)
    }

    /// A turn begins.
    pub(super) fn start(&mut self, now: Instant) {
        self.drained_at = self.drained_at.max(now) + self.interval();
    }

    /// The turn that began at `started` was answered.
    pub(super) fn answered(&mut self, started: Instant) {
        if self.is_old(started) {
            return;
        }
        let step = if self.pace < self.safe { FAST } else { SLOW };
        self.pace = (self.pace + self.limit / step).min(self.limit);
        self.pauses.answers = self.pauses.answers.saturating_add(1);
        if self.pauses.answers >= CALM {
            self.pauses.next = self.pauses.first;
        }
    }

    /// The turn that began at `started` was refused by the limiter. Requests that were under way when the first of
    /// them was refused tell nothing new: one episode slows and pauses once.
    pub(super) fn refused(&mut self, started: Instant, now: Instant) {
        if self.is_old(started) {
            return;
        }
        self.safe = self.pace * NEARLY;
        self.pace = (self.pace * AFTER_REFUSAL).max(FLOOR).min(self.limit);
        let pauses = &mut self.pauses;
        pauses.began = Some(now);
        pauses.until = now + pauses.next;
        pauses.next = (pauses.next * 2).min(pauses.longest);
        pauses.answers = 0;
        // No credit is earned in a pause: whoever waited would come back as a crowd.
        self.drained_at = self.pauses.until + self.interval().mul_f64(self.burst - 1.0);
    }

    fn is_old(&self, started: Instant) -> bool {
        self.pauses.began.is_some_and(|began| started <= began)
    }

    fn interval(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.pace)
    }
}
