//! Runs that are over: whether the newest ones ended well, and whether one update begins where the last one ended.

use chrono::{DateTime, SecondsFormat, Utc};

use super::condition::{Condition, Finding};

/// The newest run of its kind that ended by itself: of updates, or of backfills of one window.
#[derive(Clone, Debug)]
pub struct EndedRun {
    /// Which.
    pub id: i32,
    /// `update` or `backfill`.
    pub mode: String,
    /// `success`, `incomplete`, `error` or `lost`.
    pub state: String,
    /// Its window; an update that was never claimed has none.
    pub window: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// Why it did not succeed.
    pub error_message: Option<String>,
    /// It ended within the last day: older ones are history, not news.
    pub is_news: bool,
    /// What it left open has been read since, by whatever runs.
    pub is_made_good: bool,
}

/// A stretch of time between two updates that no update has read: the later one was not allowed to reach so far back.
#[derive(Clone, Copy, Debug)]
pub struct Gap {
    /// Where the earlier one ended.
    pub from: DateTime<Utc>,
    /// Where the later one began.
    pub to: DateTime<Utc>,
    /// The later one.
    pub execution_id: i32,
    /// A backfill has read it since.
    pub is_filled: bool,
}

impl Gap {
    /// Whether this stretch has been read since.
    pub fn condition(&self) -> Condition {
        let (from, to) = (instant(self.from), instant(self.to));
        let wrong = Finding {
            kind: "gap",
            summary: format!(
                "no update has read from {from} to {to}: update {} began only there",
                self.execution_id
            ),
            execution_id: Some(self.execution_id),
        };
        Condition {
            fingerprint: format!("gap:{}/{}", self.from.timestamp(), self.to.timestamp()),
            wrong: (!self.is_filled).then_some(wrong),
        }
    }
}

impl EndedRun {
    /// Whether runs like this end well. News of old ones that did not end well: none.
    pub fn condition(&self) -> Option<Condition> {
        let well = self.state == "success" || self.is_made_good;
        if !well && !self.is_news {
            return None;
        }
        let kind = match self.state.as_str() {
            "incomplete" => "run_incomplete",
            "lost" => "run_lost",
            _ => "run_error",
        };
        let why = self.error_message.as_deref().unwrap_or("no reason given");
        let wrong = Finding {
            kind,
            summary: format!(
                "{} {}{} ended {}: {why}",
                self.mode,
                self.id,
                self.window_text(),
                self.state
            ),
            execution_id: Some(self.id),
        };
        Some(Condition {
            fingerprint: self.fingerprint(),
            wrong: (!well).then_some(wrong),
        })
    }

    /// Any update makes good for the one before. Backfills of each window are a story of their own, which ends with one
    /// of them or with whatever reads what they left open.
    fn fingerprint(&self) -> String {
        match self.window {
            Some((start, end)) if self.mode == "backfill" => {
                format!("run:backfill:{}/{}", start.timestamp(), end.timestamp())
            }
            _ => format!("run:{}", self.mode),
        }
    }

    fn window_text(&self) -> String {
        self.window
            .map(|(start, end)| format!(" ({} to {})", instant(start), instant(end)))
            .unwrap_or_default()
    }
}

fn instant(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
