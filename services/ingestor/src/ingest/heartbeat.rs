//! Keeps the lease of one run, and hears through it that the run is to be cancelled or has been taken away. It beats
//! beside the work, so that a slow page is not taken for a dead worker.

use std::time::Duration;

use farol_core::sync::State;
use tokio::time::{Instant, sleep_until, timeout};

use crate::infra::execution_repo::{ExecutionRepo, Lease, Renewal};
use crate::settings::RunSettings;

/// How often somebody's wish to cancel is looked for: well within the 10 s of docs/API.md.
const LOOK: Duration = Duration::from_secs(2);

/// What the row of the run says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// It is not ours any more, or we cannot know: whatever we do from now on does not count.
    Lost,
    /// Somebody wants it to end.
    Cancel,
}

/// The beat of one run.
pub struct Heartbeat {
    executions: ExecutionRepo,
    lease: Lease,
    lasts: Duration,
    renew_every: Duration,
    look_every: Duration,
    /// When the last good renewal was sent: until `lasts` later nobody can have taken the run.
    renewed: Instant,
    next: Instant,
    cancel_told: bool,
}

impl Heartbeat {
    /// For a run whose claim was sent at `claimed`.
    pub fn new(
        executions: ExecutionRepo,
        lease: Lease,
        settings: &RunSettings,
        claimed: Instant,
    ) -> Self {
        let renew_every = settings.renew_every();
        let look_every = LOOK.min(renew_every);
        Self {
            executions,
            lease,
            lasts: settings.lease_seconds,
            renew_every,
            look_every,
            renewed: claimed,
            next: claimed + look_every,
            cancel_told: false,
        }
    }

    /// Beats until there is something to tell. May be dropped and asked again; a wish to cancel is told once.
    pub async fn next(&mut self) -> Call {
        loop {
            sleep_until(self.next).await;
            self.next = Instant::now() + self.look_every;
            match self.ask().await {
                Some(Call::Cancel) if self.cancel_told => {}
                Some(call) => {
                    self.cancel_told |= call == Call::Cancel;
                    return call;
                }
                None => {}
            }
        }
    }

    /// Beats until the lease is gone.
    pub async fn lost(&mut self) {
        while self.next().await != Call::Lost {}
    }

    async fn ask(&mut self) -> Option<Call> {
        let sent = Instant::now();
        let renewing = sent >= self.renewed + self.renew_every;
        let asked = timeout(self.patience(), async {
            if renewing {
                self.executions.renew(&self.lease, self.lasts).await
            } else {
                self.executions.held(&self.lease).await
            }
        });
        match asked.await {
            Ok(Ok(Renewal::Held(state))) => {
                if renewing {
                    self.renewed = sent;
                }
                (state == State::Cancelling).then_some(Call::Cancel)
            }
            Ok(Ok(Renewal::Lost)) => Some(Call::Lost),
            Ok(Err(error)) => self.unanswered(&error.to_string()),
            Err(_) => self.unanswered("no answer"),
        }
    }

    /// A lease that cannot be renewed holds until its time is up; then somebody else may have the run.
    fn unanswered(&self, why: &str) -> Option<Call> {
        let left = (self.renewed + self.lasts).saturating_duration_since(Instant::now());
        let execution_id = self.lease.execution_id;
        tracing::warn!(
            execution_id,
            why,
            lease_left_ms = left.as_millis(),
            "the lease cannot be looked at"
        );
        left.is_zero().then_some(Call::Lost)
    }

    /// A database that does not answer must not make us miss the end of our own lease.
    fn patience(&self) -> Duration {
        let left = (self.renewed + self.lasts).saturating_duration_since(Instant::now());
        left.clamp(self.look_every / 2, self.lasts / 3)
    }
}
