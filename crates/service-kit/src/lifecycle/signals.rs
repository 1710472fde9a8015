//! SIGTERM and SIGINT, which ask a process to end.

use std::{io, sync::Arc};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use tokio_util::task::AbortOnDropHandle;

use super::Demand;

/// Catches both signals from now on and counts each as a stop, until the handle is dropped.
#[expect(
    clippy::disallowed_methods,
    reason = "the relay has an owner, and must not be waited for at shutdown"
)]
pub(super) fn relay(demand: Arc<watch::Sender<Demand>>) -> io::Result<AbortOnDropHandle<()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let relay = async move {
        loop {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            tracing::info!(signal = name, "signal received");
            Demand::stop(&demand);
        }
    };
    Ok(AbortOnDropHandle::new(tokio::spawn(relay)))
}
