//! Who may ask the portal, and when: one pacer per process holds the rate, the requests in flight, the pause after a
//! 429 and the breaker, for all runs alike. What is asked, and how often again, is the runs' business.

mod rate;
mod source;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use service_kit::clock::Clock;
use tokio::{
    sync::{Mutex as Line, Notify, OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

pub use source::{Health, SourceState};

use super::{
    breaker::Admission,
    fault::{Fault, FaultClass},
};
use crate::settings::PolicySettings;
use source::Source;

/// The way to a turn. Clones share everything; whoever waited longest is next, whichever run it works for.
#[derive(Clone, Debug)]
pub struct Pacer {
    shared: Arc<Shared>,
    /// When the run that holds this began: its patience with a source that is down counts from there.
    since: Instant,
}

#[derive(Debug)]
struct Shared {
    /// First come, first served: only the head of the line waits for a place and for the time.
    line: Line<()>,
    places: Arc<Semaphore>,
    /// Wakes the head: a turn has ended. A wake-up that nobody awaits is kept for the next one.
    changed: Notify,
    patience: Duration,
    source: Mutex<Source>,
}

/// Why there is no turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoTurn {
    /// The waiter was told to stop.
    #[error("stopped")]
    Stopped,
    /// The source has been down for as long as a run waits (`PNCP_PATIENCE_SECONDS`).
    #[error("the source is down")]
    SourceDown,
}

/// How a request ended, as far as the pace is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The portal answered the question.
    Fine,
    /// 429.
    RateLimited,
    /// Anything else.
    Failed(FaultClass),
}

impl Outcome {
    /// The outcome of a call to the portal.
    pub fn of<T>(result: &Result<T, Fault>) -> Self {
        match result.as_ref().map_err(|fault| fault.class) {
            Ok(_) => Self::Fine,
            Err(FaultClass::RateLimited) => Self::RateLimited,
            Err(class) => Self::Failed(class),
        }
    }
}

/// The right to one request, now. Dropping it gives the place back and tells nothing about the source.
#[derive(Debug)]
#[must_use = "a turn that is dropped was waited for in vain"]
pub struct Turn {
    shared: Arc<Shared>,
    started: Instant,
    is_probe: bool,
    outcome: Option<Outcome>,
    _place: OwnedSemaphorePermit,
}

impl Pacer {
    /// The pacer of this process; `clock` dates the state of the source.
    pub fn new(policy: &PolicySettings, clock: Clock) -> Self {
        let now = Instant::now();
        let shared = Shared {
            line: Line::new(()),
            places: Arc::new(Semaphore::new(policy.pncp_max_in_flight)),
            changed: Notify::new(),
            patience: policy.pncp_patience_seconds,
            source: Mutex::new(Source::new(policy, clock, now)),
        };
        Self {
            shared: Arc::new(shared),
            since: now,
        }
    }

    /// The same pacer for a run that begins now.
    pub fn for_run(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            since: Instant::now(),
        }
    }

    /// Waits for the right to ask once. Dropping the future leaves the line.
    ///
    /// # Errors
    /// [`NoTurn`]: `stop` was cancelled, or the source has been down for too long.
    pub async fn turn(&self, stop: &CancellationToken) -> Result<Turn, NoTurn> {
        tokio::select! {
            biased;
            () = stop.cancelled() => Err(NoTurn::Stopped),
            turn = self.next() => turn,
        }
    }

    /// A segment was given up because of `class`. Where this opens the breaker, those that led to it deserve another
    /// try once it has closed.
    pub fn segment_failed(&self, class: FaultClass) {
        let now = Instant::now();
        self.shared.source().segment_failed(class, now);
    }

    /// A segment was read to its end.
    pub fn segment_read(&self) {
        self.shared.source().segment_read();
    }

    /// How the source is doing.
    pub fn source(&self) -> SourceState {
        self.shared.source().told(Instant::now())
    }

    async fn next(&self) -> Result<Turn, NoTurn> {
        let _head = self.shared.line.lock().await;
        let place = Arc::clone(&self.shared.places).acquire_owned().await;
        // Nobody closes the semaphore.
        let place = place.map_err(|_| NoTurn::Stopped)?;
        loop {
            let now = Instant::now();
            let admission = self.shared.source().admit(now);
            let until = match admission {
                Admission::Page | Admission::Probe => {
                    return Ok(Turn {
                        shared: Arc::clone(&self.shared),
                        started: now,
                        is_probe: admission == Admission::Probe,
                        outcome: None,
                        _place: place,
                    });
                }
                Admission::Wait(until) => Some(until),
                Admission::WaitForProbe => None,
            };
            self.wait(until).await?;
        }
    }

    /// Waits until `until`, or until a turn has ended, or until patience with a source that is down ends.
    async fn wait(&self, until: Option<Instant>) -> Result<(), NoTurn> {
        let down_since = self.shared.source().down_since();
        let patient_until = down_since.map(|down| down.max(self.since) + self.shared.patience);
        if patient_until.is_some_and(|end| end <= Instant::now()) {
            return Err(NoTurn::SourceDown);
        }
        let Some(until) = until.into_iter().chain(patient_until).min() else {
            // The probe has ended meanwhile: look again.
            return Ok(());
        };
        tokio::select! {
            () = tokio::time::sleep_until(until) => {}
            () = self.shared.changed.notified() => {}
        }
        Ok(())
    }
}

impl Shared {
    /// Short sections only, never across an await.
    fn source(&self) -> MutexGuard<'_, Source> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// Whether the breaker wants to know if the portal answers at all: ask
    /// [`PageQuery::probe`](super::answer::PageQuery::probe), then take another turn.
    pub fn is_probe(&self) -> bool {
        self.is_probe
    }

    /// The request ended like this.
    pub fn finished(mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut source = self.shared.source();
        source.ended(self.started, self.is_probe, self.outcome, Instant::now());
        drop(source);
        self.shared.changed.notify_one();
    }
}
