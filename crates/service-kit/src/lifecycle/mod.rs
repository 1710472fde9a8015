//! The life of a process: ready, draining, gone. Two-stage shutdown over tracked tasks, with an honest exit code.

mod pulse;
mod readiness;
mod signals;
mod tasks;

use std::{process::ExitCode, sync::Arc, time::Duration};

use tokio::{runtime::Handle, sync::watch};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

pub use pulse::Pulse;
pub use readiness::{Latch, Readiness, Report};
pub use tasks::{Outcome, Tasks};

use crate::{clock::Clock, settings::ShutdownSettings};

/// A runtime that has run nothing for so long stands still. Long, for the answer to it is a restart.
const STUCK_AFTER: Duration = Duration::from_secs(30);
/// How long tasks may react to the hard stop before they are dropped.
const HARD_GRACE: Duration = Duration::from_millis(500);

/// The life of this process. Clones share it.
///
/// Two stages (docs/OPERATIONS.md, "Exit codes and shutdown"): the first signal makes the process not ready and cancels
/// [`stopping`](Self::stopping); whoever serves or works then finishes in peace. The second signal, or
/// `SHUTDOWN_SECONDS`, cancels [`hard`](Self::hard), and what is left is dropped.
///
/// ```
/// # use service_kit::{clock::Clock, lifecycle::Lifecycle, settings::ShutdownSettings};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let life = Lifecycle::new(Clock::system());
/// let stopping = life.stopping();
/// life.tasks().spawn_critical("poller", async move {
///     stopping.cancelled().await; // … and work until then
/// });
/// life.trigger(); // a test's SIGTERM
/// let code = life.run_until_stopped(&ShutdownSettings::default()).await;
/// assert_eq!(code, std::process::ExitCode::SUCCESS);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Lifecycle {
    demand: Arc<watch::Sender<Demand>>,
    /// Held, not read: it ends the relay with the last clone.
    _signals: Option<Arc<AbortOnDropHandle<()>>>,
    stopping: CancellationToken,
    hard: CancellationToken,
    tasks: Tasks,
    readiness: Readiness,
    pulse: Pulse,
}

/// Why the process should end.
#[derive(Clone, Debug, Default)]
struct Demand {
    /// Signals, or triggers in their place.
    stops: u32,
    /// The first critical task that ended by itself, and why.
    failure: Option<String>,
}

impl Lifecycle {
    /// A life that ends by [`Lifecycle::trigger`] or by a failure; `clock` dates the readiness report. Its tasks run
    /// on the runtime of the caller, which must be one.
    pub fn new(clock: Clock) -> Self {
        let demand = Arc::new(watch::Sender::new(Demand::default()));
        let stopping = CancellationToken::new();
        Self {
            tasks: Tasks::new(Arc::clone(&demand), stopping.clone()),
            demand,
            _signals: None,
            stopping,
            hard: CancellationToken::new(),
            readiness: Readiness::new(clock),
            pulse: Pulse::new(Handle::current(), STUCK_AFTER),
        }
    }

    /// The same, ended by SIGTERM and SIGINT as well. They are caught from now on, so call it before the first
    /// listener is bound: a signal to a starting process then ends it in order.
    ///
    /// # Errors
    /// Where the operating system refuses the handlers.
    pub fn with_signals(clock: Clock) -> std::io::Result<Self> {
        let life = Self::new(clock);
        let relay = signals::relay(Arc::clone(&life.demand))?;
        Ok(Self {
            _signals: Some(Arc::new(relay)),
            ..life
        })
    }

    /// Where background work is started.
    pub fn tasks(&self) -> Tasks {
        self.tasks.clone()
    }

    /// Cancelled at the first stage: take no new work, close listeners, start to drain.
    pub fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// Cancelled at the second stage: drop everything.
    pub fn hard(&self) -> CancellationToken {
        self.hard.clone()
    }

    /// What `/health/ready` reports.
    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// What `/health/live` asks: whether the runtime of the tasks runs, and those of servers that were added to it.
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// The clock that this life was begun with: one for the whole process.
    pub fn clock(&self) -> Clock {
        self.readiness.clock()
    }

    /// What a signal does: the first call starts the drain, the second one stops hard.
    pub fn trigger(&self) {
        Demand::stop(&self.demand);
    }

    /// Waits for the end and sees it through: not ready, [`stopping`](Self::stopping), all tasks finished, exit 0.
    /// Exit 1 where a critical task ended by itself, a second signal came, or the hard stop was reached first.
    pub async fn run_until_stopped(&self, settings: &ShutdownSettings) -> ExitCode {
        self.demanded(|demand| demand.stops > 0 || demand.failure.is_some())
            .await;
        // A process that stops by a failure has had no signal yet: then the first one is already the second word.
        let patience = self.demand.borrow().stops.min(1);
        // Readiness flips before anything closes: a load balancer that asks now must not send more.
        self.readiness.shut_down();
        self.stopping.cancel();
        let drain_seconds = settings.drain_seconds.as_secs();
        tracing::info!(drain_seconds, "stopping: not ready, draining");
        let drained = tokio::select! {
            biased;
            () = self.tasks.finished() => true,
            () = self.demanded(|demand| demand.stops > patience) => false,
            () = tokio::time::sleep(settings.hard_stop()) => false,
        };
        if !drained {
            self.stop_hard().await;
        }
        self.verdict(drained)
    }

    async fn stop_hard(&self) {
        tracing::error!(left = ?self.tasks.running(), "stopping hard, work is left");
        self.hard.cancel();
        // Whoever listens to `hard` may still say goodbye; the rest is dropped where it stands.
        let _ = tokio::time::timeout(HARD_GRACE, self.tasks.finished()).await;
        self.tasks.drop_all();
    }

    fn verdict(&self, drained: bool) -> ExitCode {
        let failure = self.demand.borrow().failure.clone();
        if let Some(reason) = &failure {
            tracing::error!(reason, "stopped by a failure");
        }
        if failure.is_some() || !drained {
            return ExitCode::FAILURE;
        }
        tracing::info!("stopped, nothing left");
        ExitCode::SUCCESS
    }

    async fn demanded(&self, enough: impl FnMut(&Demand) -> bool) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.demand.subscribe().wait_for(enough).await;
    }
}

impl Demand {
    fn stop(shared: &watch::Sender<Self>) {
        shared.send_modify(|demand| demand.stops += 1);
    }
}
