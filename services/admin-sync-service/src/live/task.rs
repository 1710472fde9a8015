//! A run as its viewers see it: what they are told, and in which order. Pure.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::said::TaskEvent;
use crate::sync::{ProgressView, Run};

/// A run, and how far it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// The row.
    pub run: Run,
    /// What its segments make of it.
    pub progress: ProgressView,
}

/// The set of states that clients of the task stream know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Waits for a worker.
    Pending,
    /// Is worked on.
    Running,
    /// Ended well.
    Completed,
    /// Ended otherwise.
    Failed,
    /// Somebody ended it.
    Cancelled,
}

/// What of the progress has to differ to be told again; the time that is left changes by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    state: String,
    /// Of the whole run, never less than what the viewer has seen.
    pub percent: f64,
    pages: u64,
    pages_total: Option<u64>,
    records: i32,
}

impl Phase {
    /// Of a state of the row.
    pub fn of(state: &str) -> Self {
        match state {
            "queued" | "retry_wait" => Self::Pending,
            "running" | "cancelling" => Self::Running,
            "success" => Self::Completed,
            "cancelled" => Self::Cancelled,
            _ => Self::Failed,
        }
    }

    /// As clients read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing changes any more.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// Why a stream ends after it.
    pub fn farewell(self) -> &'static str {
        match self {
            Self::Completed => "task_completed",
            Self::Cancelled => "task_cancelled",
            _ => "task_failed",
        }
    }
}

impl Task {
    /// Where it is.
    pub fn phase(&self) -> Phase {
        Phase::of(&self.run.state)
    }

    /// What is compared with what was told; not less than `floor` percent.
    pub fn shown(&self, floor: f64) -> Shown {
        Shown {
            state: self.run.state.clone(),
            percent: self.progress.percent.max(floor),
            pages: self.progress.pages_done,
            pages_total: self.progress.pages_total,
            records: self.run.records_processed,
        }
    }

    /// The data of a `task_started`.
    pub fn started(&self, now: DateTime<Utc>) -> String {
        let run = &self.run;
        let data = json!({
            "mode": run.mode, "window_start": run.window_start, "window_end": run.window_end,
            "attempt": run.attempt,
        });
        event(TaskEvent::Started, run.task_id, now, &data)
    }

    /// The data of a `progress_update`.
    pub fn progress(&self, shown: &Shown, now: DateTime<Utc>) -> String {
        let (run, progress) = (&self.run, &self.progress);
        let data = json!({
            "text": self.text(), "value": (shown.percent * 10.0).round() / 1000.0, "state": run.state,
            "pages": progress.pages_done, "pages_total": progress.pages_total,
            "records": run.records_processed, "eta_seconds": progress.eta_seconds,
        });
        event(TaskEvent::Progress, run.task_id, now, &data)
    }

    /// The data of the event that tells the end, whichever it is.
    pub fn ended(&self, now: DateTime<Utc>) -> String {
        let mut data = self.figures();
        if self.phase() == Phase::Completed {
            return event(TaskEvent::Completed, self.run.task_id, now, &data);
        }
        data["error"] = json!(self.public_error());
        event(TaskEvent::Failed, self.run.task_id, now, &data)
    }

    /// What came of it.
    pub fn figures(&self) -> Value {
        let run = &self.run;
        json!({
            "execution_id": run.id, "state": run.state, "records_processed": run.records_processed,
            "duration_seconds": run.duration_seconds, "verdict": run.verdict,
        })
    }

    fn text(&self) -> String {
        let progress = &self.progress;
        match (&*self.run.state, progress.pages_total) {
            ("queued", _) => "Waiting for a worker".to_owned(),
            ("retry_wait", _) => "Waiting for the next attempt".to_owned(),
            ("cancelling", _) => "Being cancelled".to_owned(),
            (_, None) => "Reading".to_owned(),
            (_, Some(total)) => format!("{} of {total} pages read", progress.pages_done),
        }
    }

    /// Who watches has shown no credentials: what exactly went wrong is told to operators only.
    fn public_error(&self) -> &'static str {
        match &*self.run.state {
            "cancelled" => "The run was cancelled",
            "incomplete" => "Not everything could be read",
            "lost" => "The run was given up",
            _ => "The run failed",
        }
    }
}

fn event(kind: TaskEvent, task: Uuid, now: DateTime<Utc>, data: &Value) -> String {
    let timestamp = now.to_rfc3339_opts(SecondsFormat::Millis, true);
    json!({"event_type": kind.as_str(), "task_id": task, "timestamp": timestamp, "data": data})
        .to_string()
}
