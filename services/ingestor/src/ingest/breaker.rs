//! The circuit breaker of the source: several segments that fail in a row are an outage of the portal, not bad luck
//! of those segments. A pure state machine; the pacer owns one and hands in the time.

use std::time::Duration;

use tokio::time::Instant;

use super::fault::FaultClass;

/// What the breaker lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Everything.
    Closed,
    /// Nothing until the next probe is due.
    Open,
    /// One probe is under way, the rest waits for what it tells.
    HalfOpen,
}

impl BreakerState {
    /// The word in `sync_source` and on `/status`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// What one who wants to ask the portal is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// Ask.
    Page,
    /// Ask one small page, and tell how it went.
    Probe,
    /// Not before this moment.
    Wait(Instant),
    /// Not before the probe has ended.
    WaitForProbe,
}

/// Closed until `most` segments failed in a row; then one probe every `interval` until one is answered.
#[derive(Debug)]
pub(super) struct Breaker {
    most: u32,
    interval: Duration,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed { failed: u32 },
    Open { since: Instant, probe_at: Instant },
    HalfOpen { since: Instant },
}

impl Breaker {
    pub(super) fn new(most: u32, interval: Duration) -> Self {
        Self {
            most,
            interval,
            state: State::Closed { failed: 0 },
        }
    }

    pub(super) fn state(&self) -> BreakerState {
        match self.state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// Since when nothing but probes has been let through.
    pub(super) fn open_since(&self) -> Option<Instant> {
        match self.state {
            State::Closed { .. } => None,
            State::Open { since, .. } | State::HalfOpen { since } => Some(since),
        }
    }

    /// A segment was given up. A refused question says nothing about the source, and segments that were under way
    /// when it opened are no news.
    pub(super) fn segment_failed(&mut self, class: FaultClass, now: Instant) {
        let State::Closed { failed } = &mut self.state else {
            return;
        };
        if !class.blames_source() {
            return;
        }
        *failed += 1;
        if *failed >= self.most {
            self.state = State::Open {
                since: now,
                probe_at: now + self.interval,
            };
        }
    }

    /// A segment was read to its end: what failed before was its own bad luck.
    pub(super) fn segment_read(&mut self) {
        if let State::Closed { failed } = &mut self.state {
            *failed = 0;
        }
    }

    /// Whether one may ask. [`Admission::Probe`] is given once: [`probe_ended`](Self::probe_ended) must follow.
    pub(super) fn admit(&mut self, now: Instant) -> Admission {
        match self.state {
            State::Closed { .. } => Admission::Page,
            State::HalfOpen { .. } => Admission::WaitForProbe,
            State::Open { probe_at, .. } if now < probe_at => Admission::Wait(probe_at),
            State::Open { since, .. } => {
                self.state = State::HalfOpen { since };
                Admission::Probe
            }
        }
    }

    /// The probe was answered, or it failed, or (`None`) it was dropped before either: then the next one is due now.
    pub(super) fn probe_ended(&mut self, answered: Option<bool>, now: Instant) {
        let State::HalfOpen { since } = self.state else {
            return;
        };
        let wait = match answered {
            Some(true) => {
                self.state = State::Closed { failed: 0 };
                return;
            }
            Some(false) => self.interval,
            None => Duration::ZERO,
        };
        let probe_at = now + wait;
        self.state = State::Open { since, probe_at };
    }
}

#[cfg(test)]
mod tests;
