//! One open stream, whatever carries it: which frame comes next, when it leaves
//! in a drain, and why it ended. Knows neither sockets nor HTTP.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use farol_core::sse::Frame;
use live_hub::{Next, Subscription};
use tokio::time::{Instant, Sleep};

use super::feed::Feed;
use super::frame::{Mode, StatusFrame, closed, connected};
use super::project::{Kit, Project};
use crate::limits::Seat;

/// Reconnects after a network hiccup are spread over this many milliseconds.
const RETRY_FROM_MS: u64 = 2_000;
const RETRY_TO_MS: u64 = 5_000;

/// Why a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// The viewer left, or its network did.
    ClientGone,
    /// The viewer took nothing for too long.
    WriteDeadline,
    /// The project was deactivated.
    ProjectInactive,
    /// The process is stopping.
    Draining,
}

impl Closing {
    /// The label of `public_streams_closed_total`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientGone => "client_gone",
            Self::WriteDeadline => "write_deadline",
            Self::ProjectInactive => "project_inactive",
            Self::Draining => "draining",
        }
    }

    /// Every reason, so that metrics show zeros too.
    pub const ALL: [Self; 4] = [
        Self::ClientGone,
        Self::WriteDeadline,
        Self::ProjectInactive,
        Self::Draining,
    ];
}

/// What to write next.
pub enum Write {
    /// This, and go on; with what many get it is, for the metrics of the writer.
    Frame(Frame, Option<Arc<StatusFrame>>),
    /// This, and end.
    Last(Frame),
}

/// One open stream.
pub struct ViewerStream {
    subscription: Subscription<Feed>,
    kit: Arc<Kit>,
    mode: Mode,
    /// What follows the last frame, before anything newer is looked for.
    queued: Option<Frame>,
    leave: Option<Pin<Box<Sleep>>>,
    window: Duration,
    closing: Closing,
    _seat: Seat,
}

impl ViewerStream {
    /// A stream over a seat that was taken.
    pub fn new(
        project: &Project,
        subscription: Subscription<Feed>,
        mode: Mode,
        window: Duration,
        seat: Seat,
    ) -> Self {
        let kit = Arc::clone(&project.kit);
        let retry = RETRY_FROM_MS + kit.random.u64_below(RETRY_TO_MS - RETRY_FROM_MS + 1);
        kit.metrics.streams_open.inc();
        kit.metrics.said_hello();
        Self {
            queued: Some(connected(&project.slug, millis(retry))),
            subscription,
            kit,
            mode,
            leave: None,
            window,
            closing: Closing::ClientGone,
            _seat: seat,
        }
    }

    /// The first frame, for who sends it together with a head of its own.
    pub fn hello(&mut self) -> Frame {
        self.queued.take().unwrap_or_default()
    }

    /// What to write next. Ready until there is nothing to write.
    pub fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Write> {
        if let Some(frame) = self.queued.take() {
            return Poll::Ready(Write::Frame(frame, None));
        }
        if let Some(leave) = &mut self.leave
            && leave.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(self.last(Closing::Draining));
        }
        loop {
            let shared = match std::task::ready!(self.subscription.poll_next(cx)) {
                Next::Snapshot(frame) | Next::Step(frame) | Next::Beat(frame) => frame,
                Next::Fold(frame) => {
                    self.kit.metrics.folds.inc();
                    frame
                }
                Next::Closed(frame) => {
                    self.closing = Closing::ProjectInactive;
                    self.kit.metrics.said_goodbye();
                    return Poll::Ready(Write::Last(frame.for_mode(self.mode).0));
                }
                Next::Draining => {
                    if self.plan_to_leave(cx) {
                        return Poll::Ready(self.last(Closing::Draining));
                    }
                    continue;
                }
            };
            let (frame, behind) = shared.for_mode(self.mode);
            self.queued = behind;
            if !frame.is_empty() {
                return Poll::Ready(Write::Frame(frame, Some(shared)));
            }
        }
    }

    /// Notes that a frame went out.
    pub fn sent(&self, frame: &StatusFrame) {
        self.kit.metrics.sent(frame, self.mode);
    }

    /// Notes why the stream ends, where that is not the viewer's own leaving.
    pub fn ends(&mut self, closing: Closing) {
        self.closing = closing;
    }

    /// Says hello and goodbye: the process stops.
    pub fn leave_at_once(&mut self) {
        self.leave = Some(Box::pin(tokio::time::sleep(Duration::ZERO)));
    }

    /// Draws the moment to leave; true if that is now.
    fn plan_to_leave(&mut self, cx: &mut Context<'_>) -> bool {
        let window = Duration::ZERO..self.window;
        let at = Instant::now() + self.kit.random.duration_between(window);
        let mut leave = Box::pin(tokio::time::sleep_until(at));
        let now = leave.as_mut().poll(cx).is_ready();
        self.leave = Some(leave);
        now
    }

    /// The goodbye of a drain: the comeback of all is spread over twice the window.
    fn last(&mut self, closing: Closing) -> Write {
        self.closing = closing;
        self.kit.metrics.said_goodbye();
        let spread = self.window.as_secs() * 2_000;
        let retry = 1_000 + self.kit.random.u64_below(spread + 1);
        Write::Last(closed(closing.as_str(), Some(millis(retry))))
    }
}

impl Drop for ViewerStream {
    fn drop(&mut self) {
        self.kit.metrics.streams_open.dec();
        self.kit.metrics.closed(self.closing);
    }
}

fn millis(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
