//! Where messages go that nobody can read: a durable queue beside the one they came from, with the reason.

use std::time::Duration;

use chrono::SecondsFormat;
use farol_core::sync::Unusable;
use farol_core::sync::topology::{AT_HEADER, ORIGINAL_ID_HEADER, REASON_HEADER};
use service_kit::backoff::Backoff;
use service_kit::broker::{Outgoing, Publisher};
use service_kit::clock::Clock;
use service_kit::random::Random;
use tokio::time::{Instant, sleep};

/// How long one confirm is waited for.
const CONFIRM: Duration = Duration::from_secs(5);
/// So long a dead letter may hold up the messages behind it.
const PATIENCE: Duration = Duration::from_secs(10);

/// The queue of dead letters.
pub struct DeadLetters {
    /// This process's publishing end.
    pub publisher: Publisher,
    /// Its name.
    pub queue: String,
    /// Dates the letters.
    pub clock: Clock,
    /// Spreads retries.
    pub random: Random,
}

impl DeadLetters {
    /// Puts a message there and returns once the broker has confirmed it: only then may the original be acknowledged.
    /// False where it is not confirmed in [`PATIENCE`]: then the original has to stay in its queue.
    pub async fn put(&self, body: &[u8], message_id: Option<&str>, why: &Unusable) -> bool {
        let reason = why.reason;
        tracing::warn!(
            reason,
            detail = why.detail,
            message_id,
            "a message that nobody can read"
        );
        let mut backoff = Backoff::new(Duration::from_millis(250));
        let patient_until = Instant::now() + PATIENCE;
        while let Err(error) = self.try_put(body, message_id, reason).await {
            tracing::warn!(%error, "the dead letter is not confirmed yet");
            if Instant::now() >= patient_until {
                return false;
            }
            sleep(backoff.next(&self.random)).await;
        }
        true
    }

    async fn try_put(
        &self,
        body: &[u8],
        message_id: Option<&str>,
        reason: &str,
    ) -> Result<(), service_kit::broker::PublishError> {
        let at = self
            .clock
            .now()
            .to_rfc3339_opts(SecondsFormat::Millis, true);
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut headers = vec![header(REASON_HEADER, reason), header(AT_HEADER, &at)];
        headers.extend(message_id.map(|id| header(ORIGINAL_ID_HEADER, id)));
        let letter = Outgoing {
            queue: self.queue.clone(),
            body: body.to_vec(),
            message_id: message_id.map(str::to_owned),
            headers,
        };
        self.publisher.publish(&letter, CONFIRM).await
    }
}
