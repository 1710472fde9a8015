//! GET /sync/status: the newest run, and what else an operator looks at first.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Dispatch, ProgressView, Run};

/// What the database knows of the present.
#[derive(Debug, Clone, PartialEq)]
pub struct Newest {
    /// The newest run, how far it is, and whether the broker has its message.
    pub run: Option<(Run, ProgressView, Dispatch)>,
    /// The newest run that went well.
    pub last_success: Option<LastSuccess>,
    /// The source, where an ingestor has ever told of it.
    pub source: Option<Source>,
}

/// The newest run; before the first one, `status` is `idle` and the rest null or 0.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CurrentStatus {
    /// When the newest run was asked for.
    pub last_execution: Option<DateTime<Utc>>,
    /// `idle`, `running`, `success` or `error`.
    #[schema(example = "running")]
    pub status: String,
    /// `update` or `backfill`.
    pub mode: Option<String>,
    /// Where its window begins.
    pub window_start: Option<DateTime<Utc>>,
    /// The first instant after its window.
    pub window_end: Option<DateTime<Utc>>,
    /// Records saved, or confirmed unchanged, so far.
    pub records_processed: i32,
    /// While it is not over: since it started.
    pub duration_seconds: f64,
    /// Why it did not end well.
    pub error_message: Option<String>,
    /// When its row changed last.
    pub last_updated: Option<DateTime<Utc>>,
    /// Its number.
    pub id: Option<i32>,
    /// Its name on the task stream.
    pub task_id: Option<Uuid>,
    /// The whole truth behind `status`.
    pub state: Option<String>,
    /// How far it is.
    pub progress: Option<ProgressView>,
    /// The newest run that went well.
    pub last_success: Option<LastSuccess>,
    /// How the portal is doing.
    pub source: Source,
    /// Whether the broker has its message.
    pub dispatch: Option<Dispatch>,
}

/// The newest run that went well.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct LastSuccess {
    /// Its number.
    pub id: i32,
    /// The first instant after its window.
    pub window_end: Option<DateTime<Utc>>,
    /// When it was over.
    pub finished_at: Option<DateTime<Utc>>,
}

/// How the portal is doing, as the ingestor finds it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Source {
    /// `ok`, `degraded` or `down`; down too where nobody has told for 30 s.
    #[schema(example = "ok")]
    pub state: String,
    /// Since when; null where nobody has ever told.
    pub since: Option<DateTime<Utc>>,
    /// `closed`, `open` or `half_open`.
    pub breaker: Option<String>,
    /// Requests a second.
    pub pace_per_second: Option<f64>,
}

impl Source {
    /// No ingestor has ever told of it.
    fn unheard_of() -> Self {
        Self {
            state: "down".to_owned(),
            since: None,
            breaker: None,
            pace_per_second: None,
        }
    }
}

impl From<Newest> for CurrentStatus {
    fn from(newest: Newest) -> Self {
        let idle = Self {
            last_execution: None,
            status: "idle".to_owned(),
            mode: None,
            window_start: None,
            window_end: None,
            records_processed: 0,
            duration_seconds: 0.0,
            error_message: None,
            last_updated: None,
            id: None,
            task_id: None,
            state: None,
            progress: None,
            last_success: newest.last_success,
            source: newest.source.unwrap_or_else(Source::unheard_of),
            dispatch: None,
        };
        let Some((run, progress, dispatch)) = newest.run else {
            return idle;
        };
        Self {
            last_execution: Some(run.created_at),
            status: run.status,
            mode: Some(run.mode),
            window_start: run.window_start,
            window_end: run.window_end,
            records_processed: run.records_processed,
            duration_seconds: run.duration_seconds,
            error_message: run.error_message,
            last_updated: Some(run.updated_at),
            id: Some(run.id),
            task_id: Some(run.task_id),
            state: Some(run.state),
            progress: Some(progress),
            dispatch: Some(dispatch),
            ..idle
        }
    }
}
