//! What is under way on one connection.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use slab::Slab;
use tokio::time::Instant;

/// What is under way on one connection. Clones share it.
#[derive(Clone)]
pub struct Traffic(Rc<Inner>);

struct Inner {
    /// One entry per request that is not fully answered: when its body handed out
    /// bytes that the connection has not come back from yet.
    answers: RefCell<Slab<Option<Instant>>>,
    /// When bytes came in that nothing was written after.
    unanswered: Cell<Option<Instant>>,
    /// When bytes last came in or went out.
    active: Cell<Instant>,
}

impl Traffic {
    /// A connection that begins now.
    pub fn begin() -> Self {
        Self(Rc::new(Inner {
            answers: RefCell::default(),
            unanswered: Cell::new(None),
            active: Cell::new(Instant::now()),
        }))
    }

    /// A request has come.
    pub fn request(&self) -> Answer {
        Answer {
            place: self.0.answers.borrow_mut().insert(None),
            traffic: self.clone(),
        }
    }

    /// Requests that are not fully answered.
    pub fn answers(&self) -> usize {
        self.0.answers.borrow().len()
    }

    /// Whether an answer has waited for the client for `limit`.
    pub fn stalled_for(&self, limit: Duration) -> bool {
        let answers = self.0.answers.borrow();
        let mut handed = answers.iter().filter_map(|(_, handed)| *handed);
        handed.any(|since| since.elapsed() >= limit)
    }

    /// Whether the client has talked for `limit` without making sense.
    pub fn unanswered_for(&self, limit: Duration) -> bool {
        let since = self.0.unanswered.get();
        since.is_some_and(|since| since.elapsed() >= limit)
    }

    /// Whether nothing has come in or gone out for `limit`.
    pub fn idle_for(&self, limit: Duration) -> bool {
        self.0.active.get().elapsed() >= limit
    }

    /// Bytes came in.
    pub fn came_in(&self) {
        let now = Instant::now();
        self.0.active.set(now);
        let since = self.0.unanswered.get().unwrap_or(now);
        self.0.unanswered.set(Some(since));
    }

    /// Bytes went out.
    pub fn went_out(&self) {
        self.0.active.set(Instant::now());
        self.0.unanswered.set(None);
    }
}

/// One request that is not fully answered; dropping it says that it is, or that
/// nobody waits for it any more.
pub struct Answer {
    traffic: Traffic,
    place: usize,
}

impl Answer {
    /// The body handed out bytes.
    pub fn handed_out(&self) {
        self.note(Some(Instant::now()));
    }

    /// The connection asks for more: it has room for it.
    pub fn asked(&self) {
        self.note(None);
    }

    fn note(&self, handed: Option<Instant>) {
        if let Some(entry) = self.traffic.0.answers.borrow_mut().get_mut(self.place) {
            *entry = handed;
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.traffic.0.answers.borrow_mut().try_remove(self.place);
    }
}
