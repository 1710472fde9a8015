//! What one socket watches.

use std::task::{Context, Poll};

use crate::feed::{Channel, Push, Watch, What};

/// Subscriptions of one socket at most.
pub const MOST: usize = 500;

/// A list, not a map: most sockets have a few, and none has many.
#[derive(Default)]
pub struct Subscriptions {
    all: Vec<(Channel, Watch)>,
    /// Whose turn it is: a slow socket gets to each in turn.
    turn: usize,
}

/// What a push tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// A device's reading.
    Device,
    /// The open alerts.
    Alerts,
    /// That a source is away, or back.
    State,
}

impl Subscriptions {
    /// Whether another one has room beside, or in the place of, what is there.
    pub fn has_room_for(&self, channel: &Channel) -> bool {
        self.all.len() < MOST || self.all.iter().any(|(held, _)| held == channel)
    }

    /// Adds one. One of the same channel is replaced: whoever subscribes again is told the present again.
    pub fn add(&mut self, channel: Channel, watch: Watch) {
        self.remove(&channel);
        self.all.push((channel, watch));
    }

    /// Ends one, if there is one.
    pub fn remove(&mut self, channel: &Channel) {
        self.all.retain(|(held, _)| held != channel);
    }

    /// The next push that is owed, by turns. The task is woken when there is another.
    pub fn poll_push(&mut self, cx: &Context<'_>) -> Poll<(Told, Push)> {
        let count = self.all.len();
        for step in 0..count {
            let at = (self.turn + step) % count;
            let (channel, watch) = &mut self.all[at];
            if let Poll::Ready(push) = watch.poll_push(cx) {
                // Else a device that never rests would keep a slow socket from all others.
                self.turn = at + 1;
                let told = match (push.what, channel) {
                    (What::State, _) => Told::State,
                    (What::Data, Channel::Device(_)) => Told::Device,
                    (What::Data, Channel::Alerts) => Told::Alerts,
                };
                return Poll::Ready((told, push));
            }
        }
        Poll::Pending
    }
}
