//! The live state of one project as its topic carries it: every change of units
//! or of freshness becomes one step here, under the topic's lock.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use farol_core::status::{Delta, Snapshot};
use live_hub::{Live, Published};
use tokio::time::Instant;

use super::Slug;
use super::frame::{Mode, StatusFrame};
use super::present::{DataState, Present, ReadAt, Version};

/// Merging more unit changes than this for one laggard would hold the topic's
/// lock too long; it gets the whole state instead.
const MOST_FOLDED_CHANGES: usize = 16_384;

/// One step as the replay ring keeps it.
pub struct Step {
    changes: Delta,
    state_changed: bool,
}

/// A good answer of the client API, with what it changes; the difference is
/// made outside the lock, since only one fetch at a time writes units.
pub struct Update {
    pub units: Arc<Snapshot>,
    pub changes: Delta,
    /// Send everyone the whole state, even if nothing changed.
    pub whole: bool,
}

/// The live state of one project.
pub struct Feed {
    present: Present,
    /// Whether there is something to show: data, or the knowledge that there is none.
    seeded: bool,
    /// The whole state, encoded at most once until something in it changes.
    whole: Option<Arc<StatusFrame>>,
    last_sent: Instant,
}

impl Feed {
    pub fn new(slug: Slug, epoch: Arc<str>, now: DateTime<Utc>) -> Self {
        Self {
            present: Present {
                slug,
                units: Arc::default(),
                version: Version { epoch, step: 0 },
                state: DataState::Unknown,
                since: now,
                read: None,
            },
            seeded: false,
            whole: None,
            last_sent: Instant::now(),
        }
    }

    pub fn present(&self) -> &Present {
        &self.present
    }

    pub fn seeded(&self) -> bool {
        self.seeded
    }

    /// When a frame or a ping last went out.
    pub fn last_sent(&self) -> Instant {
        self.last_sent
    }

    /// A sign of life.
    pub fn ping(&mut self, now: DateTime<Utc>) -> Arc<StatusFrame> {
        self.last_sent = Instant::now();
        StatusFrame::ping(&self.present, now)
    }

    /// The source answered: data read at `read`, changed or not.
    pub fn refreshed(&mut self, seq: u64, read: ReadAt, update: Update) -> Option<Published<Self>> {
        self.present.read = Some(read);
        self.whole = None;
        let first = !std::mem::replace(&mut self.seeded, true);
        let state_changed = self.turn(DataState::Live, read.as_of);
        if !first && !update.whole && update.changes.is_empty() {
            return state_changed.then(|| self.state_step());
        }
        self.present.units = update.units;
        self.present.version.step = seq;
        let present = self.present.clone();
        let frame = if update.whole {
            StatusFrame::whole(present, state_changed)
        } else {
            StatusFrame::units(&update.changes, state_changed, present)
        };
        Some(self.step(update.changes, state_changed, frame))
    }

    /// The data can no longer be called live; says so once. A project without
    /// data becomes known to be unknown.
    pub fn failed(&mut self, seq: u64, now: DateTime<Utc>) -> Option<Published<Self>> {
        if self.present.read.is_none() {
            return self.seed_unknown(seq);
        }
        self.turn(DataState::Stale, now).then(|| self.state_step())
    }

    /// Those who wait for a first fetch are told that there is nothing yet.
    pub fn seed_unknown(&mut self, seq: u64) -> Option<Published<Self>> {
        if std::mem::replace(&mut self.seeded, true) {
            return None;
        }
        self.present.version.step = seq;
        let frame = StatusFrame::whole(self.present.clone(), false);
        Some(self.step(Delta::default(), false, frame))
    }

    /// There is nothing to ask any more: what was known is withdrawn.
    pub fn withdraw(&mut self, seq: u64, now: DateTime<Utc>) -> Option<Published<Self>> {
        if self.present.read.take().is_none() {
            return self.seed_unknown(seq);
        }
        self.whole = None;
        let changes = self.present.units.diff(&Snapshot::default());
        self.present.units = Arc::default();
        self.present.version.step = seq;
        let state_changed = self.turn(DataState::Unknown, now);
        let frame = StatusFrame::units(&changes, state_changed, self.present.clone());
        Some(self.step(changes, state_changed, frame))
    }

    /// Turns to `state`; says whether that is a change.
    fn turn(&mut self, state: DataState, now: DateTime<Utc>) -> bool {
        if self.present.state == state {
            return false;
        }
        self.present.state = state;
        self.present.since = now;
        self.whole = None;
        true
    }

    fn state_step(&mut self) -> Published<Self> {
        let frame = StatusFrame::state(&self.present);
        self.step(Delta::default(), true, frame)
    }

    fn step(
        &mut self,
        changes: Delta,
        state_changed: bool,
        frame: Arc<StatusFrame>,
    ) -> Published<Self> {
        self.last_sent = Instant::now();
        let step = Step {
            changes,
            state_changed,
        };
        Published { step, frame }
    }
}

impl Live for Feed {
    type Step = Step;
    type Frame = Arc<StatusFrame>;

    fn snapshot(&mut self) -> Option<Arc<StatusFrame>> {
        self.seeded.then(|| self.whole_now())
    }

    fn fold<'a>(&mut self, missed: impl Iterator<Item = &'a Step>) -> Arc<StatusFrame> {
        let mut all = Delta::default();
        let mut state_changed = false;
        let mut work = 0;
        for step in missed {
            state_changed |= step.state_changed;
            work += step.changes.len();
            if work > MOST_FOLDED_CHANGES {
                return self.whole_now();
            }
            all.merge(&step.changes);
        }
        if all.is_empty() {
            return if state_changed {
                StatusFrame::state(&self.present)
            } else {
                StatusFrame::nothing()
            };
        }
        let fold = StatusFrame::units(&all, state_changed, self.present.clone());
        // A handful of units is shorter than the whole without measuring.
        if all.len() * 4 < self.present.units.len() {
            return fold;
        }
        let whole = self.whole_now();
        let whole_is_smaller = fold
            .changes_len()
            .is_some_and(|fold| fold >= whole.for_mode(Mode::Full).len());
        if whole_is_smaller { whole } else { fold }
    }

    fn weight(step: &Step) -> usize {
        step.changes.len() + 1
    }
}

impl Feed {
    fn whole_now(&mut self) -> Arc<StatusFrame> {
        let present = &self.present;
        Arc::clone(
            self.whole
                .get_or_insert_with(|| StatusFrame::whole(present.clone(), false)),
        )
    }
}
