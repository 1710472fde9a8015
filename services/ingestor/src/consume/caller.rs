//! Claims runs and starts work on them: the one that was rung for, one that another program asks for, or the oldest
//! that waits.

use std::sync::Arc;
use std::time::Duration;

use farol_core::sync::{Doorbell, Mode, Unusable, Window, requested};
use service_kit::backoff::Backoff;
use service_kit::broker::Delivery;
use service_kit::lifecycle::Tasks;
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

/// Turns doorbells into runs.
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
                let sent = Instant::now();
                let lease = self.kit.run.lease_seconds;
                match self
                    .kit
                    .executions
                    .claim_next(mode, &self.kit.worker, lease)
                    .await
                {
                    Ok(Some(claimed)) => self.start(slot, claimed, sent),
                    Ok(None) => break,
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
        let sent = Instant::now();
        let lease = self.kit.run.lease_seconds;
        let claim = self
            .kit
            .executions
            .claim(execution_id, &self.kit.worker, lease)
            .await?;
        Ok(match claim {
            Claim::Taken(claimed) => {
                self.start(slot, claimed, sent);
                Ok("claimed")
            }
            Claim::Blocked { by } => {
                tracing::info!(execution_id, by, "run waits for another one of its window");
                Ok("blocked")
            }
            Claim::NotQueued(state) => {
                tracing::debug!(execution_id, state = state.as_str(), "nothing to claim");
                Ok("stale")
            }
            Claim::Unknown => Err(unusable("unknown_execution", execution_id.to_string())),
        })
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
