//! One task owns one socket: it hears, answers, and writes what the client is owed whenever the client can take it. A
//! slow client is written to less often, and then gets the newest state; nothing waits in a queue for it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::clockwork::{Clockwork, Due};
use super::conversation::{Conversation, Guest};
use super::desk::Desk;
use super::ending::Ending;
use super::goodbye::say_goodbye;
use super::protocol::Answer;
use super::subscriptions::Told;
use crate::frame::Frame;
use crate::wire::{Heard, Socket};

/// An open socket.
pub struct Session<T> {
    socket: Socket<T>,
    desk: Arc<Desk>,
    conversation: Conversation,
    owes_ping: bool,
    /// What the frame that is being written is.
    writing: Writing,
    clockwork: Clockwork,
    alarm: Pin<Box<Sleep>>,
    stopping: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

/// What a frame is, for what follows from its being written.
enum Writing {
    Other,
    Ping,
    Push(Told, Option<Instant>),
}

/// Whether a step led anywhere.
type Moved = Result<bool, Ending>;

impl<T: AsyncRead + AsyncWrite + Unpin> Session<T> {
    /// A session of `guest` on `socket`.
    pub fn new(socket: Socket<T>, desk: Arc<Desk>, guest: Guest) -> Self {
        let now = Instant::now();
        let life = desk.life_until(guest.expires_at);
        let stopping = desk.stopping.clone().cancelled_owned();
        Self {
            socket,
            conversation: Conversation::begin(Arc::clone(&desk), guest),
            owes_ping: false,
            writing: Writing::Other,
            clockwork: Clockwork::begin(now, desk.patience, life),
            alarm: Box::pin(sleep_until(now)),
            stopping: Some(Box::pin(stopping)),
            desk,
        }
    }

    /// Runs until the socket ends, one way or the other.
    pub async fn run(mut self) {
        let ended = poll_fn(|cx| match self.step(cx) {
            Ok(()) => Poll::Pending,
            Err(ending) => Poll::Ready(ending),
        });
        let ending = ended.await;
        let (mut socket, answers) = self.leave(ending);
        say_goodbye(&mut socket, answers, ending).await;
    }

    /// Gives back what others wait for, the seat above all, before a goodbye that may take a while.
    fn leave(self, ending: Ending) -> (Socket<T>, VecDeque<Frame>) {
        let tenant_id = self.conversation.tenant();
        tracing::debug!(%tenant_id, code = ending.label(), "a socket ends");
        self.desk.metrics.closed(ending);
        (self.socket, self.conversation.end())
    }

    /// Does all that can be done now; then something that was asked for will wake us.
    fn step(&mut self, cx: &mut Context<'_>) -> Result<(), Ending> {
        loop {
            let moved = self.tick(cx)? | self.write(cx)? | self.renew(cx)? | self.hear(cx)?;
            if !moved && !self.ring(cx) {
                return Ok(());
            }
        }
    }

    /// What is due by the clock.
    fn tick(&mut self, cx: &mut Context<'_>) -> Moved {
        let now = Instant::now();
        if let Some(stopping) = &mut self.stopping
            && stopping.as_mut().poll(cx).is_ready()
        {
            self.stopping = None;
            let moment = self
                .desk
                .random
                .duration_between(Duration::ZERO..self.desk.drain);
            self.clockwork.drain(now + moment);
        }
        let mut moved = false;
        while let Some(due) = self.clockwork.due(now, self.socket.blocked()) {
            moved = true;
            match due {
                Due::Ping => self.owes_ping = true,
                Due::Warn(left) => {
                    let in_seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
                    self.conversation.say(&Answer::TokenExpiring { in_seconds });
                }
                Due::Silent => return Err(Ending::Silent),
                Due::Slow => return Err(Ending::Slow),
                Due::Expired => return Err(Ending::Expired),
                Due::Drained => return Err(Ending::Drained),
            }
        }
        Ok(moved)
    }

    /// Writes answers first, then whatever is owed.
    fn write(&mut self, cx: &mut Context<'_>) -> Moved {
        let mut moved = false;
        while self.socket.poll_flush(cx)?.is_ready() {
            self.written();
            if std::mem::take(&mut self.owes_ping) {
                self.writing = Writing::Ping;
                self.socket.send(Frame::ping());
            } else if let Some(frame) = self.conversation.next_answer() {
                self.socket.send(frame);
            } else if let Poll::Ready((told, push)) = self.conversation.poll_push(cx) {
                self.writing = Writing::Push(told, push.hinted);
                self.socket.send(push.frame);
            } else {
                break;
            }
            moved = true;
        }
        Ok(moved)
    }

    /// The last frame is out.
    fn written(&mut self) {
        match std::mem::replace(&mut self.writing, Writing::Other) {
            Writing::Other => {}
            Writing::Ping => self.clockwork.pinged(Instant::now()),
            Writing::Push(told, hinted) => {
                let metrics = &self.desk.metrics;
                match told {
                    Told::Device => metrics.pushes.device.inc(),
                    Told::Alerts => metrics.pushes.alerts.inc(),
                    Told::State => metrics.pushes.state.inc(),
                }
                if let Some(hinted) = hinted {
                    metrics
                        .commit_to_push
                        .observe(hinted.elapsed().as_secs_f64());
                }
            }
        }
    }

    /// Hears as long as the client takes its answers.
    fn hear(&mut self, cx: &mut Context<'_>) -> Moved {
        let mut moved = false;
        while self.conversation.can_hear() {
            let Poll::Ready(heard) = self.socket.poll_hear(cx) else {
                break;
            };
            moved = true;
            match heard? {
                Heard::Text(text) => self.conversation.hear(&text)?,
                Heard::Binary => self.conversation.hear_binary()?,
                Heard::Ping(payload) => self.conversation.hear_ping(&payload)?,
                Heard::Pong => self.clockwork.ponged(),
                Heard::Close(_) => return Err(Ending::Left),
            }
        }
        Ok(moved)
    }

    /// A newer token counts from now on.
    fn renew(&mut self, cx: &mut Context<'_>) -> Moved {
        let Poll::Ready(renewed) = self.conversation.poll_renewal(cx) else {
            return Ok(false);
        };
        if let Some(life) = renewed? {
            self.clockwork.renew(Instant::now(), life);
        }
        Ok(true)
    }

    /// Sets the alarm for whatever is due next. Says whether it rings already.
    fn ring(&mut self, cx: &mut Context<'_>) -> bool {
        let next = self.clockwork.next(self.socket.blocked());
        if self.alarm.deadline() != next {
            self.alarm.as_mut().reset(next);
        }
        self.alarm.as_mut().poll(cx).is_ready()
    }
}
