//! The task that keeps an eye on the gateway: whether it is there, and whether it holds open what we believe it does.

use std::time::Duration;

use gateway_client::ConnectionManager;
use service_kit::lifecycle::Latch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::lobby::{Arrival, Lobby, Wakes};
use super::room::{VERSION, identifier};
use crate::infra::readyz_api::ReadyzApi;

/// Clients from before this process are taken over for so long after its start: the process before it may drain
/// meanwhile. Later ones belong to a replica of ours.
const TAKEN_OVER_WITHIN: Duration = Duration::from_mins(1);

/// Watches the gateway.
pub struct Neighbour {
    /// Whether it is ready.
    pub readyz: ReadyzApi,
    /// Who is connected.
    pub manager: ConnectionManager,
    /// Where clients from before are taken in.
    pub lobby: Lobby,
    /// Says that it is time to look.
    pub wakes: Wakes,
    /// What operators see.
    pub check: Latch,
    /// Between two looks.
    pub every: Duration,
}

impl Neighbour {
    /// Goes on until the process stops.
    pub async fn run(self, stopping: CancellationToken) {
        stopping.run_until_cancelled(self.looks()).await;
    }

    async fn looks(&self) {
        let started = Instant::now();
        let mut seen = false;
        loop {
            match self.readyz.ask().await {
                Ok(()) => self.check.ready(),
                Err(error) => self.check.degraded(error),
            }
            let takes_over = !seen || started.elapsed() < TAKEN_OVER_WITHIN;
            seen |= self.compare(takes_over).await;
            tokio::select! {
                () = self.wakes.gateway.notified() => {}
                () = sleep(self.every) => {}
            }
        }
    }

    /// Whether the gateway told what it holds open.
    async fn compare(&self, takes_over: bool) -> bool {
        let reconciled = match self.manager.reconcile().await {
            Ok(reconciled) => reconciled,
            Err(error) => {
                tracing::debug!(%error, "the gateway's connections are not known");
                return false;
            }
        };
        if reconciled.dropped > 0 {
            tracing::info!(
                connections = reconciled.dropped,
                "the gateway has lost connections"
            );
        }
        let strangers = reconciled.strangers.into_iter().filter(|_| takes_over);
        for stranger in strangers {
            let Some(identifier) = identifier(&stranger.url) else {
                continue;
            };
            // One that a newer connection of its page has replaced is a stranger too, until it is closed.
            if identifier.kind() == VERSION && !self.manager.tokens(&identifier).is_empty() {
                continue;
            }
            let arrival = Arrival {
                identifier,
                token: stranger.token,
                instance: None,
            };
            if let Err(error) = self.lobby.arrive(arrival) {
                tracing::debug!(?error, "a client from before is not taken over");
            }
        }
        true
    }
}
