//! How often one page is asked for: a number of tries spread over a stretch of time, since the portal's bad moments
//! last minutes. A 429 costs no try; what is refused is not asked again.

use std::time::Duration;

use service_kit::random::Random;
use tokio::time::Instant;

use super::fault::FaultClass;
use crate::settings::PolicySettings;

/// Tries of a question that the portal calls unprocessable: 422 comes for valid dates too, but not for long.
const UNPROCESSABLE_TRIES: u32 = 3;

/// Each wait is three times the one before: a short blip costs seconds, and most of the time is waited at the end.
const FACTOR: f64 = 3.0;

/// A wait grows by up to this share of itself, so that pages that failed together do not come back together.
const JITTER: f64 = 0.2;

/// Exponents end here, or a hundred tries would all be spent in the last wait.
const STEEPEST: u32 = 6;

/// What one page may still cost.
#[derive(Debug)]
pub struct PageBudget {
    tries: u32,
    spread: Duration,
    patience: Duration,
    failed: u32,
    refused_since: Option<Instant>,
}

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Take another turn after this wait.
    Again(Duration),
    /// The page cannot be had.
    GiveUp,
}

impl PageBudget {
    /// A fresh budget: `PNCP_PAGE_TRIES` over at least `PNCP_PAGE_RETRY_SECONDS`.
    pub fn new(policy: &PolicySettings) -> Self {
        Self {
            tries: policy.pncp_page_tries,
            spread: policy.pncp_page_retry_seconds,
            patience: policy.pncp_patience_seconds,
            failed: 0,
            refused_since: None,
        }
    }

    /// The page was asked for and not answered.
    pub fn after(&mut self, class: FaultClass, random: &Random) -> Next {
        if class == FaultClass::RateLimited {
            return self.refused(Instant::now());
        }
        self.refused_since = None;
        self.failed += 1;
        let tries = match class {
            FaultClass::Unprocessable => UNPROCESSABLE_TRIES.min(self.tries),
            _ => self.tries,
        };
        if !class.retryable() || self.failed >= tries {
            return Next::GiveUp;
        }
        let wait = self.wait();
        Next::Again(random.duration_between(wait..wait.mul_f64(1.0 + JITTER)))
    }

    /// The pacer makes everybody wait. A limiter that lets nothing through for as long as a run waits for its source
    /// is an outage too.
    fn refused(&mut self, now: Instant) -> Next {
        let since = *self.refused_since.get_or_insert(now);
        if now - since > self.patience {
            Next::GiveUp
        } else {
            Next::Again(Duration::ZERO)
        }
    }

    /// The share of the spread that belongs to the wait after try number `failed`.
    fn wait(&self) -> Duration {
        let weight = |wait: u32| FACTOR.powi(wait.min(STEEPEST).cast_signed());
        let all: f64 = (1..self.tries).map(weight).sum();
        self.spread.mul_f64(weight(self.failed) / all)
    }
}

#[cfg(test)]
mod tests;
