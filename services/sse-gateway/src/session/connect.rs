//! The connect callback: in a task of its own, so that a client that leaves does not abort it, and settled whatever
//! happens.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::time::{sleep, timeout};

use super::connection::{Connection, Settled};
use super::sessions::Sessions;
use crate::infra::backend_api::Called;

/// Why a client gets no stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The backend said so, with this status.
    Backend(u16),
    /// It cannot be reached, or hung up.
    Unavailable,
    /// It has not answered in time.
    Timeout,
    /// There is no backend.
    NotConfigured,
    /// All places are taken.
    Full,
    /// The gateway is stopping.
    Draining,
}

impl Sessions {
    /// Tells the backend of `connection`, and settles it with the answer.
    pub(super) async fn call(self: Arc<Self>, connection: Arc<Connection>) {
        let body = self.instance.connect(connection.token, &connection.request);
        let started = tokio::time::Instant::now();
        let written = AtomicBool::default();
        let called = tokio::select! {
            called = self.backend.call(body, &written) => Some(called),
            () = self.patience() => None,
        };
        self.metrics.called("connect", started.elapsed());
        let (outcome, settled) = match called {
            Some(called) => self.judge(called),
            None if written.into_inner() => ("timeout", Settled::Unknown(Refusal::Timeout)),
            // What was never sent is known to nobody.
            None => ("timeout", Settled::Rejected(Refusal::Timeout)),
        };
        self.metrics.connected(outcome);
        // In this order: whoever sees that all is settled sees what follows from it.
        self.follow(&connection, connection.settle(settled));
        self.metrics.connects_pending.dec();
    }

    /// Resolves when a connect is not waited for any longer.
    async fn patience(&self) {
        let stop = async {
            self.stopping.cancelled().await;
            sleep(self.limits.drain).await;
        };
        let _ = timeout(self.limits.settle, stop).await;
    }

    fn judge(&self, called: Called) -> (&'static str, Settled) {
        match called {
            Called::Answered { status, body } if (200..300).contains(&status) => {
                ("accepted", Settled::Accepted(self.answer(&body)))
            }
            Called::Answered { status, .. } => {
                // A 4xx is about this client. All else (5xx, a redirect) is about the backend, which alerts must see.
                let refuses = (400..500).contains(&status);
                let outcome = if refuses { "rejected" } else { "failed" };
                (outcome, Settled::Rejected(Refusal::Backend(status)))
            }
            Called::Unreachable(why) => {
                tracing::warn!(why, "the backend cannot be reached");
                ("unavailable", Settled::Rejected(Refusal::Unavailable))
            }
            Called::Lost(why) => {
                tracing::warn!(why, "the backend hung up on a connect");
                ("lost", Settled::Unknown(Refusal::Unavailable))
            }
        }
    }

    /// A backend that answers nonsense has accepted all the same.
    fn answer(&self, body: &[u8]) -> Option<super::Order> {
        if body.is_empty() {
            return None;
        }
        let answer = self.style.answer(body);
        answer
            .inspect_err(|bad| tracing::warn!(?bad, "the answer to a connect is ignored"))
            .ok()
    }
}
