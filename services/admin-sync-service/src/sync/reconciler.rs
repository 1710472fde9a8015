//! The reconciler: a run that is queued and that nobody claims is announced again. A message may be lost with a
//! purged queue or a broker's disk; the row is not.

use std::time::Duration;

use crate::infra::connection_repo::RepoError;
use crate::infra::keeper_repo::KeeperRepo;
use crate::metrics::KeeperMetrics;

/// Compares what is queued with what was announced.
#[derive(Clone, Debug)]
pub struct Reconciler {
    /// Runs.
    pub repo: KeeperRepo,
    /// `REQUEUE_SECONDS`: how long a message may go without a claim.
    pub after: Duration,
    /// What it counts.
    pub metrics: KeeperMetrics,
}

impl Reconciler {
    /// One look at all queued runs. Says whether a message waits in the outbox now.
    ///
    /// # Errors
    /// Of the database.
    pub async fn look(&self) -> Result<bool, RepoError> {
        let announced = self.repo.announce_again(self.after).await?;
        self.metrics.moved("announced", announced.len());
        for run in &announced {
            tracing::info!(
                execution_id = run.id,
                mode = run.mode,
                "a queued run is announced again"
            );
        }
        Ok(!announced.is_empty())
    }
}
