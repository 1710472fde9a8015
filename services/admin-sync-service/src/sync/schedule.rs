//! The schedule of updates. When one is due is decided in the transaction that makes it, so two schedulers at once
//! make one run.

use std::time::Duration;

use crate::infra::connection_repo::RepoError;
use crate::infra::schedule_repo::ScheduleRepo;
use crate::metrics::KeeperMetrics;

/// Makes an update when it is due.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Updates.
    pub repo: ScheduleRepo,
    /// `SYNC_INTERVAL_MINUTES`; `None` = only when somebody asks.
    pub every: Option<Duration>,
    /// What it counts.
    pub metrics: KeeperMetrics,
}

impl Schedule {
    /// One look at the clock. Says whether a message waits in the outbox now.
    ///
    /// # Errors
    /// Of the database.
    pub async fn look(&self) -> Result<bool, RepoError> {
        let Some(every) = self.every else {
            return Ok(false);
        };
        let made = self.repo.enqueue_if_due(every).await?;
        if let Some(execution_id) = made {
            self.metrics.moved("scheduled", 1);
            tracing::info!(execution_id, "an update is scheduled");
        }
        Ok(made.is_some())
    }
}
