//! Claims runs and starts work on them: the one that was rung for, one that another program asks for, or the oldest
//! that waits.

use std::sync::Arc;
use std::time::Duration;

use farol_core::sync::{Doorbell, Mode, Unusable, Window, requested};
use service_kit::backoff::Backoff;
use service_kit::broker::Delivery;
use service_kit::lifecycle::Tasks;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::slots::{Slot, Slots};
use crate::infra::RepoError;
use crate::infra::execution_repo::{Asked, Claim, Claimed};
use crate::ingest::kit::Kit;
use crate::ingest::run;
use crate::ingest::view::RunView;

/// A database that is away is asked again after this.
const AGAIN: Duration = Duration::from_millis(250);
/// Who asked for a run, where a message of another program did.
const REQUESTED_BY: &str = "amqp";

/// What is to be claimed.
#[derive(Clone, Copy)]
enum Wanted {
    /// This run.
    This(i32),
    /// The oldest run of this mode that can be.
    Oldest(Mode),
}

/// Turns doorbells into runs. Clones claim for the same places.
#[derive(Clone)]
pub struct Caller {
    /// What runs work with.
    pub kit: Arc<Kit>,
    /// Places for them.
    pub slots: Slots,
    /// Where they work.
    pub tasks: Tasks,
    /// Parks them.
    pub stopping: CancellationToken,
}

impl Caller {
    /// Does what a doorbell asks for; the word says what that was. Waits for a database that is away: the message is
    /// not acknowledged before its run is a row.
    ///
    /// # Errors
    /// When it can never be done.
    pub async fn answer(
        &self,
        bell: &Doorbell,
        delivery: &Delivery,
    ) -> Result<&'static str, Unusable> {
        let mut backoff = Backoff::new(AGAIN);
        loop {
            match self.try_answer(bell, delivery).await {
                Ok(done) => return done,
                Err(error) if error.is_away() => {
                    tracing::warn!(%error, "the database is away, a message waits");
                    self.kit.metrics.database_waits.inc();
                    sleep(backoff.next(&self.kit.random)).await;
                }
                Err(error) => {
                    tracing::error!(%error, "a message cannot be answered");
                    return Err(unusable("internal_error", error.to_string()));
                }
            }
        }
    }

    /// Claims queued runs, the oldest first, while there are places.
    pub async fn look(&self) {
        for mode in Mode::ALL {
            while let Some(slot) = self.slots.take(mode) {
                match self.claimed(slot, Wanted::Oldest(mode)).await {
                    Ok(Some(Claim::Taken(_))) => {}
                    Ok(_) => break,
                    Err(error) => {
                        tracing::debug!(%error, "queued runs cannot be looked for");
                        return;
                    }
                }
            }
        }
    }

    async fn try_answer(
        &self,
        bell: &Doorbell,
        delivery: &Delivery,
    ) -> Result<Result<&'static str, Unusable>, RepoError> {
        let (execution_id, mode) = match bell {
            Doorbell::Ring { execution_id, mode } => (*execution_id, *mode),
            Doorbell::Update => (
                self.create(Mode::Update, None, delivery).await?,
                Mode::Update,
            ),
            Doorbell::Backfill { data_ini, data_fim } => {
                let window = match self.window(data_ini, data_fim) {
                    Ok(window) => window,
                    Err(why) => return Ok(Err(why)),
                };
                let created = self.create(Mode::Backfill, Some(window), delivery).await?;
                (created, Mode::Backfill)
            }
        };
        self.ring(execution_id, mode).await
    }

    async fn ring(
        &self,
        execution_id: i32,
        mode: Mode,
    ) -> Result<Result<&'static str, Unusable>, RepoError> {
        let Some(slot) = self.slots.take(mode) else {
            return Ok(Ok("busy"));
        };
        Ok(
            match self.claimed(slot, Wanted::This(execution_id)).await? {
                Some(Claim::Taken(_)) => Ok("claimed"),
                Some(Claim::Blocked { by }) => {
                    tracing::info!(execution_id, by, "run waits for another one of its window");
                    Ok("blocked")
                }
                Some(Claim::NotQueued(state)) => {
                    tracing::debug!(execution_id, state = state.as_str(), "nothing to claim");
                    Ok("stale")
                }
                Some(Claim::Unknown) | None => {
                    Err(unusable("unknown_execution", execution_id.to_string()))
                }
            },
        )
    }

    /// Claims, and starts what is then ours. In a task of its own, which whoever waits here may leave: a claim that a
    /// SIGTERM falls into is committed or not, and one that is must be parked now, not rescued when its lease is over.
    async fn claimed(&self, slot: Slot, wanted: Wanted) -> Result<Option<Claim>, RepoError> {
        let (tell, told) = oneshot::channel();
        let caller = self.clone();
        self.tasks.spawn_tracked("claim", async move {
            let sent = Instant::now();
            let claim = caller.claim(wanted).await;
            if let Ok(Some(Claim::Taken(claimed))) = &claim {
                caller.start(slot, claimed.clone(), sent);
            }
            // Nobody listens where the process stops.
            let _ = tell.send(claim);
        });
        // Tasks are dropped only when the process ends the hard way.
        told.await.unwrap_or(Ok(None))
    }

    async fn claim(&self, wanted: Wanted) -> Result<Option<Claim>, RepoError> {
        let (executions, worker) = (&self.kit.executions, &self.kit.worker);
        let lease = self.kit.run.lease_seconds;
        match wanted {
            Wanted::This(id) => executions.claim(id, worker, lease).await.map(Some),
            Wanted::Oldest(mode) => {
                let claimed = executions.claim_next(mode, worker, lease).await?;
                Ok(claimed.map(Claim::Taken))
            }
        }
    }

    fn start(&self, slot: Slot, claimed: Claimed, sent: Instant) {
        let kit = Arc::clone(&self.kit);
        let stopping = self.stopping.clone();
        let view = Arc::new(RunView::of(&claimed, kit.clock.now()));
        slot.begin(Arc::clone(&view));
        self.tasks.spawn_tracked("run", async move {
            run::work(kit, claimed, view, sent, stopping).await;
            drop(slot);
        });
    }

    /// A row for what another program asks for; a message that comes again finds the row that it made.
    async fn create(
        &self,
        mode: Mode,
        window: Option<Window>,
        delivery: &Delivery,
    ) -> Result<i32, RepoError> {
        let executions = &self.kit.executions;
        let asked = Asked {
            mode,
            window,
            requested_by: REQUESTED_BY,
            message_id: delivery.message_id.as_deref(),
            body: &delivery.body,
        };
        executions.create(asked).await
    }

    fn window(&self, data_ini: &str, data_fim: &str) -> Result<Window, Unusable> {
        let zone = self.kit.scope.sync_timezone.0;
        requested(data_ini, data_fim, zone, self.kit.clock.now()).map_err(|problems| {
            let told = problems
                .iter()
                .map(|it| format!("{} {}", it.field, it.detail));
            unusable("invalid_window", told.collect::<Vec<_>>().join(", "))
        })
    }
}

fn unusable(reason: &'static str, detail: String) -> Unusable {
    Unusable { reason, detail }
}
