//! Why the portal did not answer a question, told in the classes that decide what happens next.

use std::fmt;

/// A question that was asked and not answered. Its text may be shown to operators: no address, no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Fault {
    /// What kind of failure it is.
    pub class: FaultClass,
    /// The status of the answer, where there was one.
    pub status: Option<u16>,
    /// One short sentence, with what the portal said of it.
    pub detail: String,
}

/// The kinds of failure: metric label, `error_class` of the ledger, and what decides about another try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultClass {
    /// 429: everybody pauses, nobody's budget is touched.
    RateLimited,
    /// 502, 503, 504: a gateway in front of the portal has nobody to ask.
    Overloaded,
    /// 500 and other 5xx: the portal's own trouble, its database mostly.
    ServerError,
    /// No complete answer before `HTTP_TIMEOUT`.
    Timeout,
    /// No connection, or one that broke off.
    Unreachable,
    /// An answer that is not what was asked for: a web page, cut JSON, another page's number.
    BadContent,
    /// 422, which the portal also gives for valid dates.
    Unprocessable,
    /// 400 and other 4xx: the question itself is refused, asking again changes nothing.
    Rejected,
    /// 404 that does not say "nothing there".
    NotFound,
}

impl FaultClass {
    /// All of them, for metrics that start at zero.
    pub const ALL: [Self; 9] = [
        Self::RateLimited,
        Self::Overloaded,
        Self::ServerError,
        Self::Timeout,
        Self::Unreachable,
        Self::BadContent,
        Self::Unprocessable,
        Self::Rejected,
        Self::NotFound,
    ];

    /// The word in metrics and in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::ServerError => "server_error",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::BadContent => "bad_content",
            Self::Unprocessable => "unprocessable",
            Self::Rejected => "rejected",
            Self::NotFound => "not_found",
        }
    }

    /// Whether the same question may be answered later. How often it is asked is told by
    /// [`PageBudget`](super::retry::PageBudget).
    pub fn retryable(self) -> bool {
        !matches!(self, Self::Rejected | Self::NotFound)
    }

    /// Whether it tells of the source, not of the question: only such failures open the breaker.
    pub fn blames_source(self) -> bool {
        self.retryable() && self != Self::Unprocessable
    }
}

impl fmt::Display for FaultClass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
