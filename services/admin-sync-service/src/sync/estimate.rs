//! POST /sync/estimate: what a forced run would be, before anybody asks for it. Nothing is written, and the portal is not
//! asked.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use farol_core::sync::{FieldProblem, Window, plan};
use serde::Serialize;
use service_kit::clock::Clock;
use utoipa::ToSchema;

use super::{BadRequest, DeskError, ForceRequest};
use crate::infra::estimate_repo::EstimateRepo;
use crate::infra::execution_repo::ExecutionRepo;

/// An update reaches back at least and at most so far: the defaults of `ROLLING_WINDOW_MINUTES` and `MAX_CATCHUP_DAYS`, which
/// are the ingestor's.
const ROLLING: TimeDelta = TimeDelta::minutes(15);
const CATCH_UP: TimeDelta = TimeDelta::days(10);

/// Estimates runs.
pub struct Estimator {
    /// What is remembered.
    pub repo: EstimateRepo,
    /// What is in the way.
    pub executions: ExecutionRepo,
    /// Judges the dates of requests.
    pub clock: Clock,
    /// `SYNC_TIMEZONE`.
    pub zone: Tz,
    /// What every run asks for.
    pub modalidades: Vec<i16>,
}

/// What a run would be.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Estimate {
    /// `update` or `backfill`.
    #[schema(example = "backfill")]
    pub mode: String,
    /// Where its window begins; of an update: about, for it is fixed when a worker takes it.
    pub window_start: DateTime<Utc>,
    /// The first instant after its window.
    pub window_end: DateTime<Utc>,
    /// Days of the portal that it touches.
    pub days: usize,
    /// Parts that it reads: each modalidade of each day.
    pub segments: usize,
    /// Pages of these.
    pub pages: u64,
    /// Records on them.
    pub records: u64,
    /// Requests for items of what is new, as far as runs of this mode have read items lately.
    pub item_pages: u64,
    /// How long pages and items take at this pace.
    pub seconds: u64,
    /// Requests a second: the present pace of the ingestor, or 1 where none has told lately.
    pub pace_per_second: f64,
    /// Where the sizes are from.
    pub basis: Basis,
    /// The live run for which it would be refused.
    pub blocking_id: Option<i32>,
}

/// Where the sizes of an estimate are from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// All from what was read before.
    History,
    /// Some from what is usual at the portal: nothing like it has been read here.
    Guess,
}

impl Estimator {
    /// What a forced run of this body would be.
    ///
    /// # Errors
    /// [`DeskError`], for whatever a force would refuse but for a run in its way.
    pub async fn estimate(&self, body: &[u8]) -> Result<Estimate, DeskError> {
        let now = self.clock.now();
        let request = ForceRequest::parse(body, self.zone, now)?;
        let mode = request.mode();
        let window = match request.window() {
            Some(window) => window,
            None => self.of_update(now).await?,
        };
        let blocking_id = self.executions.in_the_way(mode, request.window()).await?;
        let experience = self.repo.read(mode, &window, &self.modalidades).await?;
        let planned = plan(mode, &window, &self.modalidades, self.zone);
        let forecast = experience.of(&planned);
        let requests = forecast.size.pages + forecast.item_pages;
        Ok(Estimate {
            mode: mode.as_str().to_owned(),
            window_start: window.start(),
            window_end: window.end(),
            days: window.days(self.zone).len(),
            segments: planned.len(),
            pages: whole(forecast.size.pages),
            records: whole(forecast.size.records),
            item_pages: whole(forecast.item_pages),
            seconds: whole(requests / forecast.pace),
            pace_per_second: forecast.pace,
            basis: if forecast.guessed {
                Basis::Guess
            } else {
                Basis::History
            },
            blocking_id,
        })
    }

    /// From where the last good update ended: what is not proven begins there, or near.
    async fn of_update(&self, now: DateTime<Utc>) -> Result<Window, DeskError> {
        let (earliest, latest) = (now - CATCH_UP, now - ROLLING);
        let reached = self.repo.last_update().await?;
        let start = reached.map_or(latest, |it| it.clamp(earliest, latest));
        Window::new(start, now).map_err(|error| {
            let field = FieldProblem {
                field: "mode",
                detail: format!("the window of an update {error}"),
            };
            DeskError::Request(BadRequest::Fields(vec![field]))
        })
    }
}

/// Rounded up: an estimate of nothing is for nothing only.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sums of counts are far below and never negative; a cast saturates"
)]
fn whole(sum: f64) -> u64 {
    sum.ceil() as u64
}
