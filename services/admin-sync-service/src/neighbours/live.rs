//! A project's live state as the replicas of public-service tell it, and one picture of it made of theirs. Pure.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What public-service knows of a project right now.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Live {
    /// `live`, `stale` or `unknown`, as viewers are told.
    #[schema(example = "live")]
    pub state: String,
    /// When the client API was last heard; null before its first good answer.
    pub as_of: Option<DateTime<Utc>>,
    /// Open streams, of all replicas together.
    pub subscribers: u64,
    /// How many units there are.
    pub units: u64,
    /// The version that viewers have.
    pub version: String,
    /// Why there is no good answer; null once there is.
    pub last_error: Option<String>,
    /// The next planned fetch; null while one runs, or where none is planned.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// So many cycles failed that only single attempts are made.
    pub circuit_open: bool,
    /// What the client API was asked, by all replicas together.
    pub upstream: Upstream,
    /// Words that nothing maps.
    pub unmapped: Vec<Unmapped>,
    /// Bad entries of the last body.
    pub skipped: u64,
    /// Repeated entries of the last body.
    pub duplicates: u64,
    /// What is odd about the integration's row.
    pub settings_complaints: Vec<String>,
}

/// Requests to a client API since the start of whoever sent them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = LiveUpstream)]
pub struct Upstream {
    /// Requests sent.
    pub requests: u64,
    /// 304 answers.
    pub not_modified: u64,
    /// Failed cycles.
    pub failures: u64,
}

/// A word of the client API that nothing maps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = LiveUnmapped)]
pub struct Unmapped {
    /// The word.
    pub value: String,
    /// Units that had it, in the last body that had any.
    pub count: u64,
    /// One of them.
    pub example: String,
    /// When it was first seen.
    pub first_seen: Option<DateTime<Utc>>,
    /// When it was last seen.
    pub last_seen: Option<DateTime<Utc>>,
}

impl Live {
    /// One picture of two replicas' views: that of whoever heard the client API last, with the streams and requests of
    /// both. Of two that heard it at the same time, or never, the one that people look through.
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        let subscribers = self.subscribers.saturating_add(other.subscribers);
        let upstream = self.upstream.and(other.upstream);
        let is_newer = (other.as_of, other.subscribers) > (self.as_of, self.subscribers);
        let newest = if is_newer { other } else { self };
        Self {
            subscribers,
            upstream,
            ..newest
        }
    }
}

impl Upstream {
    fn and(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            not_modified: self.not_modified.saturating_add(other.not_modified),
            failures: self.failures.saturating_add(other.failures),
        }
    }
}
