//! Ends a hunt that hangs. A panic is caught where it happens; an endless loop can only be told
//! by somebody else, who must then know the input.

use std::process;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::hex;

/// An input of some kilobytes takes well under a millisecond in a release build; this much is
/// no slow machine any more.
const PATIENCE: Duration = Duration::from_secs(10);

/// A thread that ends the process when one input takes longer than the patience allows. Ends
/// itself when this is dropped.
pub(crate) struct Watchdog {
    at_work: Arc<Mutex<AtWork>>,
    /// Nothing is ever sent: the closing of the channel is the signal.
    _alive: SyncSender<()>,
}

#[derive(Default)]
struct AtWork {
    turn: u64,
    input: Vec<u8>,
}

impl Watchdog {
    pub(crate) fn start() -> Self {
        let at_work = Arc::new(Mutex::new(AtWork::default()));
        let (alive, closed) = sync_channel(0);
        let watched = Arc::clone(&at_work);
        thread::spawn(move || watch(&watched, &closed));
        Self {
            at_work,
            _alive: alive,
        }
    }

    /// Says which input is looked at from now on.
    pub(crate) fn looks_at(&self, input: &[u8]) {
        let mut at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        at_work.turn += 1;
        at_work.input.clear();
        at_work.input.extend_from_slice(input);
    }
}

fn watch(at_work: &Mutex<AtWork>, closed: &Receiver<()>) {
    let mut seen = 0;
    while closed.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
        let at_work = at_work.lock().unwrap_or_else(PoisonError::into_inner);
        if at_work.turn == seen {
            eprintln!("FAILED: one input takes more than {PATIENCE:?}");
            eprintln!("input: {}", hex::Bytes(at_work.input.clone()));
            process::exit(1);
        }
        seen = at_work.turn;
    }
}
