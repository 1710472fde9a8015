//! The relay: claims letters of the outbox, publishes them, and marks what the broker has confirmed. A crash between
//! confirm and mark publishes twice, which the claim of the run makes harmless; nothing is ever marked unpublished.

use std::time::Duration;

use service_kit::backoff::Backoff;
use service_kit::random::Random;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Bell;
use crate::infra::connection_repo::RepoError;
use crate::infra::outbox_repo::{Letter, OutboxRepo};
use crate::infra::publisher::{Publisher, Undelivered};

/// The next look where nobody rings: another replica may have written, or died with a claim.
const LOOK: Duration = Duration::from_secs(1);
/// Letters claimed at once.
const BATCH: u8 = 16;
/// For one confirm.
const CONFIRM_WITHIN: Duration = Duration::from_secs(5);
/// Nobody else gets a claimed letter for this long. A batch ends at the first silence; one that takes longer all the
/// same is published twice in part, which does no harm.
const HOLD: Duration = Duration::from_secs(20);
/// The longest wait of the relay while broker or database are away.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// The longest wait of one letter that the broker does not take.
const LONGEST_LETTER_WAIT: Duration = Duration::from_secs(30);

/// Publishes the outbox.
pub struct Relay {
    /// Letters.
    pub outbox: OutboxRepo,
    /// The broker.
    pub publisher: Publisher,
    /// Wakes the relay, and is told of confirms.
    pub bell: Bell,
    /// Spreads attempts.
    pub random: Random,
}

/// What came of a look at the outbox.
enum Look {
    /// Nothing is due.
    Idle,
    /// Something was, and more may be.
    Busy,
    /// Broker or database are away.
    Away,
}

impl Relay {
    /// Goes on until the process stops; a letter that is under way then is finished first.
    pub async fn run(self, stopping: CancellationToken) {
        let mut backoff = Backoff::new(Duration::from_millis(100)).with_cap(LONGEST_WAIT);
        while !stopping.is_cancelled() {
            match self.look().await {
                Look::Busy => backoff.reset(),
                Look::Idle => {
                    backoff.reset();
                    let rung = timeout(LOOK, self.bell.rung());
                    stopping.run_until_cancelled(rung).await;
                }
                Look::Away => {
                    let wait = backoff.next(&self.random);
                    stopping.run_until_cancelled(sleep(wait)).await;
                }
            }
        }
    }

    async fn look(&self) -> Look {
        // A letter in the hands of a replica without a broker is kept from those that have one.
        if !self.publisher.connected() {
            return Look::Away;
        }
        // Whoever watches the database tells that it is away.
        let Ok(letters) = self.outbox.claim(i64::from(BATCH), HOLD).await else {
            return Look::Away;
        };
        if letters.is_empty() {
            return Look::Idle;
        }
        let mut away = None;
        for letter in &letters {
            // The rest of the batch would wait as long, one after the other.
            let outcome = match away {
                None => self.publisher.deliver(letter, CONFIRM_WITHIN).await,
                Some(error) => Err(error),
            };
            if let Err(error @ Undelivered::Away(_)) = outcome {
                away = Some(error);
            }
            if self.note(letter, outcome).await.is_err() {
                return Look::Away;
            }
        }
        if away.is_some() {
            Look::Away
        } else {
            Look::Busy
        }
    }

    /// Writes what came of a letter.
    async fn note(
        &self,
        letter: &Letter,
        outcome: Result<(), Undelivered>,
    ) -> Result<(), RepoError> {
        let (outbox_id, execution_id, attempts) = (letter.id, letter.execution_id, letter.attempts);
        match outcome {
            Ok(()) => {
                self.outbox.published(letter.id).await?;
                self.bell.confirmed(letter.id);
                tracing::debug!(outbox_id, execution_id, attempts, "published");
                Ok(())
            }
            Err(error) => {
                // One that nobody takes is told once, not with every attempt.
                if attempts == 1 {
                    tracing::warn!(outbox_id, execution_id, %error, "not published, tried again");
                }
                let wait = self.wait(letter, error);
                self.outbox
                    .failed(letter.id, &error.to_string(), wait)
                    .await
            }
        }
    }

    /// While the broker is away the relay itself waits, and goes on with all letters as soon as it is back.
    fn wait(&self, letter: &Letter, error: Undelivered) -> Duration {
        match error {
            Undelivered::Away(_) => Duration::ZERO,
            Undelivered::Letter(_) => {
                let doublings = u32::try_from(letter.attempts - 1).unwrap_or(0).min(12);
                let wait = Duration::from_millis(100) * 2_u32.saturating_pow(doublings);
                self.random.jitter(wait.min(LONGEST_LETTER_WAIT), 0.2)
            }
        }
    }
}
