//! How the key server is asked, under the prefix of the service.

use prometheus::IntCounterVec;

use crate::metrics::Metrics;

/// What became of a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Keys came.
    Ok,
    /// No answer: connection, deadline.
    Unreachable,
    /// An answer without keys in it: status, size, form.
    Unusable,
}

/// `<prefix>_jwks_fetches_total`. Clones share the figures.
#[derive(Clone, Debug)]
pub struct JwtMetrics {
    fetches: IntCounterVec,
}

impl JwtMetrics {
    /// Registers `<prefix>_jwks_fetches_total{outcome}`; outcomes are `ok`, `unreachable` and `unusable`.
    ///
    /// # Errors
    /// Where the registry refuses the name.
    pub fn register(metrics: &Metrics, prefix: &str) -> prometheus::Result<Self> {
        let fetches = metrics.counter_vec(
            &format!("{prefix}_jwks_fetches_total"),
            "Requests for the keys of tokens, by outcome.",
            &["outcome"],
        )?;
        for outcome in [Outcome::Ok, Outcome::Unreachable, Outcome::Unusable] {
            fetches.with_label_values(&[outcome.as_str()]);
        }
        Ok(Self { fetches })
    }

    pub(super) fn fetched(&self, outcome: Outcome) {
        self.fetches.with_label_values(&[outcome.as_str()]).inc();
    }
}

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unreachable => "unreachable",
            Self::Unusable => "unusable",
        }
    }
}
