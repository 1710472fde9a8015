//! The duties of the one leader among replicas, again and again: reaper, reconciler, schedule, alarms, and what is
//! known of client APIs. Each is harmless if two do it at once, so a leader that does not know yet that it is none does no
//! damage.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{Reaper, Reconciler, Schedule};
use crate::alerts::Watch;
use crate::infra::connection_repo::RepoError;
use crate::infra::leader_repo::LeaderRepo;
use crate::metrics::KeeperMetrics;
use crate::neighbours::SyncState;
use crate::outbox::Bell;

/// A round that takes longer has failed: a database may be gone without a word.
const ROUND: Duration = Duration::from_secs(10);

/// What the leader does.
pub struct Duties {
    /// The seat.
    pub seat: LeaderRepo,
    /// Expired leases, cancels, waits.
    pub reaper: Reaper,
    /// Lost messages.
    pub reconciler: Reconciler,
    /// Updates.
    pub schedule: Schedule,
    /// Incidents.
    pub watch: Watch,
    /// How client APIs do.
    pub sync_state: SyncState,
    /// Wakes the relay.
    pub bell: Bell,
    /// `KEEPER_TICK_MS`: the pause between two rounds.
    pub tick: Duration,
    /// What it counts.
    pub metrics: KeeperMetrics,
}

impl Duties {
    /// Goes on until the process stops, and leaves the seat to others then.
    pub async fn run(mut self, stopping: CancellationToken) {
        stopping.run_until_cancelled(self.rounds()).await;
        self.seat.resign().await;
    }

    async fn rounds(&mut self) {
        let mut trouble = None;
        loop {
            let round = timeout(ROUND, self.round()).await;
            let error = match round {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some("a round took too long".to_owned()),
            };
            if error.is_some() {
                self.metrics.leads(false);
            }
            match (&error, &trouble) {
                (Some(error), None) => tracing::warn!(error, "runs are not looked after"),
                (None, Some(_)) => tracing::info!("runs are looked after again"),
                _ => {}
            }
            trouble = error;
            sleep(self.tick).await;
        }
    }

    async fn round(&mut self) -> Result<(), RepoError> {
        let leads = self.seat.leads().await;
        self.metrics.leads(*leads.as_ref().unwrap_or(&false));
        if !leads? {
            return Ok(());
        }
        let reaped = self.reaper.look().await?;
        let announced = self.reconciler.look().await?;
        if self.schedule.look().await? || announced || reaped {
            self.bell.ring();
        }
        self.watch.look().await?;
        self.sync_state.look().await;
        Ok(())
    }
}
