//! A small live state whose frames say exactly which steps they cover, and a
//! reader that refuses any frame that does not fit what it has.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use live_hub::{Audience, Live, Next, Published};

pub type Cells = BTreeMap<u8, u8>;

/// What a subscriber is handed: the steps it covers, and the values.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Covering {
    /// The reader must be exactly here; `None` for a whole state.
    pub from: Option<u64>,
    pub to: u64,
    pub cells: Arc<Cells>,
}

#[derive(Default)]
pub struct Board {
    pub cells: Cells,
    pub seq: u64,
    /// Shows whether the board itself was freed.
    pub alive: Arc<()>,
}

impl Board {
    /// Sets one cell and publishes it.
    pub fn set(&mut self, seq: u64, key: u8, value: u8) -> Published<Self> {
        self.cells.insert(key, value);
        self.seq = seq;
        Published {
            step: (seq, key, value),
            frame: Covering {
                from: Some(seq - 1),
                to: seq,
                cells: Arc::new(Cells::from([(key, value)])),
            },
        }
    }
}

impl Board {
    /// A sign of life that says how far the board is.
    pub fn beat(&mut self) -> Covering {
        Covering {
            to: self.seq,
            ..Covering::default()
        }
    }
}

impl Live for Board {
    type Step = (u64, u8, u8);
    type Frame = Covering;

    fn snapshot(&mut self) -> Option<Covering> {
        (self.seq > 0).then(|| Covering {
            from: None,
            to: self.seq,
            cells: Arc::new(self.cells.clone()),
        })
    }

    fn fold<'a>(&mut self, missed: impl Iterator<Item = &'a Self::Step>) -> Covering {
        let missed: Vec<_> = missed.copied().collect();
        assert!(missed.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0));
        Covering {
            from: missed.first().map(|(seq, ..)| seq - 1),
            to: missed.last().unwrap().0,
            cells: Arc::new(
                missed
                    .iter()
                    .map(|(_, key, value)| (*key, *value))
                    .collect(),
            ),
        }
    }

    fn weight(step: &Self::Step) -> usize {
        usize::from(step.2 % 3)
    }
}

/// A client: what it has been told, and up to which step.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    pub cells: Cells,
    pub at: Option<u64>,
}

impl Reader {
    /// Takes what the hub hands out; panics where it leaves a gap or goes back.
    pub fn take(&mut self, next: Next<Covering>) {
        let frame = match next {
            Next::Beat(beat) => {
                assert!(
                    self.at.is_none_or(|at| beat.to >= at),
                    "a beat of {} at {:?}",
                    beat.to,
                    self.at
                );
                return;
            }
            Next::Draining | Next::Closed(_) => return,
            Next::Step(frame) | Next::Fold(frame) => {
                assert_eq!(frame.from, self.at, "a gap before {frame:?}");
                frame
            }
            Next::Snapshot(frame) => {
                self.cells.clear();
                frame
            }
        };
        assert!(
            self.at.is_none_or(|at| frame.to >= at),
            "{frame:?} is older than {:?}",
            self.at
        );
        self.cells.extend(frame.cells.iter());
        self.at = Some(frame.to);
    }
}

/// Notes who is told what, and that the two calls strictly alternate.
#[derive(Clone, Default)]
pub struct Door {
    pub watched: Arc<AtomicBool>,
    pub turns: Arc<AtomicU64>,
}

impl Audience for Door {
    fn first_in(&self) {
        assert!(!self.watched.swap(true, Ordering::SeqCst));
        self.turns.fetch_add(1, Ordering::SeqCst);
    }

    fn last_out(&self) {
        assert!(self.watched.swap(false, Ordering::SeqCst));
    }
}
