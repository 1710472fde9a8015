//! The places for runs: so many of each mode, taken before a run is claimed and free again however it ends.
//! What runs in them is told to operators.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use farol_core::sync::Mode;
use serde_json::Value;
use tokio::sync::Notify;

use crate::ingest::view::RunView;
use crate::metrics::IngestMetrics;

/// The places of this process. Clones share them.
#[derive(Clone)]
pub struct Slots {
    per_mode: usize,
    taken: Arc<Mutex<Vec<Taken>>>,
    freed: Arc<Notify>,
    metrics: IngestMetrics,
}

/// One place, free again when it is dropped.
pub struct Slot {
    slots: Slots,
    number: u64,
    mode: Mode,
}

struct Taken {
    number: u64,
    mode: Mode,
    view: Option<Arc<RunView>>,
}

impl Slots {
    /// `per_mode` places for each mode.
    pub fn new(per_mode: usize, metrics: IngestMetrics) -> Self {
        Self {
            per_mode,
            taken: Arc::default(),
            freed: Arc::default(),
            metrics,
        }
    }

    /// A place for a run of this mode, if there is one.
    pub fn take(&self, mode: Mode) -> Option<Slot> {
        let mut taken = self.lock();
        if taken.iter().filter(|slot| slot.mode == mode).count() >= self.per_mode {
            return None;
        }
        let number = taken.iter().map(|slot| slot.number).max().unwrap_or(0) + 1;
        taken.push(Taken {
            number,
            mode,
            view: None,
        });
        Some(Slot {
            slots: self.clone(),
            number,
            mode,
        })
    }

    /// How many places are free, of all modes: what the broker may hand us.
    pub fn free(&self) -> usize {
        (self.per_mode * Mode::ALL.len()).saturating_sub(self.lock().len())
    }

    /// Resolves once for every time that places became free since the last call.
    pub async fn freed(&self) {
        self.freed.notified().await;
    }

    /// The runs under way, for `/status`.
    pub fn report(&self) -> Vec<Value> {
        let views: Vec<Arc<RunView>> = {
            let taken = self.lock();
            taken.iter().filter_map(|slot| slot.view.clone()).collect()
        };
        views.iter().map(|view| view.report()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Taken>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// From now on this runs here.
    pub fn begin(&self, view: Arc<RunView>) {
        let mut taken = self.slots.lock();
        if let Some(slot) = taken.iter_mut().find(|slot| slot.number == self.number) {
            slot.view = Some(view);
        }
        drop(taken);
        self.slots.metrics.busy(self.mode, 1);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.lock();
        let place = taken.iter().position(|slot| slot.number == self.number);
        let was = place.map(|place| taken.swap_remove(place));
        drop(taken);
        // After the place is free: whoever is woken looks for it. A place that was only tried wakes nobody.
        if was.is_some_and(|slot| slot.view.is_some()) {
            self.slots.metrics.busy(self.mode, -1);
            self.slots.freed.notify_one();
        }
    }
}
