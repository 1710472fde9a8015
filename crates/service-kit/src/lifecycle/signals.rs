//! SIGTERM and SIGINT, which ask a process to end.

use std::{io, sync::Arc};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::Mutex,
};

/// Both signals, caught since construction. Clones share the queue.
#[derive(Clone, Debug)]
pub(super) struct Signals(Arc<Mutex<Caught>>);

#[derive(Debug)]
struct Caught {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn catch() -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self(Arc::new(Mutex::new(Caught {
            terminate,
            interrupt,
        }))))
    }

    /// The next signal. An async mutex, because it is held while waiting; only the running lifecycle takes it.
    pub(super) async fn next(&self) -> &'static str {
        let mut caught = self.0.lock().await;
        let Caught {
            terminate,
            interrupt,
        } = &mut *caught;
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    }
}
