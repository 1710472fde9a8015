//! How a source is, as seen by the feed of one tenant.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::time::Instant;

/// How a source is, as seen from here.
#[derive(Default)]
pub(super) struct Source {
    /// Since when it cannot be read.
    pub stale_since: Option<DateTime<Utc>>,
    last_error: Option<String>,
    last_query: Option<DateTime<Utc>>,
    /// Something may have changed.
    dirty: bool,
    /// Somebody watches what was never asked for.
    wanted: bool,
    /// When the database said so, where it did.
    hinted: Option<Instant>,
}

impl Source {
    /// Something may have changed; `hinted` when the database said so. The oldest hint counts: it has waited longest.
    pub fn soil(&mut self, hinted: Option<Instant>) {
        self.dirty = true;
        self.hinted = self.hinted.or(hinted);
    }

    /// Somebody watches what was never asked for.
    pub fn want(&mut self) {
        self.wanted = true;
    }

    /// Whether it is to be asked before the next poll.
    pub fn is_wanted(&self) -> bool {
        self.dirty || self.wanted
    }

    /// It is being asked: whether something may have changed, and since which hint.
    pub fn ask(&mut self) -> (bool, Option<Instant>) {
        self.wanted = false;
        (std::mem::take(&mut self.dirty), self.hinted.take())
    }

    /// How that went. Says whether the source turned, to stale or to live.
    pub fn answered(&mut self, error: Option<String>, now: DateTime<Utc>) -> bool {
        let (was_stale, is_stale) = (self.stale_since.is_some(), error.is_some());
        self.last_query = Some(now);
        if is_stale {
            self.stale_since.get_or_insert(now);
            self.last_error = error;
        } else {
            self.stale_since = None;
        }
        was_stale != is_stale
    }

    /// For `/status`.
    pub fn overview(&self) -> Value {
        json!({
            "state": if self.stale_since.is_some() { "stale" } else { "live" },
            "since": self.stale_since,
            "last_error": self.last_error,
            "last_query": self.last_query,
        })
    }
}
