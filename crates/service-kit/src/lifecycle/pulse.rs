//! Whether runtimes still run what they are given: a process may be there, answer its ops listener, and do nothing else
//! any more.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::watch,
    time::{Instant, timeout_at},
};

/// How long a look waits for an answer. Whoever asks must wait longer: `health` waits 2 s, Kubernetes as its manifest says.
const WITHIN: Duration = Duration::from_secs(1);

/// The pulse of a process. Clones share it.
///
/// Each look gives every runtime an empty task, unless the last one still waits, and gives it a second to run it. Only a
/// runtime that has not run it for as long as the patience, and does not within that second either, stands still: the
/// answer to that is a restart, which cuts everybody off. Nothing is measured between two looks, so time in which the whole
/// process stood still (a suspended machine, SIGSTOP, a debugger) is not held against it, unless it was late already: then a
/// task waits from before, and its time runs on.
///
/// A runtime with several threads beats as long as one of them is free.
#[derive(Clone, Debug)]
pub struct Pulse {
    patience: Duration,
    beats: Arc<Mutex<Vec<Beat>>>,
}

/// The last task that a runtime was given.
#[derive(Clone, Debug)]
struct Beat {
    runtime: Handle,
    since: Instant,
    answered: watch::Receiver<bool>,
}

impl Pulse {
    /// The pulse of `runtime`; it stands still when a task has waited for `patience`.
    pub fn new(runtime: Handle, patience: Duration) -> Self {
        let pulse = Self {
            patience,
            beats: Arc::default(),
        };
        pulse.also(runtime);
        pulse
    }

    /// Watches `runtime` too, until it is shut down: for servers with threads of their own, which must not block.
    pub fn also(&self, runtime: Handle) {
        self.lock().push(Beat::of(runtime));
    }

    /// Whether all of them run. Ask from a runtime that is none of them.
    pub async fn beats(&self) -> bool {
        let until = Instant::now() + WITHIN;
        let mut all = true;
        for mut beat in self.look() {
            let answer = timeout_at(until, beat.answered.wait_for(|answered| *answered));
            // An error is a runtime that is gone, and was not stuck then.
            let runs = answer.await.is_ok() || beat.since.elapsed() < self.patience;
            all &= runs;
        }
        if !all {
            tracing::error!("a runtime stands still: what it was given has not been run");
        }
        all
    }

    /// One task for each runtime that has run its last one, so at most one waits, however often somebody looks.
    fn look(&self) -> Vec<Beat> {
        let mut beats = self.lock();
        beats.retain(|beat| !beat.is_gone());
        for beat in beats.iter_mut().filter(|beat| *beat.answered.borrow()) {
            *beat = Beat::of(beat.runtime.clone());
        }
        beats.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Beat>> {
        self.beats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Beat {
    fn of(runtime: Handle) -> Self {
        let (answer, answered) = watch::channel(false);
        runtime.spawn(async move { answer.send_replace(true) });
        Self {
            runtime,
            since: Instant::now(),
            answered,
        }
    }

    /// The runtime was shut down, which drops what it was given.
    fn is_gone(&self) -> bool {
        !*self.answered.borrow() && self.answered.has_changed().is_err()
    }
}
