//! The task that listens for the doorbell of runs. Its connection may die without a word: viewers are looked after every
//! now and then in any case, and it is opened anew.

use std::time::Duration;

use prometheus::IntGauge;
use service_kit::backoff::Backoff;
use service_kit::random::Random;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::lobby::Wakes;
use crate::infra::connection_repo::RepoError;
use crate::infra::doorbell_repo::DoorbellRepo;

/// Listens, one connection per process.
pub struct Ringing {
    /// Where the doorbell is.
    pub doorbell: DoorbellRepo,
    /// Whom it wakes.
    pub wakes: Wakes,
    /// Spreads attempts.
    pub random: Random,
    /// 1 while it listens.
    pub listening: IntGauge,
}

impl Ringing {
    /// Goes on until the process stops.
    pub async fn run(self, stopping: CancellationToken) {
        stopping.run_until_cancelled(self.attempts()).await;
    }

    async fn attempts(&self) {
        let mut backoff = Backoff::new(Duration::from_millis(100));
        loop {
            if let Err(error) = self.listen(&mut backoff).await {
                tracing::warn!(%error, "the doorbell of runs cannot be heard");
            }
            self.listening.set(0);
            sleep(backoff.next(&self.random)).await;
        }
    }

    async fn listen(&self, backoff: &mut Backoff) -> Result<(), RepoError> {
        let mut listener = self.doorbell.listen().await?;
        self.listening.set(1);
        backoff.reset();
        loop {
            // Once at the beginning too: what rang before is over.
            self.wakes.run.notify_one();
            listener.rung().await?;
        }
    }
}
