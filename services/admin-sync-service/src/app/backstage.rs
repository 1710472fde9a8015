//! What operators see of everything behind the API: the other services, and dead letters. Built here.

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::StartError;
use super::machinery::Machinery;
use crate::dead_letters::DeadLetters;
use crate::infra::audit_repo::AuditRepo;
use crate::infra::incident_repo::IncidentRepo;
use crate::infra::publisher::Publisher;
use crate::infra::run_repo::RunRepo;
use crate::metrics::DeadLetterMetrics;
use crate::monitor::Board;
use crate::neighbours::{Neighbours, System};
use crate::projects::Trials;

/// What the handlers get of it.
pub struct Backstage {
    /// The other services.
    pub neighbours: Neighbours,
    /// Everything's present.
    pub system: System,
    /// Messages that nobody could read.
    pub dead_letters: DeadLetters,
    /// The way to client APIs.
    pub trials: Trials,
}

impl Machinery<'_> {
    /// Everything's present.
    pub fn system(&self, neighbours: Neighbours, board: Board, started: Instant) -> System {
        System {
            neighbours,
            readiness: self.lifecycle.readiness(),
            started,
            board,
            incidents: IncidentRepo::new(self.pool.clone()),
            runs: RunRepo::new(self.pool.clone()),
            queue: self.settings.queue.queue_name.clone(),
            clock: self.lifecycle.clock(),
        }
    }

    /// What operators do with dead letters.
    ///
    /// # Errors
    /// Of the metrics.
    pub fn dead_letters(&self, publisher: Publisher) -> Result<DeadLetters, StartError> {
        Ok(DeadLetters {
            publisher,
            audit: AuditRepo::new(self.pool.clone()),
            turn: Semaphore::new(1),
            metrics: DeadLetterMetrics::register(self.metrics)?,
        })
    }
}
