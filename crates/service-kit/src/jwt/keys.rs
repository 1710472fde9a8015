//! The issuer's keys, fetched when a token needs them, by one request on behalf of all who wait. When to ask and what
//! to answer meanwhile is decided in `state`.

mod state;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

pub(super) use state::ASK_EVERY;

use state::State;

use super::{
    Refusal,
    key_set::{KeySet, PublicKey},
    metrics::{JwtMetrics, Outcome},
};
use crate::{
    http_client::{HeaderMap, Outbound, OutboundError, Request},
    lifecycle::{Lifecycle, Tasks},
    settings::Url,
};

/// From the request to the last byte of the key set.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of a key set; a key with its certificate chain has some 5,000.
const CAP: usize = 256 * 1024;

/// What is known of them, and the way to learn more.
pub(super) struct Keys(Arc<Inner>);

struct Inner {
    outbound: Outbound,
    request: Request,
    tasks: Tasks,
    stopping: CancellationToken,
    metrics: JwtMetrics,
    state: Mutex<State>,
    /// Counts fetches that ended; who waits for one sees it move.
    ended: watch::Sender<u64>,
}

/// What a look at the keys gives.
struct Look {
    verdict: Result<Arc<PublicKey>, Refusal>,
    /// A fetch that is under way and may give a better verdict.
    better: Option<watch::Receiver<u64>>,
}

/// Why a fetch brought no keys.
struct Failure {
    outcome: Outcome,
    reason: String,
}

impl Keys {
    pub(super) fn new(
        url: Url,
        outbound: Outbound,
        lifecycle: &Lifecycle,
        metrics: JwtMetrics,
    ) -> Self {
        Self(Arc::new(Inner {
            outbound,
            request: Request {
                url: url.into(),
                headers: HeaderMap::new(),
                timeout: TIMEOUT,
                cap: CAP,
            },
            tasks: lifecycle.tasks(),
            stopping: lifecycle.stopping(),
            metrics,
            state: Mutex::default(),
            ended: watch::Sender::default(),
        }))
    }

    /// The key named `kid`, or the only one.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] where the issuer has no such key, [`Refusal::KeysUnavailable`] where it cannot be asked.
    pub(super) async fn key(&self, kid: Option<&str>) -> Result<Arc<PublicKey>, Refusal> {
        let look = self.look(kid);
        let Some(mut better) = look.better else {
            return look.verdict;
        };
        // Cannot fail: the sender is ours.
        let _ = better.changed().await;
        self.look(kid).verdict
    }

    fn look(&self, kid: Option<&str>) -> Look {
        let now = Instant::now();
        let mut state = self.0.lock();
        let verdict = state.verdict(kid, now);
        let need = state.need(verdict.is_ok(), now);
        let starts = state.starts(need, now);
        let better = state
            .is_worth_waiting(need)
            .then(|| self.0.ended.subscribe());
        drop(state);
        if starts {
            // A task of its own: the caller may leave, and others wait for the same keys.
            let round = Round::begin(Arc::clone(&self.0));
            self.0.tasks.spawn_tracked("jwt.keys", round.run());
        }
        Look { verdict, better }
    }
}

impl Inner {
    async fn fetch(&self) -> Result<KeySet, Failure> {
        let answer = self.outbound.get(&self.request).await?;
        if answer.status != 200 {
            return Err(Failure::unusable(format!(
                "status {}",
                answer.status.as_u16()
            )));
        }
        KeySet::parse(&answer.body).map_err(|reason| Failure::unusable(reason.to_owned()))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Failure {
    fn unusable(reason: String) -> Self {
        Self {
            outcome: Outcome::Unusable,
            reason,
        }
    }
}

impl From<OutboundError> for Failure {
    fn from(error: OutboundError) -> Self {
        let answered = matches!(
            error,
            OutboundError::TooLarge(_) | OutboundError::Redirect(_)
        );
        Self {
            outcome: if answered {
                Outcome::Unusable
            } else {
                Outcome::Unreachable
            },
            reason: error.to_string(),
        }
    }
}

/// One fetch. However it ends, also with a task that is dropped, those who wait are told.
struct Round {
    inner: Arc<Inner>,
    result: Result<KeySet, String>,
}

impl Round {
    fn begin(inner: Arc<Inner>) -> Self {
        Self {
            inner,
            result: Err("this process is stopping".to_owned()),
        }
    }

    async fn run(mut self) {
        let stopping = self.inner.stopping.clone();
        let Some(fetched) = stopping.run_until_cancelled(self.inner.fetch()).await else {
            return;
        };
        let outcome = fetched
            .as_ref()
            .map_or_else(|failure| failure.outcome, |_| Outcome::Ok);
        self.inner.metrics.fetched(outcome);
        self.tell(&fetched);
        self.result = fetched.map_err(|failure| failure.reason);
    }

    /// An outage is one line, and so is its end.
    fn tell(&self, fetched: &Result<KeySet, Failure>) {
        let was_well = !self.inner.lock().is_in_trouble();
        match fetched {
            Err(Failure { reason, .. }) if was_well => {
                tracing::warn!(reason, "the keys of tokens cannot be read");
            }
            Ok(_) if !was_well => tracing::info!("the keys of tokens can be read again"),
            _ => {}
        }
    }
}

impl Drop for Round {
    fn drop(&mut self) {
        let result = std::mem::replace(&mut self.result, Err(String::new()));
        self.inner.lock().end(result, Instant::now());
        self.inner
            .ended
            .send_modify(|ended| *ended = ended.wrapping_add(1));
    }
}
