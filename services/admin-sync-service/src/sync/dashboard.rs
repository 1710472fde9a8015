//! GET /sync/dashboard: how the last days went, as strings to show and as numbers to compute with.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use utoipa::ToSchema;

use super::CurrentStatus;
use crate::infra::connection_repo::RepoError;
use crate::infra::dashboard_repo::DashboardRepo;
use crate::infra::run_repo::RunRepo;

/// Figures of the runs of some days. Durations and waits are in seconds, null where there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// All of them.
    pub runs: i64,
    /// Those of the last 24 hours.
    pub last_24h: i64,
    /// All went well.
    pub success: i64,
    /// Not all went well; cancelled ones are in neither.
    pub error: i64,
    /// Records saved or confirmed unchanged.
    pub records: i64,
    /// The mean duration of those that are over.
    pub duration_mean: Option<f64>,
    /// Half of them were quicker.
    pub duration_p50: Option<f64>,
    /// 95 of 100 were quicker.
    pub duration_p95: Option<f64>,
    /// 95 of 100 waited less for a worker.
    pub queue_wait_p95: Option<f64>,
}

/// One day in `SYNC_TIMEZONE`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DayFigures {
    /// Which.
    pub day: NaiveDate,
    /// Runs asked for that day that went well.
    pub success: i64,
    /// Runs asked for that day that did not, without the cancelled.
    pub error: i64,
    /// Runs asked for that day that were cancelled.
    pub cancelled: i64,
    /// Runs asked for that day that are not over: they wait, run, or wait to run again.
    pub running: i64,
    /// Records that its runs saved or confirmed unchanged.
    pub records: i64,
    /// Half of those that are over were quicker; null where none is.
    pub duration_p50_seconds: Option<f64>,
    /// 95 of 100 were quicker.
    pub duration_p95_seconds: Option<f64>,
    /// 95 of 100 waited less for a worker; null where none was taken.
    pub queue_wait_p95_seconds: Option<f64>,
}

/// Runs that failed alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ErrorClass {
    /// The most frequent kind of failure among its segments, else the state of the run.
    #[schema(example = "overloaded")]
    pub class: String,
    /// How many.
    pub count: i64,
    /// When the newest of them was asked for.
    pub last_seen: DateTime<Utc>,
    /// The newest of them.
    pub example_id: i32,
}

/// How the last days went.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DashboardView {
    /// Runs asked for in these days.
    pub total_executions: i64,
    /// To show: of those that went well or did not, how many went well.
    #[schema(example = "92.3%")]
    pub success_rate: String,
    /// To show: the mean of those that are over.
    #[schema(example = "45.2")]
    pub avg_duration_seconds: String,
    /// Runs asked for in the last 24 hours.
    pub last_24h_executions: i64,
    /// As GET /sync/status.
    pub current_status: CurrentStatus,
    /// 0 to 1; null where none ended.
    pub success_rate_ratio: Option<f64>,
    /// Half of those that are over were quicker.
    pub duration_p50_seconds: Option<f64>,
    /// 95 of 100 were quicker.
    pub duration_p95_seconds: Option<f64>,
    /// Records saved or confirmed unchanged.
    pub records_total: i64,
    /// 95 of 100 waited less for a worker.
    pub queue_wait_p95_seconds: Option<f64>,
    /// `SYNC_INTERVAL_MINUTES`: an update that takes longer delays the next. 0 where nobody starts them.
    #[schema(example = 15)]
    pub update_interval_minutes: u32,
    /// Every day, oldest first, in `SYNC_TIMEZONE`.
    pub per_day: Vec<DayFigures>,
    /// What failed, most frequent first, at most 20.
    pub errors: Vec<ErrorClass>,
}

/// The dashboard.
pub struct Dashboard {
    /// Figures.
    pub repo: DashboardRepo,
    /// The present.
    pub runs: RunRepo,
    /// `SYNC_TIMEZONE`: whose days.
    pub zone: Tz,
    /// `SYNC_INTERVAL_MINUTES`.
    pub interval: u32,
}

impl Dashboard {
    /// Everything over runs that were asked for in the last `days`.
    ///
    /// # Errors
    /// Of the database.
    pub async fn view(&self, days: u16) -> Result<DashboardView, RepoError> {
        let (figures, per_day, errors) = self.repo.read(days, self.zone).await?;
        let ratio = ratio(figures.success, figures.success + figures.error);
        Ok(DashboardView {
            total_executions: figures.runs,
            success_rate: format!("{:.1}%", ratio.unwrap_or_default() * 100.0),
            avg_duration_seconds: format!("{:.1}", figures.duration_mean.unwrap_or_default()),
            last_24h_executions: figures.last_24h,
            current_status: self.runs.newest().await?.into(),
            success_rate_ratio: ratio,
            duration_p50_seconds: figures.duration_p50,
            duration_p95_seconds: figures.duration_p95,
            records_total: figures.records,
            queue_wait_p95_seconds: figures.queue_wait_p95,
            update_interval_minutes: self.interval,
            per_day,
            errors,
        })
    }
}

/// `None` of nothing.
#[expect(
    clippy::cast_precision_loss,
    reason = "a share of counts, told to one decimal"
)]
fn ratio(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
