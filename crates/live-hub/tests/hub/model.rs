//! Random interleavings of join, publish, lag, leave and resume, against the
//! plain list of every state that ever was.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use live_hub::{Next, Resume, RingLimits, Subscription, Topic};
use proptest::prelude::*;

use crate::board::{Board, Cells, Door, Reader};

const RUNS: u32 = 10_000;
const LIMITS: RingLimits = RingLimits {
    steps: 5,
    weight: 6,
};

#[derive(Debug, Clone)]
enum Op {
    Join,
    /// Comes back with what a client that left (or the server before) knew.
    Resume(usize),
    ResumeFromTheFuture,
    Publish(u8, u8),
    /// A change that subscribers cannot see.
    Touch,
    Beat,
    ReadOne(usize),
    ReadAll(usize),
    Leave(usize),
    Retire,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => Just(Op::Join),
        2 => any::<usize>().prop_map(Op::Resume),
        1 => Just(Op::ResumeFromTheFuture),
        8 => (0u8..6, any::<u8>()).prop_map(|(key, value)| Op::Publish(key, value)),
        1 => Just(Op::Touch),
        1 => Just(Op::Beat),
        4 => any::<usize>().prop_map(Op::ReadOne),
        3 => any::<usize>().prop_map(Op::ReadAll),
        2 => any::<usize>().prop_map(Op::Leave),
        1 => Just(Op::Retire),
    ]
}

struct World {
    topic: Topic<Board>,
    door: Door,
    alive: Arc<()>,
    /// Every state that ever was; the index is the step's number.
    history: Vec<Cells>,
    inside: Vec<(Subscription<Board>, Reader)>,
    left: Vec<Reader>,
    retired: bool,
}

impl World {
    fn new() -> Self {
        let (door, board) = (Door::default(), Board::default());
        Self {
            alive: Arc::clone(&board.alive),
            topic: Topic::new(board, LIMITS, door.clone()),
            door,
            history: vec![Cells::new()],
            inside: Vec::new(),
            left: Vec::new(),
            retired: false,
        }
    }

    fn newest(&self) -> u64 {
        self.history.len() as u64 - 1
    }

    fn run(&mut self, op: &Op) {
        match *op {
            Op::Join => self.join(Resume::Fresh, Reader::default()),
            Op::Resume(which) => {
                if let Some(reader) = pick(&self.left, which).cloned() {
                    let resume = reader.at.map_or(Resume::Fresh, Resume::After);
                    self.join(resume, reader);
                }
            }
            Op::ResumeFromTheFuture => {
                let ahead = self.newest() + 4;
                self.join(Resume::After(ahead), Reader::default());
            }
            Op::Publish(key, value) => self.publish(key, value),
            Op::Touch => {
                let seq = self.topic.update(|_, _| None);
                assert_eq!(seq, self.newest());
            }
            Op::Beat => self.topic.beat(Board::beat),
            Op::ReadOne(which) => self.read(which, 1),
            Op::ReadAll(which) => self.read(which, usize::MAX),
            Op::Leave(which) => {
                if !self.inside.is_empty() {
                    let (_, reader) = self.inside.swap_remove(which % self.inside.len());
                    self.left.push(reader);
                }
            }
            Op::Retire => self.retired |= self.topic.retire(),
        }
        let watched = self.door.watched.load(Ordering::SeqCst);
        assert_eq!(
            watched,
            !self.inside.is_empty(),
            "watched if and only if in"
        );
        assert_eq!(self.topic.subscribers(), self.inside.len());
    }

    fn join(&mut self, resume: Resume, reader: Reader) {
        match self.topic.join(resume) {
            Ok(seat) => self.inside.push((seat, reader)),
            Err(_) => assert!(self.retired),
        }
    }

    fn publish(&mut self, key: u8, value: u8) {
        let mut cells = self.history.last().unwrap().clone();
        cells.insert(key, value);
        self.history.push(cells);
        let seq = self
            .topic
            .update(|board, seq| Some(board.set(seq, key, value)));
        assert_eq!(seq, self.newest());
    }

    fn read(&mut self, which: usize, most: usize) {
        if self.inside.is_empty() {
            return;
        }
        let which = which % self.inside.len();
        let newest = self.newest();
        let (seat, reader) = &mut self.inside[which];
        for _ in 0..most {
            let Some(next) = seat.try_next() else { break };
            let nothing_new = matches!(next, Next::Beat(_));
            reader.take(next);
            if let Some(at) = reader.at {
                assert_eq!(
                    reader.cells,
                    self.history[usize::try_from(at).unwrap()],
                    "at step {at}"
                );
            }
            let caught_up = reader.at.unwrap_or(0) == newest;
            assert!(!nothing_new || caught_up, "a beat before what is newer");
        }
    }

    /// Everyone reads to the end, then leaves, and nothing is left behind.
    fn finish(mut self) {
        for which in 0..self.inside.len() {
            self.read(which, usize::MAX);
            let reader = &self.inside[which].1;
            assert_eq!(&reader.cells, self.history.last().unwrap());
        }
        self.inside.clear();
        assert!(!self.door.watched.load(Ordering::SeqCst));
        drop(self.topic);
        assert_eq!(Arc::strong_count(&self.alive), 1, "the topic leaked");
        assert_eq!(Arc::strong_count(&self.door.watched), 1, "the hook leaked");
    }
}

fn pick<T>(of: &[T], which: usize) -> Option<&T> {
    of.get(which.checked_rem(of.len())?)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: RUNS, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_interleaving_leaves_a_gap_goes_back_or_leaks(ops in prop::collection::vec(op(), 1..80)) {
        let mut world = World::new();
        for op in &ops {
            world.run(op);
        }
        world.finish();
    }
}

#[test]
fn whoever_lags_gets_one_fold_and_those_who_lag_alike_share_it() {
    let topic = Topic::new(Board::default(), LIMITS, ());
    let publish = |key, value| topic.update(|board, seq| Some(board.set(seq, key, value)));
    publish(0, 0);
    let mut seats: Vec<_> = (0..2)
        .map(|_| topic.join(Resume::After(1)).unwrap())
        .collect();
    for value in [3, 6, 9] {
        publish(1, value);
    }

    let folds: Vec<_> = seats.iter_mut().map(Subscription::try_next).collect();

    let [Some(Next::Fold(one)), Some(Next::Fold(other))] = &folds[..] else {
        unreachable!("not folds: {folds:?}");
    };
    assert_eq!((one.from, one.to), (Some(1), 4));
    assert!(Arc::ptr_eq(&one.cells, &other.cells), "folded once");
    assert_eq!(seats[0].try_next(), None);
}

#[test]
fn laggards_who_stand_everywhere_do_not_make_the_topic_keep_a_fold_for_each() {
    let limits = RingLimits {
        steps: 500,
        weight: 500,
    };
    let topic = Topic::new(Board::default(), limits, ());
    for value in 0..200 {
        topic.update(|board, seq| Some(board.set(seq, 1, value)));
    }
    let mut kept = Vec::new();
    for at in 1..199 {
        let mut seat = topic.join(Resume::After(at)).unwrap();
        let Some(Next::Fold(fold)) = seat.try_next() else {
            unreachable!("behind by more than one step");
        };
        kept.push(Arc::downgrade(&fold.cells));
    }
    kept.retain(|fold| fold.strong_count() > 0);
    assert!((1..=64).contains(&kept.len()), "{} folds", kept.len());
}

#[test]
fn a_cold_topic_shows_nothing_until_its_first_step() {
    let topic = Topic::new(Board::default(), LIMITS, ());
    let mut seat = topic.join(Resume::Fresh).unwrap();
    assert_eq!(seat.try_next(), None);
    topic.beat(Board::beat);
    assert!(
        matches!(seat.try_next(), Some(Next::Beat(_))),
        "it is kept alive"
    );
    assert_eq!(seat.try_next(), None);

    topic.update(|board, seq| Some(board.set(seq, 1, 1)));

    assert!(matches!(seat.try_next(), Some(Next::Snapshot(_))));
    assert_eq!(seat.try_next(), None);
}

#[test]
fn draining_is_said_once_and_closing_for_ever() {
    let topic = Topic::new(Board::default(), LIMITS, ());
    topic.update(|board, seq| Some(board.set(seq, 1, 1)));
    let mut seat = topic.join(Resume::After(1)).unwrap();

    topic.drain();
    assert_eq!(seat.try_next(), Some(Next::Draining));
    topic.update(|board, seq| Some(board.set(seq, 1, 2)));
    assert!(matches!(seat.try_next(), Some(Next::Step(_))));
    let last = topic.with(live_hub::Live::snapshot).unwrap();
    topic.close(last.clone());

    assert_eq!(seat.try_next(), Some(Next::Closed(last.clone())));
    assert_eq!(seat.try_next(), Some(Next::Closed(last)));
    assert!(topic.join(Resume::Fresh).is_err());
}
