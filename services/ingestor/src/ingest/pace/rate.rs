//! How fast the portal may be asked: a token bucket whose rate follows the portal's limiter (additive up,
//! multiplicative down), and the pause after a 429. Pure: the pacer hands in the time.

use std::time::Duration;

use tokio::time::Instant;

/// The pace never falls below this, in 1/s: a run must go on, however slowly.
const FLOOR: f64 = 0.1;

/// Turns that may be saved up. Two requests in flight cannot use the rate to the full without: what a slow answer
/// holds up is made good after it. Reports of bursts that the portal refuses begin at 10.
const BURST: f64 = 4.0;

/// A rate far above the portal's (tests, benches) needs a burst that outlasts a timer's tick, in seconds.
const BURST_TIME: f64 = 0.01;

/// After a refusal at some pace: go on at half of it, rise fast to just below it, and from there slowly, since only
/// the neighbourhood of the limit is worth exploring. Tried out on the recorded weather and on models of limiters:
/// slower ways up are refused less, and lose more time than the pauses that they save.
const AFTER_REFUSAL: f64 = 0.5;
const NEARLY: f64 = 0.85;

/// Answers that lead from nothing to the full rate, below and above the pace that is known to be safe.
const FAST: f64 = 20.0;
const SLOW: f64 = 100.0;

/// So many answers after a pause say that it was long enough: the next one is short again.
const CALM: u32 = 3;

/// The rate, what has been saved up, and the pause.
#[derive(Debug)]
pub(super) struct Rate {
    limit: f64,
    pace: f64,
    /// Up to here the pace rises fast.
    safe: f64,
    burst: f64,
    /// Turns in the bucket at `as_of`, which lies in the future while a pause lasts.
    tokens: f64,
    as_of: Instant,
    pause: Pause,
}

#[derive(Debug)]
struct Pause {
    first: Duration,
    longest: Duration,
    next: Duration,
    /// When the last one began.
    began: Option<Instant>,
    /// Answers since.
    answers: u32,
}

impl Rate {
    /// At most `limit` a second; a refusal pauses for `first`, doubling up to `longest`. Starts with an empty bucket:
    /// a process that is restarted again and again must not ask faster than one that lives.
    pub(super) fn new(limit: f64, first: Duration, longest: Duration, now: Instant) -> Self {
        Self {
            limit,
            pace: limit,
            safe: limit,
            burst: BURST.max(limit * BURST_TIME),
            tokens: 1.0,
            as_of: now,
            pause: Pause {
                first,
                longest: longest.max(first),
                next: first,
                began: None,
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
        let missing = (1.0 - self.tokens).max(0.0);
        self.as_of + Duration::from_secs_f64(missing / self.pace)
    }

    /// A turn begins.
    pub(super) fn start(&mut self, now: Instant) {
        self.fill(now);
        self.tokens -= 1.0;
    }

    /// The turn that began at `started` was answered.
    pub(super) fn answered(&mut self, started: Instant, now: Instant) {
        if self.is_old(started) {
            return;
        }
        self.fill(now);
        let steps = if self.pace < self.safe { FAST } else { SLOW };
        self.pace = (self.pace + self.limit / steps).min(self.limit);
        self.pause.answers = self.pause.answers.saturating_add(1);
        if self.pause.answers >= CALM {
            self.pause.next = self.pause.first;
        }
    }

    /// The turn that began at `started` was refused by the limiter. Requests that were under way when the first of
    /// them was refused tell nothing new: one episode slows and pauses once.
    pub(super) fn refused(&mut self, started: Instant, now: Instant) {
        if self.is_old(started) {
            return;
        }
        self.safe = self.pace * NEARLY;
        self.pace = (self.pace * AFTER_REFUSAL).max(FLOOR.min(self.limit));
        // Nothing is saved up in a pause: whoever waited would come back as a crowd.
        self.tokens = 1.0;
        self.as_of = now + self.pause.next;
        self.pause.began = Some(now);
        self.pause.next = (self.pause.next * 2).min(self.pause.longest);
        self.pause.answers = 0;
    }

    fn fill(&mut self, now: Instant) {
        let since = now.saturating_duration_since(self.as_of);
        self.tokens = (self.tokens + since.as_secs_f64() * self.pace).min(self.burst);
        self.as_of = self.as_of.max(now);
    }

    fn is_old(&self, started: Instant) -> bool {
        self.pause.began.is_some_and(|began| started <= began)
    }
}

#[cfg(test)]
mod tests;
