//! The reaper: what has an expired lease, a passed cancel deadline or a wait that is over is moved on. What is only
//! old is swept away here, too.

use std::time::Duration;

use crate::infra::connection_repo::RepoError;
use crate::infra::keeper_repo::{KeeperRepo, Moved};
use crate::infra::sweep_repo::SweepRepo;
use crate::metrics::KeeperMetrics;

/// Looks after runs that have lost whoever looked after them.
#[derive(Clone, Debug)]
pub struct Reaper {
    /// Runs.
    pub repo: KeeperRepo,
    /// What is old.
    pub sweep: SweepRepo,
    /// `RETENTION_DAYS`: how long runs that are over are kept; 0 = for ever.
    pub retention_days: u32,
    /// `MAX_RESCUES`: how often a run is taken from a silent worker.
    pub max_rescues: u32,
    /// `CANCEL_SECONDS`: how long a worker has to notice a cancel.
    pub cancel_after: Duration,
    /// What it counts.
    pub metrics: KeeperMetrics,
}

impl Reaper {
    /// One look at all runs. Says whether a message waits in the outbox now.
    ///
    /// # Errors
    /// Of the database; what was moved before stays moved.
    pub async fn look(&self) -> Result<bool, RepoError> {
        let lost = self.repo.lose(self.max_rescues).await?;
        self.tell("lost", &lost);
        let rescued = self.repo.rescue(self.max_rescues).await?;
        self.tell("rescued", &rescued);
        self.metrics.leases_expired(lost.len() + rescued.len());
        let cancelled = self.repo.cancel_overdue(self.cancel_after).await?;
        self.tell("cancelled", &cancelled);
        let due = self.repo.wake_due().await?;
        self.tell("due", &due);
        self.sweep.forget().await?;
        if self.retention_days > 0 {
            self.sweep.retire(self.retention_days).await?;
        }
        Ok(!rescued.is_empty() || !due.is_empty())
    }

    fn tell(&self, kept: &'static str, runs: &[Moved]) {
        self.metrics.moved(kept, runs.len());
        for run in runs {
            let (worker, rescues) = (run.worker.as_deref(), run.rescues);
            let (execution_id, mode) = (run.id, run.mode.as_str());
            tracing::warn!(
                execution_id,
                mode,
                worker,
                rescues,
                "a run was moved: {kept}"
            );
        }
    }
}
