//! Failures in a row: one is somebody's bad luck, several are an outage of the portal, and then those that led to it
//! deserve another try. Whether it is one says the pacer's breaker.

use std::collections::{HashMap, VecDeque};

use super::breaker::BreakerState;
use super::fault::FaultClass;
use super::pace::Pacer;

/// How often one thing is given another try: a portal that answers each probe and fails the same things all the same
/// must not keep a run for ever.
const MOST_CHANCES: u8 = 2;

/// More failures in a row than these are not remembered; far above what opens a breaker.
const MOST_REMEMBERED: usize = 128;

/// What failed since something was last read.
pub(super) struct Outage<T> {
    pacer: Pacer,
    in_a_row: VecDeque<(String, T)>,
    chances: HashMap<String, u8>,
}

impl<T> Outage<T> {
    /// Nothing has failed yet.
    pub(super) fn new(pacer: Pacer) -> Self {
        Self {
            pacer,
            in_a_row: VecDeque::new(),
            chances: HashMap::new(),
        }
    }

    /// Something was read: the portal works.
    pub(super) fn read_well(&mut self) {
        self.in_a_row.clear();
        self.pacer.segment_read();
    }

    /// `thing` was given up. What comes back is to be tried again, once the portal answers.
    pub(super) fn failed(&mut self, name: String, thing: T, class: FaultClass) -> Vec<T> {
        self.in_a_row.push_back((name, thing));
        if self.in_a_row.len() > MOST_REMEMBERED {
            self.in_a_row.pop_front();
        }
        self.pacer.segment_failed(class);
        if self.pacer.source().breaker == BreakerState::Closed {
            return Vec::new();
        }
        let mut again = Vec::new();
        for (name, thing) in self.in_a_row.drain(..) {
            let chances = self.chances.entry(name).or_default();
            if *chances < MOST_CHANCES {
                *chances += 1;
                again.push(thing);
            }
        }
        again
    }
}
