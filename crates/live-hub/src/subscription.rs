//! One subscriber: a cursor into a topic, and what it must write next.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::live::Live;
use crate::topic::{Ending, Shared};

/// Where a new subscriber stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// It knows nothing: the whole state comes first.
    Fresh,
    /// It has seen every step up to this one; if the ring no longer reaches
    /// back that far, the whole state comes first.
    After(u64),
}

/// What a subscriber has to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next<F> {
    /// The whole state: the subscriber had no position, or had lost it.
    Snapshot(F),
    /// The one step that follows what the subscriber has.
    Step(F),
    /// Several missed steps in one frame.
    Fold(F),
    /// A sign of life; nothing has changed.
    Beat(F),
    /// The topic is draining: leave at a moment of your own. Said once; steps
    /// go on until the subscription is dropped.
    Draining,
    /// The last frame of this topic. Every later call says so again.
    Closed(F),
}

/// A seat in a topic. Dropping it gives the seat back.
///
/// It holds no queue: a subscriber that does not call [`Subscription::next`]
/// costs its topic nothing, and catches up with one frame when it does.
pub struct Subscription<L: Live> {
    topic: Arc<Shared<L>>,
    slot: usize,
    /// What is registered in the slot now.
    waker: Option<Waker>,
    /// Number of the last step handed out; `None` before the first snapshot.
    cursor: Option<u64>,
    beats: u64,
    told_to_drain: bool,
}

impl<L: Live> Subscription<L> {
    pub(crate) fn new(topic: Arc<Shared<L>>, cursor: Option<u64>) -> Self {
        let slot = topic.waiters().enter();
        let beats = topic.tail().beats;
        Self {
            topic,
            slot,
            waker: None,
            cursor,
            beats,
            told_to_drain: false,
        }
    }

    /// Whether it has a position: the one it came back with, or that of the last
    /// frame handed out.
    pub fn has_position(&self) -> bool {
        self.cursor.is_some()
    }

    /// Waits until there is something to write. Cancel safe.
    pub async fn next(&mut self) -> Next<L::Frame> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`Subscription::next`], for callers that poll several things at once.
    /// The task of the last call is woken for every change from then on, also
    /// for those that come after a `Ready`.
    pub fn poll_next(&mut self, cx: &Context<'_>) -> Poll<Next<L::Frame>> {
        let registered = self.waker.as_ref();
        if !registered.is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.topic.waiters().register(self.slot, cx.waker());
            self.waker = Some(cx.waker().clone());
        }
        // Registered first, then looked: a change in between wakes us again.
        self.try_next().map_or(Poll::Pending, Poll::Ready)
    }

    /// What there is to write now, or `None` when the subscriber is up to date.
    pub fn try_next(&mut self) -> Option<Next<L::Frame>> {
        let tail = self.topic.tail();
        match &tail.ending {
            Ending::Open => {}
            Ending::Closed(last) => return Some(Next::Closed(last.clone())),
            Ending::Draining if self.told_to_drain => {}
            Ending::Draining => {
                self.told_to_drain = true;
                return Some(Next::Draining);
            }
        }
        // `<=`: catching up under the lock may have overtaken the tail.
        let up_to_date = self.cursor.is_some_and(|at| tail.seq <= at);
        let one_behind = self.cursor.is_some_and(|at| tail.seq == at + 1);
        if let Some(frame) = tail.frame.as_ref().filter(|_| one_behind) {
            self.cursor = Some(tail.seq);
            self.beats = tail.beats;
            return Some(Next::Step(frame.clone()));
        }
        drop(tail);
        let missed = if up_to_date { None } else { self.catch_up() };
        missed.or_else(|| self.beat())
    }

    /// The newest sign of life, unless it was seen or something newer went out
    /// after it.
    fn beat(&mut self) -> Option<Next<L::Frame>> {
        let tail = self.topic.tail();
        let silent = tail.beats == self.beats;
        self.beats = tail.beats;
        let (told, beat) = tail.beat.as_ref().filter(|_| !silent)?;
        // Made before a step that we have, told after it.
        let overtaken = self.cursor.is_some_and(|at| at > *told);
        (!overtaken).then(|| Next::Beat(beat.clone()))
    }

    fn catch_up(&mut self) -> Option<Next<L::Frame>> {
        let (seq, next) = self.topic.catch_up(self.cursor)?;
        self.cursor = Some(seq);
        self.beats = self.topic.tail().beats;
        Some(next)
    }
}

impl<L: Live> Drop for Subscription<L> {
    fn drop(&mut self) {
        self.topic.waiters().leave(self.slot);
        self.topic.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::{Next, Resume};
    use crate::live::{Live, Published};
    use crate::topic::{RingLimits, Topic};

    /// Shows how many steps there were.
    struct Count(u64);

    impl Live for Count {
        type Step = ();
        type Frame = u64;

        fn snapshot(&mut self) -> Option<u64> {
            Some(self.0)
        }

        fn fold<'a>(&mut self, _: impl Iterator<Item = &'a ()>) -> u64 {
            self.0
        }

        fn weight((): &()) -> usize {
            1
        }
    }

    #[test]
    fn a_beat_that_is_told_after_a_newer_step_is_not_heard() {
        let limits = RingLimits {
            steps: 8,
            weight: 8,
        };
        let topic = Topic::new(Count(0), limits, ());
        let mut seat = topic.join(Resume::Fresh).ok();
        let mut next = || seat.as_mut().and_then(super::Subscription::try_next);
        assert_eq!(next(), Some(Next::Snapshot(0)));
        topic.update(|count, seq| {
            count.0 = seq;
            let (step, frame) = ((), seq);
            Some(Published { step, frame })
        });
        assert_eq!(next(), Some(Next::Step(1)));

        topic.tell_beat((0, 0));
        assert_eq!(next(), None);
        topic.beat(|count| count.0);
        assert_eq!(next(), Some(Next::Beat(1)));
    }
}
