//! One socket's seat at one channel: no queue, only what it has seen.

use std::task::{Context, Poll};

use live_hub::{Next, Subscription};

use super::present::{Present, View};
use super::seen::{Push, Seen};

/// A seat. Dropping it gives the seat back.
pub struct Watch {
    seat: Subscription<Present>,
    seen: Seen,
    /// What was looked at and has not been written whole: a view may be two messages.
    looked_at: Option<View>,
    /// Told the content every interval, changed or not.
    repeats: bool,
}

impl Watch {
    pub(super) fn new(seat: Subscription<Present>, repeats: bool) -> Self {
        Self {
            seat,
            seen: Seen::default(),
            looked_at: None,
            repeats,
        }
    }

    /// The next message that is owed. Asked only when it can be written: whoever asks late gets the newest state, and
    /// nothing waits for them meanwhile. The task of the last call is woken for every change.
    pub fn poll_push(&mut self, cx: &Context<'_>) -> Poll<Push> {
        while let Poll::Ready(next) = self.seat.poll_next(cx) {
            match next {
                Next::Snapshot(view) | Next::Step(view) | Next::Fold(view) => {
                    self.looked_at = Some(view);
                }
                Next::Beat(view) if self.repeats => {
                    self.seen.again();
                    self.looked_at = Some(view);
                }
                Next::Beat(_) | Next::Draining => {}
                // A topic is closed only when nobody is in it.
                Next::Closed(_) => break,
            }
        }
        let Some(view) = &self.looked_at else {
            return Poll::Pending;
        };
        if let Some(push) = self.seen.owed(view) {
            return Poll::Ready(push);
        }
        self.looked_at = None;
        Poll::Pending
    }
}
