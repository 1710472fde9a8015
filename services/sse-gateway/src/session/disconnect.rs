//! Tells the backend that a connection has ended: at least once, with the same id, for as long as it makes sense.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use service_kit::backoff::Backoff;

use super::connection::Reason;
use super::forwarded::Forwarded;
use super::sessions::Sessions;
use super::token::Token;
use crate::infra::backend_api::Called;

/// Pauses grow to this many times the first one.
const LONGEST_PAUSE: u32 = 50;

/// What the backend is told of an end.
#[derive(Debug)]
pub struct Farewell {
    /// Of the connection.
    pub token: Token,
    /// As in its connect.
    pub request: Forwarded,
    /// Why it ended.
    pub reason: Reason,
}

impl Sessions {
    /// Tells it until somebody has taken it, or `CALLBACK_RETRY_SECONDS` are over. `disconnects_pending` counts it
    /// until then, so what a shutdown cuts off is known.
    pub(super) async fn tell(self: Arc<Self>, farewell: Farewell) {
        let id = Uuid::new_v4();
        let Farewell {
            token,
            request,
            reason,
        } = farewell;
        let body = self
            .instance
            .disconnect(token, &request, reason.as_str(), id);
        let give_up = Instant::now() + self.limits.retry_for;
        let cap = self.limits.retry_pause * LONGEST_PAUSE;
        let mut backoff = Backoff::new(self.limits.retry_pause).with_cap(cap);
        while !self.attempt(body.clone()).await {
            let pause = backoff.next(&self.random);
            if Instant::now() + pause > give_up {
                tracing::error!(%token, reason = reason.as_str(), "a disconnect could not be told");
                self.metrics.undelivered.inc();
                // A stop that leaves it behind must say so.
                if self.stopping.is_cancelled() {
                    return;
                }
                break;
            }
            self.metrics.retries.inc();
            sleep(pause).await;
        }
        self.metrics.disconnects_pending.dec();
    }

    /// Whether it is settled: taken, or refused for good.
    async fn attempt(&self, body: bytes::Bytes) -> bool {
        // The semaphore is never closed.
        let _turn = self.turns.acquire().await;
        let started = Instant::now();
        // It is told again in any case.
        let written = AtomicBool::default();
        let called = timeout(self.limits.timeout, self.backend.call(body, &written)).await;
        self.metrics.called("disconnect", started.elapsed());
        match called {
            Ok(Called::Answered { status, .. }) => matches!(status, 200..300 | 400..500),
            Ok(Called::Unreachable(_) | Called::Lost(_)) | Err(_) => false,
        }
    }
}
