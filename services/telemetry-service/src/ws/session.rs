//! One task owns one socket: it hears, answers, and writes what the client is owed whenever the client can take it. A
//! slow client is written to less often, and then gets the newest state; nothing waits in a queue for it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::clockwork::{Clockwork, Due};
use super::desk::Desk;
use super::ending::Ending;
use super::manners::Manners;
use super::protocol::{self, Action, Answer, Complaint};
use super::seats::Seat;
use super::subscriptions::{Subscriptions, Told};
use crate::feed::{Channel, TooMany};
use crate::frame::Frame;
use crate::identity::{Denied, Viewer};
use crate::wire::{Heard, Socket};

/// So many answers wait to be written; then nothing is heard until the client has taken some.
const MOST_ANSWERS: usize = 8;
/// How long a client may take to say goodbye after we did.
const GOODBYE_WITHIN: Duration = Duration::from_secs(3);

type Renewal = Pin<Box<dyn Future<Output = Result<Viewer, Denied>>>>;

/// Somebody who was let in.
pub struct Guest {
    /// Their place, which says whose data they see; given back with the session.
    pub seat: Seat,
    /// Until when.
    pub expires_at: DateTime<Utc>,
    /// Told everything every interval, changed or not.
    pub repeats: bool,
}

/// An open socket.
pub struct Session<T> {
    socket: Socket<T>,
    desk: Arc<Desk>,
    guest: Guest,
    subscriptions: Subscriptions,
    answers: VecDeque<Frame>,
    owes_ping: bool,
    /// What the frame that is being written is.
    writing: Writing,
    clockwork: Clockwork,
    manners: Manners,
    /// A newer token that is being looked at.
    renewal: Option<Renewal>,
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
            guest,
            subscriptions: Subscriptions::default(),
            answers: VecDeque::new(),
            owes_ping: false,
            writing: Writing::Other,
            clockwork: Clockwork::begin(now, desk.patience, life),
            manners: Manners::begin(now),
            renewal: None,
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
        let tenant_id = self.guest.seat.tenant();
        tracing::debug!(%tenant_id, code = ending.label(), "a socket ends");
        self.desk.metrics.closed(ending);
        (self.socket, self.answers)
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
                    self.answer(&Answer::TokenExpiring { in_seconds });
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
            } else if let Some(frame) = self.answers.pop_front() {
                if self.answers.is_empty() {
                    // Most sockets say what they want once and then listen for hours.
                    self.answers = VecDeque::new();
                }
                self.socket.send(frame);
            } else if let Poll::Ready((told, push)) = self.subscriptions.poll_push(cx) {
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
        while self.answers.len() < MOST_ANSWERS {
            let Poll::Ready(heard) = self.socket.poll_hear(cx) else {
                break;
            };
            moved = true;
            match heard? {
                Heard::Text(text) => self.obey(&text)?,
                Heard::Binary => self.complain(protocol::BINARY)?,
                Heard::Ping(payload) => self.answers.push_back(Frame::pong(&payload)),
                Heard::Pong => self.clockwork.ponged(),
                Heard::Close(_) => return Err(Ending::Left),
            }
        }
        Ok(moved)
    }

    fn obey(&mut self, text: &[u8]) -> Result<(), Ending> {
        if !self.manners.may_speak(Instant::now()) {
            return self.complain(protocol::TOO_FAST);
        }
        match protocol::parse(text) {
            Err(complaint) => return self.complain(complaint),
            Ok(Action::Subscribe(channel)) => {
                if let Err(complaint) = self.subscribe(channel) {
                    return self.complain(complaint);
                }
            }
            Ok(Action::Unsubscribe(channel)) => {
                self.subscriptions.remove(&channel);
                self.answer(&Answer::Unsubscribed {
                    of: (&channel).into(),
                });
            }
            Ok(Action::Ping) => self.answer(&Answer::Pong),
            Ok(Action::Authenticate(token)) => {
                let gate = self.desk.gate.clone();
                // A second one takes the place of the first: the newest is what the client means.
                self.renewal = Some(Box::pin(async move { gate.admit(Some(&token)).await }));
            }
        }
        self.manners.good();
        Ok(())
    }

    fn subscribe(&mut self, channel: Channel) -> Result<(), Complaint> {
        if !self.subscriptions.has_room_for(&channel) {
            return Err("At most 500 subscriptions per connection");
        }
        let Guest { seat, repeats, .. } = &self.guest;
        let watch = self
            .desk
            .feeds
            .watch(seat.tenant(), channel.clone(), *repeats);
        let watch = watch.map_err(|TooMany| "Too many devices of this tenant are watched")?;
        self.answer(&Answer::Subscribed {
            of: (&channel).into(),
        });
        self.subscriptions.add(channel, watch);
        Ok(())
    }

    /// Looks at a newer token. One that does not hold changes nothing: the socket has the time of the token it came with.
    fn renew(&mut self, cx: &mut Context<'_>) -> Moved {
        let Some(renewal) = &mut self.renewal else {
            return Ok(false);
        };
        let Poll::Ready(admitted) = renewal.as_mut().poll(cx) else {
            return Ok(false);
        };
        self.renewal = None;
        match admitted {
            Ok(viewer) if viewer.tenant == *self.guest.seat.tenant() => {
                let life = self.desk.life_until(viewer.expires_at);
                self.clockwork.renew(Instant::now(), life);
                self.answer(&Answer::Authenticated {
                    expires_in: life.as_secs(),
                });
            }
            Ok(_) | Err(Denied::Unauthorized) => return Err(Ending::Unauthorized),
            Err(Denied::Away) => self.answer(&Answer::Error {
                message: "Tokens cannot be checked right now",
            }),
            Err(_) => self.complain("Invalid or expired token")?,
        }
        Ok(true)
    }

    fn answer(&mut self, answer: &Answer<'_>) {
        self.answers.push_back(answer.frame());
    }

    fn complain(&mut self, message: Complaint) -> Result<(), Ending> {
        self.answer(&Answer::Error { message });
        if self.manners.bad() {
            return Err(Ending::Misbehaved);
        }
        Ok(())
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

/// Ends `socket`: what is still to be said, the close frame, and a moment for the client to take it.
pub async fn say_goodbye<T: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut Socket<T>,
    mut last: VecDeque<Frame>,
    ending: Ending,
) {
    let Some((code, reason)) = ending.close() else {
        return;
    };
    last.push_back(Frame::close(code, reason));
    let parting = async {
        loop {
            if poll_fn(|cx| socket.poll_flush(cx)).await.is_err() {
                return;
            }
            let Some(frame) = last.pop_front() else {
                break;
            };
            socket.send(frame);
        }
        poll_fn(|cx| socket.poll_shutdown(cx)).await;
        // Closed before it has read what was under way to us, the kernel would reset the connection, and our close
        // frame could be lost.
        poll_fn(|cx| socket.poll_ignore(cx)).await;
    };
    // Whoever does not take it has had its chance.
    let _ = tokio::time::timeout(GOODBYE_WITHIN, parting).await;
}
