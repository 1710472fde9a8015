//! A topic: one present state, its recent steps, and the way of a change to
//! every subscriber. Subscribers themselves live in `subscription`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::live::{Audience, Live, Published};
use crate::ring::Ring;
use crate::subscription::{Next, Resume, Subscription};
use crate::waiters::Waiters;

/// Folds kept for those who come next; whoever stands at yet another place gets
/// one of its own. A fold may be as large as the whole state.
const MOST_FOLDS: usize = 64;

/// How much a topic remembers for those who were away.
#[derive(Debug, Clone, Copy)]
pub struct RingLimits {
    /// Most steps kept.
    pub steps: usize,
    /// Most weight kept, in the unit of [`Live::weight`].
    pub weight: usize,
}

/// Refusal to join a topic that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed;

/// A live state with its subscribers. Cloning shares it.
pub struct Topic<L: Live> {
    shared: Arc<Shared<L>>,
}

pub(crate) struct Shared<L: Live> {
    state: Mutex<State<L>>,
    tail: Mutex<Tail<L::Frame>>,
    waiters: Waiters,
    audience: Box<dyn Audience>,
}

/// What is only touched under the lock; no section below blocks or awaits.
struct State<L: Live> {
    live: L,
    ring: Ring<L::Step>,
    /// Folds up to the newest step by cursor: a thousand laggards that stand at
    /// the same place share one encoding. Emptied by every step.
    folds: HashMap<u64, L::Frame>,
    subscribers: usize,
    closed: bool,
}

/// The end of the line that every subscriber watches: enough to go on for one
/// that has seen all but the newest step. It has a lock of its own, so that the
/// many who are up to date never wait for one who is being folded for.
pub(crate) struct Tail<F> {
    pub(crate) seq: u64,
    pub(crate) frame: Option<F>,
    pub(crate) beats: u64,
    /// The newest sign of life, and the step that it tells of.
    pub(crate) beat: Option<(u64, F)>,
    pub(crate) ending: Ending<F>,
}

#[derive(Clone)]
pub(crate) enum Ending<F> {
    Open,
    Draining,
    Closed(F),
}

impl<L: Live> Clone for Topic<L> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<L: Live> Topic<L> {
    /// A topic at step 0 that nobody watches yet.
    pub fn new(live: L, limits: RingLimits, audience: impl Audience) -> Self {
        let tail = Tail {
            seq: 0,
            frame: None,
            beats: 0,
            beat: None,
            ending: Ending::Open,
        };
        let state = State {
            live,
            ring: Ring::new(limits.steps, limits.weight),
            folds: HashMap::new(),
            subscribers: 0,
            closed: false,
        };
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                tail: Mutex::new(tail),
                waiters: Waiters::default(),
                audience: Box::new(audience),
            }),
        }
    }

    /// Takes a seat. The subscriber and its place in the order of steps are
    /// fixed under one lock: no step between the two can be missed or repeated.
    ///
    /// # Errors
    /// [`Closed`] once the topic was closed or retired.
    pub fn join(&self, resume: Resume) -> Result<Subscription<L>, Closed> {
        let mut state = self.shared.lock();
        if state.closed {
            return Err(Closed);
        }
        state.subscribers += 1;
        if state.subscribers == 1 {
            self.shared.audience.first_in();
        }
        let cursor = match resume {
            Resume::After(seq) if state.ring.after(seq).is_some() => Some(seq),
            Resume::After(_) | Resume::Fresh => None,
        };
        Ok(Subscription::new(Arc::clone(&self.shared), cursor))
    }

    /// Changes the state. `change` gets it with the number that the step will
    /// have, and returns what to publish, or `None` where nothing that
    /// subscribers see has changed. Returns the number of the newest step.
    pub fn update(&self, change: impl FnOnce(&mut L, u64) -> Option<Published<L>>) -> u64 {
        let mut state = self.shared.lock();
        let seq = state.ring.newest() + 1;
        let Some(Published { step, frame }) = change(&mut state.live, seq) else {
            return seq - 1;
        };
        let weight = L::weight(&step);
        let evicted = state.ring.push(step, weight);
        let folds = std::mem::take(&mut state.folds);
        // Freeing what may be large, and waking thousands, takes a while: joins
        // and laggards need the lock then.
        drop(state);
        drop((evicted, folds));
        // A racing publisher that gets here first has already told a later
        // number; those who missed ours find it in the ring.
        self.shared.tell(|tail| {
            if tail.seq > seq {
                return Some(frame);
            }
            tail.seq = seq;
            tail.frame.replace(frame)
        });
        seq
    }

    /// Reads the state under the lock; `read` must be short.
    pub fn with<R>(&self, read: impl FnOnce(&mut L) -> R) -> R {
        read(&mut self.shared.lock().live)
    }

    /// Sends what `make` says of the present to everyone who is up to date,
    /// outside the order of steps: a sign of life. Whoever has read, or has still
    /// to read, something newer never sees it.
    pub fn beat(&self, make: impl FnOnce(&mut L) -> L::Frame) {
        let mut state = self.shared.lock();
        let beat = (state.ring.newest(), make(&mut state.live));
        drop(state);
        self.tell_beat(beat);
    }

    /// What a beat comes to when steps may have been told since it was made.
    pub(crate) fn tell_beat(&self, beat: (u64, L::Frame)) {
        self.shared.tell(|tail| {
            tail.beats += 1;
            tail.beat.replace(beat)
        });
    }

    /// Ends the topic: every subscription yields `last` and nothing after it,
    /// and nobody can join any more.
    pub fn close(&self, last: L::Frame) {
        self.shared.lock().closed = true;
        self.shared.tell(|tail| tail.ending = Ending::Closed(last));
    }

    /// Tells every subscription to leave at a moment of its own.
    pub fn drain(&self) {
        self.shared.tell(|tail| {
            if matches!(tail.ending, Ending::Open) {
                tail.ending = Ending::Draining;
            }
        });
    }

    /// Seats taken now.
    pub fn subscribers(&self) -> usize {
        self.shared.lock().subscribers
    }

    /// Runs `act` under the lock if nobody is subscribed, so that no first-in
    /// can happen between the look and the act. Says whether it ran.
    pub fn if_empty(&self, act: impl FnOnce()) -> bool {
        let state = self.shared.lock();
        let empty = state.subscribers == 0;
        if empty {
            act();
        }
        empty
    }

    /// Closes the topic if nobody is subscribed; whoever still holds it is
    /// refused from now on. Says whether it did.
    pub fn retire(&self) -> bool {
        let mut state = self.shared.lock();
        if state.subscribers == 0 {
            state.closed = true;
        }
        state.closed
    }
}

impl<L: Live> Shared<L> {
    /// The tail, for a look of a few instructions.
    pub(crate) fn tail(&self) -> MutexGuard<'_, Tail<L::Frame>> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn waiters(&self) -> &Waiters {
        &self.waiters
    }

    /// Changes the tail, then wakes everyone: whoever registers in between
    /// looks at the tail after that and finds the change. What `change` takes out
    /// is freed at the end, outside the lock.
    fn tell<T>(&self, change: impl FnOnce(&mut Tail<L::Frame>) -> T) {
        let _old = change(&mut self.tail());
        self.waiters.wake_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<L>> {
        // Every section leaves the state whole at each step, so a panic inside
        // a caller's closure must not take the topic from everybody else.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What takes a subscriber from `cursor` to the present, with the number it
    /// is at then. `None`: it is there already, or there is nothing to show yet.
    pub(crate) fn catch_up(&self, cursor: Option<u64>) -> Option<(u64, Next<L::Frame>)> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let seq = state.ring.newest();
        let missed = cursor.and_then(|at| Some((at, state.ring.after(at)?)));
        let next = match missed {
            Some((at, _)) if at == seq => return None,
            Some((at, steps)) => {
                let kept = state.folds.get(&at).cloned();
                Next::Fold(kept.unwrap_or_else(|| {
                    let fold = state.live.fold(steps);
                    if state.folds.len() < MOST_FOLDS {
                        state.folds.insert(at, fold.clone());
                    }
                    fold
                }))
            }
            None => Next::Snapshot(state.live.snapshot()?),
        };
        Some((seq, next))
    }

    /// Gives a seat back; called once by each subscription, when it is dropped.
    pub(crate) fn leave(&self) {
        let mut state = self.lock();
        state.subscribers -= 1;
        if state.subscribers == 0 {
            self.audience.last_out();
        }
    }
}
