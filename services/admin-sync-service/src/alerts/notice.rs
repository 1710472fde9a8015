//! A notice: what happened, in which run, in which segments, and what to do. As JSON for programs and as text for
//! people; neither holds a credential.

use std::fmt::Write as _;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

use super::advice::advice;

/// Segments that a notice names; how many more there are is told.
pub const NAMED_SEGMENTS: usize = 10;

/// An incident whose notice is due.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    /// What it is about.
    pub fingerprint: String,
    /// One of the words that `advice` knows.
    pub kind: String,
    /// What happened.
    pub summary: String,
    /// The run that it showed in.
    pub execution_id: Option<i32>,
    /// Since when.
    pub opened_at: DateTime<Utc>,
    /// When it was over; the notice then says so.
    pub resolved_at: Option<DateTime<Utc>>,
    /// Attempts to tell it, this one included.
    pub attempts: i32,
}

/// The run of an incident.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunFacts {
    /// `update` or `backfill`.
    pub mode: String,
    /// Its state.
    pub state: String,
    /// Records saved or confirmed.
    pub records_processed: i32,
    /// Why it did not succeed.
    pub error_message: Option<String>,
    /// Segments that are not complete.
    pub segments_missing: i64,
    /// Segments in all.
    pub segments_total: i64,
    /// The first of those that are not complete.
    pub segments: Vec<MissingSegment>,
}

/// A segment that is not complete.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MissingSegment {
    /// `publicacao`, `atualizacao` or `itens`.
    pub endpoint: String,
    /// 0 for itens.
    pub modalidade: i16,
    /// The first day.
    pub day_from: NaiveDate,
    /// The last one.
    pub day_to: NaiveDate,
    /// Its state.
    pub state: String,
    /// The class of what went wrong.
    pub error_class: Option<String>,
    /// What went wrong.
    pub last_error: Option<String>,
}

/// What is sent.
#[derive(Clone, Debug, Serialize)]
pub struct Notice {
    /// `opened` or `resolved`.
    pub event: &'static str,
    /// What it is about: the same for opened and resolved.
    pub incident: String,
    /// The kind of incident.
    pub kind: String,
    /// What happened.
    pub summary: String,
    /// What to do; nothing where it is over.
    pub what_to_do: Option<String>,
    /// The run.
    pub execution_id: Option<i32>,
    /// More about it.
    pub execution: Option<RunFacts>,
    /// Since when.
    #[serde(serialize_with = "rfc3339")]
    pub opened_at: DateTime<Utc>,
    /// Until when.
    #[serde(serialize_with = "rfc3339_or_null")]
    pub resolved_at: Option<DateTime<Utc>>,
}

impl Notice {
    /// The notice about an incident of runs that are announced on `queue`.
    pub fn new(incident: &Incident, execution: Option<RunFacts>, queue: &str) -> Self {
        let over = incident.resolved_at.is_some();
        let run = incident
            .execution_id
            .map_or_else(|| "{id}".to_owned(), |id| id.to_string());
        Self {
            event: if over { "resolved" } else { "opened" },
            incident: incident.fingerprint.clone(),
            kind: incident.kind.clone(),
            summary: incident.summary.clone(),
            what_to_do: (!over).then(|| advice(&incident.kind, &run, queue)),
            execution_id: incident.execution_id,
            execution,
            opened_at: incident.opened_at,
            resolved_at: incident.resolved_at,
        }
    }

    /// The subject of a mail: one line.
    pub fn subject(&self) -> String {
        let over = if self.resolved_at.is_some() {
            "over: "
        } else {
            ""
        };
        let line: String = self
            .summary
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        let line: String = line.chars().take(120).collect();
        format!("[farol] {over}{line}")
    }

    /// The body of a mail.
    pub fn text(&self) -> String {
        // Writing to a String cannot fail.
        let mut text = format!("{}\n\nSince {}", self.summary, moment(self.opened_at));
        if let Some(resolved_at) = self.resolved_at {
            let _ = write!(text, ", over since {}", moment(resolved_at));
        }
        text += " UTC.\n";
        if let Some(execution) = &self.execution {
            text += &execution.text(self.execution_id);
        }
        if let Some(what_to_do) = &self.what_to_do {
            let _ = writeln!(text, "\nWhat to do: {what_to_do}");
        }
        text + &format!("\nIncident {} ({})\n", self.incident, self.kind)
    }
}

impl RunFacts {
    fn text(&self, id: Option<i32>) -> String {
        let id = id.map(|id| format!(" {id}")).unwrap_or_default();
        let mut text = format!(
            "\nRun{id}: {}, {}, {} records; {} of {} segments are not complete.\n",
            self.mode,
            self.state,
            self.records_processed,
            self.segments_missing,
            self.segments_total
        );
        for segment in &self.segments {
            let class = segment.error_class.as_deref().unwrap_or(&segment.state);
            let error = segment.last_error.as_deref().unwrap_or("");
            let (endpoint, modalidade) = (&segment.endpoint, segment.modalidade);
            let _ = writeln!(
                text,
                "  {endpoint}, modalidade {modalidade}, {}: {class} {error}",
                segment.days()
            );
        }
        let named = i64::try_from(self.segments.len()).unwrap_or(i64::MAX);
        if self.segments_missing > named {
            let _ = writeln!(text, "  … and {} more", self.segments_missing - named);
        }
        text
    }
}

impl MissingSegment {
    fn days(&self) -> String {
        if self.day_from == self.day_to {
            self.day_from.to_string()
        } else {
            format!("{} to {}", self.day_from, self.day_to)
        }
    }
}

fn moment(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S").to_string()
}

fn rfc3339<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

#[expect(clippy::ref_option, reason = "serde's signature")]
fn rfc3339_or_null<S: Serializer>(
    time: &Option<DateTime<Utc>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => rfc3339(time, serializer),
        None => serializer.serialize_none(),
    }
}
