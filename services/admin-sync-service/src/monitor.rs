//! The task that keeps figures fresh: `/metrics` and `/status` answer from memory, never by asking the database.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::infra::connection_repo::RepoError;
use crate::infra::figure_repo::FigureRepo;
use crate::infra::outbox_repo::OutboxRepo;
use crate::infra::publisher::Publisher;
use crate::metrics::MonitorMetrics;

/// A round that takes longer has failed.
const ROUND: Duration = Duration::from_secs(20);
/// How long the broker may take to count a queue.
const COUNT_WITHIN: Duration = Duration::from_secs(2);

/// Reads figures again and again.
pub struct Monitor {
    /// Runs.
    pub figures: FigureRepo,
    /// Messages.
    pub outbox: OutboxRepo,
    /// Dead letters.
    pub publisher: Publisher,
    /// Where they go.
    pub metrics: MonitorMetrics,
    /// What `/status` answers.
    pub board: Board,
    /// The pause between two rounds.
    pub every: Duration,
}

/// The newest answer for `/status`. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<Value>>);

impl Board {
    /// What was read last.
    pub fn read(&self) -> Value {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn write(&self, value: Value) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = value;
    }
}

impl Monitor {
    /// Goes on until the process stops.
    pub async fn run(self, stopping: CancellationToken) {
        stopping.run_until_cancelled(self.rounds()).await;
    }

    async fn rounds(&self) {
        let mut since = None;
        loop {
            // The database being away is told by whoever watches it; the last figures stand meanwhile.
            if let Ok(Ok(until)) = timeout(ROUND, self.round(since)).await {
                since = Some(until);
            }
            sleep(self.every).await;
        }
    }

    async fn round(&self, since: Option<DateTime<Utc>>) -> Result<DateTime<Utc>, RepoError> {
        let dead = self.publisher.dead_letters(COUNT_WITHIN).await;
        if let Some(dead) = dead {
            self.metrics.dead_letters.set(i64::from(dead));
        }
        let pending = self.outbox.pending().await?;
        self.metrics.outbox_pending.set(pending.count);
        self.metrics
            .outbox_oldest_age
            .set(pending.oldest_age_seconds);
        for (mode, at) in self.figures.last_successes().await? {
            self.metrics.succeeded(&mode, at);
        }
        let waits = self.figures.waits(since).await?;
        for seconds in waits.seconds {
            self.metrics.queue_wait.observe(seconds);
        }
        let mut status = self.figures.present().await?;
        status["outbox"] =
            json!({"pending": pending.count, "oldest_age_seconds": pending.oldest_age_seconds});
        status["dead_letters"] = json!(dead);
        self.board.write(status);
        Ok(waits.until)
    }
}
