//! From what is found in the database to what is wrong, in words: one condition per thing that can be wrong, whether
//! it is or not. Pure; what becomes of a condition is decided by the incidents.

use chrono::{DateTime, SecondsFormat, Utc};

/// Whether one thing is as it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The same thing has the same one, whatever run it showed in.
    pub fingerprint: String,
    /// What is wrong; `None` = nothing is.
    pub wrong: Option<Finding>,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// One word of a closed set; `advice` knows what to do about it.
    pub kind: &'static str,
    /// What happened, in one sentence.
    pub summary: String,
    /// The run that it showed in.
    pub execution_id: Option<i32>,
}

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
}

/// A run that has a worker and gets nowhere.
#[derive(Clone, Debug)]
pub struct SilentRun {
    /// Which.
    pub id: i32,
    /// `update` or `backfill`.
    pub mode: String,
    /// Who has it.
    pub worker: Option<String>,
    /// Since it last committed something.
    pub minutes: i64,
}

/// A run that nobody takes.
#[derive(Clone, Debug)]
pub struct WaitingRun {
    /// Which.
    pub id: i32,
    /// `update` or `backfill`.
    pub mode: String,
    /// Since it is queued.
    pub minutes: i64,
    /// Why its message is not published, where that is so.
    pub broker_error: Option<String>,
}

/// How old the newest complete update is.
#[derive(Clone, Copy, Debug)]
pub struct LateUpdate {
    /// The newest complete one; `None` = there has been none.
    pub id: Option<i32>,
    /// Since it ended, or since the first update was asked for.
    pub minutes: i64,
}

/// How the source has been, where anybody has ever said so.
#[derive(Clone, Debug)]
pub struct SourceState {
    /// Minutes for which it has been down; `None` = it is not.
    pub down_minutes: Option<i64>,
    /// The word comes from a worker; if not, none has reported for 30 s.
    pub is_reported: bool,
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
        let well = self.state == "success";
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

    /// Any update makes good for the one before; a backfill only for one of its own window.
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

/// Whether every run that has a worker moves on.
pub fn progress(silent: &[SilentRun]) -> Condition {
    let wrong = silent.first().map(|first| {
        let worker = first.worker.as_deref().unwrap_or("unknown");
        let (mode, id, minutes) = (&first.mode, first.id, first.minutes);
        let others = others(silent.len());
        Finding {
            kind: "no_progress",
            summary: format!(
                "{mode} {id} has committed nothing for {minutes} min (worker {worker}){others}"
            ),
            execution_id: Some(id),
        }
    });
    named("no_progress", wrong)
}

/// Whether every queued run finds a worker.
pub fn claims(waiting: &[WaitingRun]) -> Condition {
    let wrong = waiting.first().map(|first| {
        let (mode, id, minutes) = (&first.mode, first.id, first.minutes);
        let why = first.broker_error.as_ref().map_or_else(
            || "its message is with the broker, and no ingestor takes it".to_owned(),
            |error| format!("its message is not with the broker: {error}"),
        );
        let others = others(waiting.len());
        Finding {
            kind: "not_claimed",
            summary: format!("{mode} {id} has been queued for {minutes} min: {why}{others}"),
            execution_id: Some(id),
        }
    });
    named("not_claimed", wrong)
}

/// Whether the data is fresh: a complete update within `limit` minutes.
pub fn freshness(late: LateUpdate, limit: u32) -> Condition {
    let wrong = (late.minutes >= i64::from(limit)).then(|| Finding {
        kind: "no_update",
        summary: match late.id {
            Some(id) => format!(
                "no update has been complete for {} min; the last one was {id}",
                late.minutes
            ),
            None => format!("no update has ever been complete, for {} min", late.minutes),
        },
        execution_id: late.id,
    });
    named("no_update", wrong)
}

/// Whether the source can be read, unless it is down for less than `limit` minutes.
pub fn source(state: &SourceState, limit: u32) -> Condition {
    let down = state
        .down_minutes
        .filter(|minutes| *minutes >= i64::from(limit));
    let wrong = down.map(|minutes| Finding {
        kind: "source_down",
        summary: if state.is_reported {
            format!("the portal cannot be read, for {minutes} min")
        } else {
            format!("no ingestor has said how the portal is, for {minutes} min")
        },
        execution_id: None,
    });
    named("source_down", wrong)
}

/// Whether every message could be read.
pub fn dead_letters(queue: &str, count: u32) -> Condition {
    let wrong = (count > 0).then(|| Finding {
        kind: "dead_letters",
        summary: format!("{count} messages that nobody can read are in the queue {queue}"),
        execution_id: None,
    });
    named("dead_letters", wrong)
}

fn instant(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn named(fingerprint: &str, wrong: Option<Finding>) -> Condition {
    Condition {
        fingerprint: fingerprint.to_owned(),
        wrong,
    }
}

fn others(count: usize) -> String {
    match count.saturating_sub(1) {
        0 => String::new(),
        more => format!("; {more} more like it"),
    }
}
