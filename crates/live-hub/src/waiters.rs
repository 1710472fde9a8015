//! The wakers of everyone who follows a topic, woken in the order of their seats.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use slab::Slab;

/// One slot per subscriber. A waker stays in its slot from one wake to the next,
/// so a change costs each subscriber no registration; and slot order touches
/// tasks and sockets in the order they were made, which is worth a third of the
/// cost of a delivery over waking in random order.
#[derive(Default)]
pub(crate) struct Waiters {
    slots: Mutex<Slab<Option<Waker>>>,
}

impl Waiters {
    /// A slot for a new subscriber.
    pub(crate) fn enter(&self) -> usize {
        self.lock().insert(None)
    }

    /// Keeps `waker` in `slot` for every wake to come.
    pub(crate) fn register(&self, slot: usize, waker: &Waker) {
        if let Some(kept) = self.lock().get_mut(slot) {
            *kept = Some(waker.clone());
        }
    }

    /// Gives the slot back.
    pub(crate) fn leave(&self, slot: usize) {
        let gone = self.lock().try_remove(slot);
        // Dropping a waker may free a task: not under the lock.
        drop(gone);
    }

    /// Wakes everyone. The lock is held meanwhile: only who comes or goes waits
    /// for it, readers of a change take another.
    pub(crate) fn wake_all(&self) {
        for waker in self.lock().iter().filter_map(|(_, slot)| slot.as_ref()) {
            waker.wake_by_ref();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Slab<Option<Waker>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
