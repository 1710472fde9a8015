//! The live state of one project as its topic carries it: every change of units
//! or of freshness becomes one step here, under the topic's lock.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use farol_core::status::{Delta, Snapshot};
use live_hub::{Live, Published};
use tokio::time::Instant;

use super::frame::{StatusFrame, Whole};
use super::present::{DataState, Present, ReadAt, Version};
use farol_core::status::Slug;

/// Merging more unit changes than this for one laggard would hold the topic's
/// lock too long; it gets the whole state instead.
const MOST_FOLDED_CHANGES: usize = 16_384;

/// One step as the replay ring keeps it.
pub struct Step {
    changes: Arc<Delta>,
    state_changed: bool,
    /// Everybody is to get the whole state, however it is brought.
    whole: bool,
}

/// A good answer of the client API, with what it changes; the difference is
/// made outside the lock, since only one fetch at a time writes units.
pub struct Update {
    /// The units, and what they change; `None`: they are as they were.
    pub units: Option<(Arc<Snapshot>, Delta)>,
    /// Send everyone the whole state, even if nothing changed.
    pub whole: bool,
}

/// The live state of one project.
pub struct Feed {
    present: Present,
    /// Whether there is something to show: data, or the knowledge that there is none.
    seeded: bool,
    /// The whole state, encoded at most once until something in it changes.
    whole: Option<Arc<Whole>>,
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
        let changes = update.units.map(|(units, changes)| {
            self.present.units = units;
            changes
        });
        let changes = changes.unwrap_or_default();
        if !first && !update.whole && changes.is_empty() {
            return state_changed.then(|| self.state_step());
        }
        self.present.version.step = seq;
        Some(self.units_step(changes, state_changed, update.whole))
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
        Some(self.units_step(Delta::default(), false, true))
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
        Some(self.units_step(changes, state_changed, false))
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
        self.last_sent = Instant::now();
        let step = Step {
            changes: Arc::default(),
            state_changed: true,
            whole: false,
        };
        let frame = StatusFrame::state(&self.present);
        Published { step, frame }
    }

    fn units_step(&mut self, changes: Delta, state_changed: bool, whole: bool) -> Published<Self> {
        self.last_sent = Instant::now();
        let changes = Arc::new(changes);
        let now = self.whole_now();
        let frame = if whole {
            StatusFrame::whole(now, state_changed)
        } else {
            StatusFrame::units(Arc::clone(&changes), state_changed, now)
        };
        let step = Step {
            changes,
            state_changed,
            whole,
        };
        Published { step, frame }
    }

    fn whole_now(&mut self) -> Arc<Whole> {
        let present = &self.present;
        let whole = self.whole.get_or_insert_with(|| Whole::of(present.clone()));
        Arc::clone(whole)
    }
}

impl Live for Feed {
    type Step = Step;
    type Frame = Arc<StatusFrame>;

    fn snapshot(&mut self) -> Option<Arc<StatusFrame>> {
        self.seeded
            .then(|| StatusFrame::whole(self.whole_now(), false))
    }

    /// Encodes under the topic's lock where lengths must be compared, which
    /// [`MOST_FOLDED_CHANGES`] bounds to some milliseconds.
    fn fold<'a>(&mut self, missed: impl Iterator<Item = &'a Step>) -> Arc<StatusFrame> {
        let mut all = Delta::default();
        let (mut state_changed, mut whole, mut work) = (false, false, 0);
        for step in missed {
            state_changed |= step.state_changed;
            work += step.changes.len();
            whole |= step.whole || work > MOST_FOLDED_CHANGES;
            if !whole {
                all.merge(&step.changes);
            }
        }
        if whole {
            return StatusFrame::whole(self.whole_now(), state_changed);
        }
        if all.is_empty() {
            return if state_changed {
                StatusFrame::state(&self.present)
            } else {
                StatusFrame::nothing()
            };
        }
        // A handful of units is shorter than the whole without measuring.
        let short = all.len() * 4 < self.present.units.len();
        let fold = StatusFrame::units(Arc::new(all), state_changed, self.whole_now());
        if !short && fold.is_longer_than_whole() {
            return StatusFrame::whole(self.whole_now(), state_changed);
        }
        fold
    }

    fn weight(step: &Step) -> usize {
        step.changes.len() + 1
    }
}

#[cfg(test)]
mod tests {
    use farol_core::status::Status;

    use super::*;
    use crate::status::Mode;

    fn feed() -> Feed {
        let slug = Slug::parse("tower").unwrap();
        Feed::new(slug, "6f1c2a".into(), DateTime::UNIX_EPOCH)
    }

    /// An answer with these units; `None`: as they were.
    fn read(feed: &mut Feed, seq: u64, words: Option<&[Status]>, whole: bool) -> Option<Step> {
        let units = words.map(|words| {
            let named = words.iter().enumerate();
            let units: Snapshot = named.map(|(n, word)| (format!("A{n}"), *word)).collect();
            let changes = feed.present.units.diff(&units);
            (Arc::new(units), changes)
        });
        let at = ReadAt {
            as_of: DateTime::UNIX_EPOCH,
            at: Instant::now(),
        };
        let published = feed.refreshed(seq, at, Update { units, whole });
        published.map(|published| published.step)
    }

    fn text(frame: &StatusFrame, mode: Mode) -> String {
        let (first, behind) = frame.for_mode(mode);
        let both = [first, behind.unwrap_or_default()].map(|part| part.plain().to_vec());
        String::from_utf8(both.concat()).unwrap()
    }

    #[test]
    fn laggards_who_stand_in_different_places_share_the_bytes_of_the_whole() {
        let mut feed = feed();
        let board = [Status::Available; 40];
        read(&mut feed, 1, Some(&board), false);
        let mut steps = Vec::new();
        for n in 0..4 {
            let mut board = board;
            board[n] = Status::Sold;
            steps.extend(read(&mut feed, n as u64 + 2, Some(&board), false));
        }

        let (near, far) = (feed.fold(steps[2..].iter()), feed.fold(steps.iter()));
        let joining = feed.snapshot().unwrap();

        assert_ne!(text(&near, Mode::Changes), text(&far, Mode::Changes));
        let bytes = [&near, &far, &joining].map(|frame| frame.for_mode(Mode::Full).0.plain());
        assert!(bytes.iter().all(|b| b.as_ptr() == bytes[0].as_ptr()));
    }

    #[test]
    fn a_forced_refresh_among_what_was_missed_brings_the_whole() {
        let mut feed = feed();
        read(&mut feed, 1, Some(&[Status::Sold; 40]), false);
        let refresh = read(&mut feed, 2, None, true).unwrap();
        let fold = text(&feed.fold([&refresh].into_iter()), Mode::Changes);
        assert!(fold.starts_with("id: 6f1c2a-2\nevent: status_update\n"));
        assert!(fold.contains(r#""A39":"sold""#), "{fold}");

        feed.failed(3, DateTime::UNIX_EPOCH);
        let mut board = [Status::Sold; 40];
        board[0] = Status::Hidden;
        let later = read(&mut feed, 4, Some(&board), false).unwrap();
        let fold = text(&feed.fold([&refresh, &later].into_iter()), Mode::Changes);
        let events: Vec<_> = fold.lines().filter(|l| l.starts_with("event")).collect();
        assert_eq!(events, ["event: status_update", "event: state"]);
        let fold = text(&feed.fold([&later].into_iter()), Mode::Changes);
        let events: Vec<_> = fold.lines().filter(|l| l.starts_with("event")).collect();
        assert_eq!(events, ["event: bulk_update", "event: state"]);
    }
}
