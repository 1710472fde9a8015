//! What is known of the source at one moment: the rate, the breaker, and how it is doing in one word. No waiting here:
//! the pacer asks, and hands in the time.

use std::time::Duration;

use chrono::{DateTime, Utc};
use service_kit::clock::Clock;
use tokio::time::Instant;

use super::{Outcome, rate::Rate};
use crate::{
    ingest::{
        breaker::{Admission, Breaker, BreakerState},
        fault::FaultClass,
    },
    settings::PolicySettings,
};

/// How the source is doing: what `/sync/status` calls `source`.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceState {
    /// In one word.
    pub state: Health,
    /// Since when it is this word.
    pub since: DateTime<Utc>,
    /// What is let through.
    pub breaker: BreakerState,
    /// Requests a second at most, pauses apart.
    pub pace_per_second: f64,
}

/// The source in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It answers.
    Ok,
    /// A request was refused or failed, and none was answered since, or it was a short while ago.
    Degraded,
    /// The breaker is not closed.
    Down,
}

impl Health {
    /// The word in `sync_source`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Down => "down",
        }
    }
}

#[derive(Debug)]
pub(super) struct Source {
    rate: Rate,
    breaker: Breaker,
    /// It counts as degraded until then, so that single answers between failures are not told as an end of them.
    troubled_until: Instant,
    trouble_lasts: Duration,
    /// Whether it answered since the last trouble. Time alone ends none: requests that fail may be minutes apart.
    answered: bool,
    health: Health,
    since: DateTime<Utc>,
    clock: Clock,
}

impl Source {
    pub(super) fn new(policy: &PolicySettings, clock: Clock, now: Instant) -> Self {
        let (first, longest) = (policy.pncp_pause_seconds, policy.pncp_pause_max_seconds);
        Self {
            rate: Rate::new(policy.pncp_rate_per_second.0, first, longest, now),
            breaker: Breaker::new(policy.pncp_breaker_segments, policy.pncp_probe_seconds),
            troubled_until: now,
            trouble_lasts: longest,
            answered: true,
            health: Health::Ok,
            since: clock.now(),
            clock,
        }
    }

    /// Whether one may ask; where one may, the turn begins now. The breaker is asked last: it gives a probe away.
    pub(super) fn admit(&mut self, now: Instant) -> Admission {
        let ready_at = self.rate.ready_at();
        if now < ready_at {
            return Admission::Wait(ready_at);
        }
        let admission = self.breaker.admit(now);
        if matches!(admission, Admission::Page | Admission::Probe) {
            self.rate.start(now);
        }
        admission
    }

    /// The turn that began at `started` ended; `None` where nobody waited for the answer.
    pub(super) fn ended(
        &mut self,
        started: Instant,
        is_probe: bool,
        outcome: Option<Outcome>,
        now: Instant,
    ) {
        let answers = outcome.map(|outcome| self.learn(started, outcome, now));
        if is_probe {
            self.breaker.probe_ended(answers, now);
        }
        self.judge(now);
    }

    pub(super) fn segment_failed(&mut self, class: FaultClass, now: Instant) {
        self.breaker.segment_failed(class, now);
        self.judge(now);
    }

    pub(super) fn segment_read(&mut self) {
        self.breaker.segment_read();
    }

    pub(super) fn down_since(&self) -> Option<Instant> {
        self.breaker.open_since()
    }

    pub(super) fn told(&mut self, now: Instant) -> SourceState {
        self.judge(now);
        SourceState {
            state: self.health,
            since: self.since,
            breaker: self.breaker.state(),
            pace_per_second: self.rate.pace(),
        }
    }

    /// Takes an outcome in; whether it shows that the source answers.
    fn learn(&mut self, started: Instant, outcome: Outcome, now: Instant) -> bool {
        let answers = match outcome {
            Outcome::Fine => true,
            Outcome::RateLimited => false,
            Outcome::Failed(class) => !class.blames_source(),
        };
        match outcome {
            Outcome::Fine => self.rate.answered(started, now),
            Outcome::RateLimited => self.rate.refused(started, now),
            Outcome::Failed(_) => {}
        }
        self.answered = answers;
        if !answers {
            self.troubled_until = now + self.trouble_lasts;
        }
        answers
    }

    /// Keeps the word and its date true.
    fn judge(&mut self, now: Instant) {
        let health = if self.breaker.state() != BreakerState::Closed {
            Health::Down
        } else if !self.answered || now < self.troubled_until {
            Health::Degraded
        } else {
            Health::Ok
        };
        if health != self.health {
            self.health = health;
            self.since = self.clock.now();
            tracing::info!(state = health.as_str(), "the source changed");
        }
    }
}
