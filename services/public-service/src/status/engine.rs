//! Who may ask a source, and when: one fetch cycle in flight per project, shared
//! by everyone who wants fresh data. The cycle itself is in `cycle`.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use client_api::Validators;
use tokio::sync::watch;
use tokio::time::Instant;

use super::report::Report;
use super::schedule::Schedule;

/// An unconditional fetch every so many, in case the source's validators lie.
const UNCONDITIONAL_EVERY: u32 = 20;

/// Why somebody wants the source asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The poller's interval has come.
    Poll,
    /// A GET found the data too old.
    Read,
    /// A forced refresh: past every cache, and everyone gets the whole state.
    Refresh,
}

/// What became of the wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// The caller must run the cycle now.
    Started(Cycle),
    /// Cycle number so-and-so is under way already.
    Joined(u64),
    /// The source is being spared.
    Refused,
}

/// A cycle that may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cycle {
    /// Its number, from 1.
    pub number: u64,
    /// Of the settings that it runs under.
    pub generation: u64,
    /// One attempt only: the circuit is open.
    pub probe: bool,
    /// The whole body is wanted, whatever the validators say.
    pub unconditional: bool,
}

/// How far the cycles are, for those who wait.
#[derive(Debug, Clone, Copy, Default)]
pub struct Progress {
    /// The last cycle that has failed an attempt.
    pub stumbled: u64,
    /// The last cycle that has ended.
    pub settled: u64,
    /// Whether that one brought data.
    pub ok: bool,
    /// Of the settings in force.
    pub generation: u64,
}

/// What is only touched under the engine's lock.
pub struct EngineState {
    pub schedule: Schedule,
    pub validators: Validators,
    pub report: Report,
    /// Units that the last answer left out although it should not have: what
    /// the next answer must agree with to be believed.
    pub doubt: Option<BTreeSet<Box<str>>>,
    /// Counts changes of settings; a cycle of an older generation is void.
    pub generation: u64,
    /// Nothing was read yet since the settings changed: what is known is of the
    /// old ones, and the next answer is believed whatever it leaves out.
    pub starting_over: bool,
    flight: Option<Flight>,
    cycles: u64,
    since_unconditional: u32,
}

struct Flight {
    number: u64,
    whole: bool,
}

/// One per project.
pub struct Engine {
    state: Mutex<EngineState>,
    progress: watch::Sender<Progress>,
}

impl Engine {
    pub fn new(now: Instant) -> Self {
        Self {
            state: Mutex::new(EngineState {
                schedule: Schedule::new(now),
                validators: Validators::default(),
                report: Report::default(),
                doubt: None,
                generation: 0,
                starting_over: false,
                flight: None,
                cycles: 0,
                since_unconditional: 0,
            }),
            progress: watch::Sender::default(),
        }
    }

    /// For a look or a change of a few instructions.
    pub fn lock(&self) -> MutexGuard<'_, EngineState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, unless the settings have changed since `cycle` began: what it
    /// learns is of another source then, and void.
    pub fn lock_for(&self, cycle: Cycle) -> Option<MutexGuard<'_, EngineState>> {
        Some(self.lock()).filter(|state| state.generation == cycle.generation)
    }

    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Takes the right to run a cycle, or joins the one that runs.
    pub fn begin(&self, why: Why, now: Instant) -> Begin {
        self.lock().begin(why, now)
    }

    /// An attempt of cycle `number` failed; another follows.
    pub fn stumbled(&self, number: u64) {
        self.progress
            .send_modify(|progress| progress.stumbled = number);
    }

    /// Whether somebody in this cycle wants everyone to get the whole state.
    pub fn wants_whole(&self) -> bool {
        self.lock().flight.as_ref().is_some_and(|f| f.whole)
    }

    /// Cycle `number` is over; the next one may begin. Says whether the whole
    /// state is still owed, to one who joined after the cycle had looked.
    pub fn land(&self, number: u64, whole_sent: bool) -> bool {
        let mut state = self.lock();
        let mine = state.flight.take_if(|flight| flight.number == number);
        mine.is_some_and(|flight| flight.whole && !whole_sent)
    }

    /// Tells those who wait for cycle `number` how it ended.
    pub fn settled(&self, number: u64, ok: bool) {
        self.progress.send_if_modified(|progress| {
            // The next cycle may have ended before this one's end was told.
            let newer = number > progress.settled;
            if newer {
                progress.settled = number;
                progress.ok = ok;
            }
            newer
        });
    }

    /// The settings have changed: what was learned of the old source is void,
    /// and the new one is due at once.
    pub fn start_over(&self, now: Instant) {
        let mut state = self.lock();
        state.generation += 1;
        state.schedule = Schedule::new(now);
        state.validators = Validators::default();
        state.doubt = None;
        state.starting_over = true;
        state.report.last_error = None;
        state.report.forget_unmapped();
        let generation = state.generation;
        drop(state);
        self.progress
            .send_modify(|progress| progress.generation = generation);
    }

    /// Waits until the settings have changed since `cycle` began.
    pub async fn overtaken(&self, cycle: Cycle) {
        let mut progress = self.progress();
        // The sender lives as long as we do, so waiting cannot fail.
        let _ = progress
            .wait_for(|progress| progress.generation != cycle.generation)
            .await;
    }
}

impl EngineState {
    fn begin(&mut self, why: Why, now: Instant) -> Begin {
        let refresh = why == Why::Refresh;
        if let Some(flight) = &mut self.flight {
            flight.whole |= refresh;
            return Begin::Joined(flight.number);
        }
        let spared = self.schedule.backing_off(now).is_some();
        let disturbs = refresh && self.schedule.may_be_disturbed(now);
        if spared && !disturbs {
            return Begin::Refused;
        }
        if why == Why::Poll && self.schedule.next() > now {
            return Begin::Refused;
        }
        self.cycles += 1;
        self.flight = Some(Flight {
            number: self.cycles,
            whole: refresh,
        });
        Begin::Started(Cycle {
            number: self.cycles,
            generation: self.generation,
            probe: self.schedule.circuit_open(),
            unconditional: refresh || self.unconditional_is_due(),
        })
    }

    fn unconditional_is_due(&mut self) -> bool {
        self.since_unconditional += 1;
        let due = self.since_unconditional >= UNCONDITIONAL_EVERY;
        if due {
            self.since_unconditional = 0;
        }
        due
    }

    /// Whether a cycle is under way.
    pub fn in_flight(&self) -> bool {
        self.flight.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_whose_end_is_told_late_does_not_undo_the_next_ones() {
        let engine = Engine::new(Instant::now());
        engine.settled(2, true);
        engine.settled(1, false);
        let progress = *engine.progress().borrow();
        assert_eq!((progress.settled, progress.ok), (2, true));
    }
}
