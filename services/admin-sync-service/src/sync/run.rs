//! Runs as operators see them. Field names are those of docs/API.md.

use chrono::{DateTime, NaiveDate, Utc};
use farol_core::sync::Progress;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// One run, as a line of the history.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Run {
    /// Its number; later ones are higher.
    pub id: i32,
    /// `update` or `backfill`.
    #[schema(example = "update")]
    pub mode: String,
    /// Where its window begins; unknown while an update waits for a worker.
    pub window_start: Option<DateTime<Utc>>,
    /// The first instant after its window.
    pub window_end: Option<DateTime<Utc>>,
    /// `running`, `success` or `error`: the set that clients of the first contract know.
    #[schema(example = "running")]
    pub status: String,
    /// Records saved, or confirmed unchanged.
    pub records_processed: i32,
    /// While it is not over: since it started.
    pub duration_seconds: f64,
    /// Why it did not end well.
    pub error_message: Option<String>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When the row changed last.
    pub updated_at: DateTime<Utc>,
    /// `queued`, `running`, `retry_wait`, `cancelling`, `success`, `incomplete`, `error`, `cancelled` or `lost`.
    #[schema(example = "queued")]
    pub state: String,
    /// Its name on the task stream.
    pub task_id: Uuid,
    /// When a worker began it.
    pub started_at: Option<DateTime<Utc>>,
    /// When it was over.
    pub finished_at: Option<DateTime<Utc>>,
    /// 1, or one more than that of the run it repeats.
    pub attempt: i32,
    /// Who asked for it.
    pub requested_by: Option<String>,
    /// `complete`, `incomplete` or `suspected_outage`, once it has read what it could.
    pub verdict: Option<String>,
}

/// What only a look at a single run tells, beside its line in the history.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RunDetail {
    /// The line.
    #[serde(flatten)]
    pub run: Run,
    /// The run that this one repeats.
    pub parent_id: Option<i32>,
    /// How often it was taken from a worker that had fallen silent.
    pub rescues: i32,
    /// Who works on it.
    pub worker: Option<String>,
    /// When work was committed last.
    pub progress_at: Option<DateTime<Utc>>,
    /// When it is tried again, in `retry_wait`.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When somebody wanted it to end.
    pub cancel_requested_at: Option<DateTime<Utc>>,
    /// When the broker had its message.
    pub dispatched_at: Option<DateTime<Utc>>,
    /// Whether the broker has, or had, its message.
    pub dispatch: Dispatch,
    /// How far it is.
    pub progress: ProgressView,
    /// What it reads, oldest day first.
    pub segments: Vec<Segment>,
    /// What was done to it, the newest thousand, oldest first.
    pub events: Vec<Event>,
}

/// Whether the broker has the message of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Dispatch {
    /// It has, or had it.
    Published,
    /// Not yet: it gets it when it is back.
    Pending,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct ProgressView {
    /// 0 to 100; 100 only when everything has ended.
    #[schema(minimum = 0, maximum = 100)]
    pub percent: f64,
    /// Pages read.
    pub pages_done: u64,
    /// Pages there are, estimated in part; null before anything is known.
    pub pages_total: Option<u64>,
    /// Seconds to go at the pace so far.
    pub eta_seconds: Option<u64>,
}

impl ProgressView {
    /// The view of `progress` of a run of `run`'s state and duration.
    pub fn of(run: &Run, progress: Option<Progress>) -> Self {
        let over = run.status != "running";
        let Some(progress) = progress else {
            let percent = if run.status == "success" { 100.0 } else { 0.0 };
            return Self {
                percent,
                pages_done: 0,
                pages_total: None,
                eta_seconds: None,
            };
        };
        let elapsed =
            std::time::Duration::try_from_secs_f64(run.duration_seconds).unwrap_or_default();
        Self {
            percent: progress.percent(),
            pages_done: progress.pages_done,
            pages_total: Some(progress.pages_total),
            eta_seconds: progress.eta_seconds(elapsed).filter(|_| !over),
        }
    }
}

/// A part of a run: one endpoint, one modalidade, one range of days.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Segment {
    /// `publicacao`, `atualizacao` or `itens`.
    pub endpoint: String,
    /// The portal's number of the modalidade; 0 for items.
    pub modalidade: i16,
    /// Its first day.
    pub day_from: NaiveDate,
    /// Its last day.
    pub day_to: NaiveDate,
    /// `pending`, `running`, `complete`, `incomplete`, `failed` or `suspected_outage`.
    pub state: String,
    /// Pages read.
    pub pages_done: i32,
    /// Pages there are; unknown before it is opened.
    pub pages_total: Option<i32>,
    /// Records that the portal says there are.
    pub expected: Option<i32>,
    /// Distinct records that were read.
    pub got: i32,
    /// Records that were new.
    pub inserted: i32,
    /// Records that were newer than ours.
    pub updated: i32,
    /// Records that we had.
    pub unchanged: i32,
    /// Records that could not be read, and are put aside.
    pub quarantined: i32,
    /// How often it was begun.
    pub attempts: i32,
    /// The kind of its last failure.
    pub error_class: Option<String>,
    /// Its last failure.
    pub last_error: Option<String>,
    /// Everything before this instant is proven, of a complete segment.
    pub proven_until: Option<DateTime<Utc>>,
}

/// Something that was done to a run.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Event {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub actor: String,
    /// What.
    pub kind: String,
    /// What else there is to say.
    #[schema(value_type = Object)]
    pub detail: Value,
}
