//! Where background work is started: every task has a name, an owner, and somebody who waits for it.

use std::{
    collections::BTreeMap,
    fmt::Display,
    future::Future,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::FutureExt as _;
use tokio::{runtime::Handle, sync::watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::Demand;

/// Starts tasks and waits for them. Clones share the set.
///
/// There is no way to start a task and forget it: at the end of the process every one of them has finished, or is named
/// in the log as work left. Handing this type to a component is what allows it to work in the background.
#[derive(Clone, Debug)]
pub struct Tasks {
    /// Where tasks run: whoever starts one may be a thread of a web server that ends before it.
    runtime: Handle,
    demand: Arc<watch::Sender<Demand>>,
    stopping: CancellationToken,
    dropped: CancellationToken,
    tracker: TaskTracker,
    running: Arc<Mutex<BTreeMap<&'static str, usize>>>,
}

/// What a critical task ends with: nothing, or a result whose error is the reason.
pub trait Outcome: Send + 'static {
    /// The reason, where it ended badly.
    fn failure(self) -> Option<String>;
}

impl Outcome for () {
    fn failure(self) -> Option<String> {
        None
    }
}

impl<E: Display + Send + 'static> Outcome for Result<(), E> {
    fn failure(self) -> Option<String> {
        self.err().map(|error| error.to_string())
    }
}

impl Tasks {
    pub(super) fn new(demand: Arc<watch::Sender<Demand>>, stopping: CancellationToken) -> Self {
        Self {
            runtime: Handle::current(),
            demand,
            stopping,
            dropped: CancellationToken::new(),
            tracker: TaskTracker::new(),
            running: Arc::default(),
        }
    }

    /// Starts work without which the process is no use: if it ends before the shutdown, panics, or ends with an
    /// error at any time, the process drains and exits 1 with the reason. It is waited for at shutdown.
    pub fn spawn_critical<T: Outcome>(
        &self,
        name: &'static str,
        work: impl Future<Output = T> + Send + 'static,
    ) {
        let tasks = self.clone();
        self.spawn(name, async move {
            let failure = match AssertUnwindSafe(work).catch_unwind().await {
                Ok(outcome) => outcome.failure().or_else(|| {
                    (!tasks.stopping.is_cancelled()).then(|| "it ended by itself".to_owned())
                }),
                Err(_) => Some("it panicked".to_owned()),
            };
            if let Some(reason) = failure {
                tasks.fail(name, &reason);
            }
        });
    }

    /// Starts work that may end at any time; it is waited for at shutdown. A panic ends this task alone.
    pub fn spawn_tracked(
        &self,
        name: &'static str,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        self.spawn(name, work);
    }

    /// The names of the running tasks and how many of each.
    pub fn running(&self) -> BTreeMap<&'static str, usize> {
        self.counts().clone()
    }

    fn spawn(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let present = Present::enter(self.clone(), name);
        let dropped = self.dropped.clone();
        let work = async move {
            let _present = present;
            let _ = dropped.run_until_cancelled_owned(work).await;
        };
        self.runtime.spawn(self.tracker.track_future(work));
    }

    fn fail(&self, name: &'static str, reason: &str) {
        tracing::error!(task = name, reason, "a critical task ended");
        self.demand.send_modify(|demand| {
            let reason = || format!("task {name}: {reason}");
            demand.failure.get_or_insert_with(reason);
        });
    }

    /// Resolves when no task runs. Tasks may still be started meanwhile; they are waited for too.
    pub(super) async fn finished(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }

    pub(super) fn drop_all(&self) {
        self.dropped.cancel();
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, usize>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One running task in the count, however it ends.
struct Present {
    tasks: Tasks,
    name: &'static str,
}

impl Present {
    fn enter(tasks: Tasks, name: &'static str) -> Self {
        *tasks.counts().entry(name).or_default() += 1;
        Self { tasks, name }
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        let mut counts = self.tasks.counts();
        if let Some(count) = counts.get_mut(self.name) {
            *count -= 1;
            if *count == 0 {
                counts.remove(self.name);
            }
        }
    }
}
