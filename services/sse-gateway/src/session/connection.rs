//! One client's connection: connecting, open, ended. Pure but for the line that it is given; every change is one short
//! step under its lock, and says what follows from it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use farol_core::sse::Frame;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::connect::Refusal;
use super::forwarded::Forwarded;
use super::order::Order;
use super::outbox::{Line, Meters, Outbox};
use super::token::Token;

/// Events that are kept for a client whose connect is not answered yet.
const MOST_HELD_EVENTS: usize = 100;
/// And their bytes.
const MOST_HELD_BYTES: usize = 1024 * 1024;

/// Why a connection ended, as the backend is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The client left.
    ClientClosed,
    /// The backend asked for it, or the gateway stops.
    ServerClosed,
    /// The line broke, or nobody took what was sent.
    Error,
}

impl Reason {
    /// All of them, as metrics show them.
    pub const ALL: [Self; 3] = [Self::ClientClosed, Self::ServerClosed, Self::Error];

    /// As it stands in callbacks.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientClosed => "client_closed",
            Self::ServerClosed => "server_closed",
            Self::Error => "error",
        }
    }
}

/// What became of a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Written, or waiting for the client to take it.
    Done,
    /// Kept until the connect is answered.
    Held,
    /// Ended before.
    Gone,
    /// The line is broken, or too much waits.
    Broken,
}

/// What a change leaves to do for whoever made it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Step {
    /// The connection has ended with this: it leaves the registry.
    pub ended: Option<Reason>,
    /// The backend must be told, with the reason; said once in the life of a connection.
    pub tell: Option<Reason>,
}

/// A connection has ended, and this is the rest.
#[derive(Debug)]
pub struct Ended {
    /// Why.
    pub reason: Reason,
    /// What the client did not take yet.
    pub rest: Vec<Bytes>,
}

/// How the connect callback went.
#[derive(Debug)]
pub enum Settled {
    /// 2xx, and what it asks for.
    Accepted(Option<Order>),
    /// The backend does not know the token, for sure.
    Rejected(Refusal),
    /// It may know it.
    Unknown(Refusal),
}

/// One connection.
pub struct Connection {
    /// Its name.
    pub token: Token,
    /// What the client asked.
    pub request: Forwarded,
    /// When it came.
    pub since: DateTime<Utc>,
    /// HTTP/1.1's chunks; else plain bytes.
    chunked: bool,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    stage: Stage,
    /// Gone with the end, so that nothing is written behind it.
    line: Option<Line>,
    outbox: Outbox,
    /// Whether the backend knows the token, once that is settled.
    known: Option<bool>,
    answer: Option<Result<Option<Order>, Refusal>>,
    told: bool,
}

enum Stage {
    Connecting(Held),
    Open,
    Ended(Reason),
}

/// Sends that wait for the stream to open.
#[derive(Default)]
struct Held {
    frames: Vec<Frame>,
    bytes: usize,
    close: bool,
}

impl Connection {
    /// A connection that is connecting. `most` bounds what its client may let pile up.
    pub fn new(request: Forwarded, since: DateTime<Utc>, wire: Wire, meters: Meters) -> Self {
        Self {
            token: Token::fresh(),
            request,
            since,
            chunked: wire.chunked,
            state: Mutex::new(State {
                stage: Stage::Connecting(Held::default()),
                line: Some(wire.line),
                outbox: Outbox::new(wire.most, meters),
                known: None,
                answer: None,
                told: false,
            }),
            changed: Notify::new(),
        }
    }

    /// Follows an order of the backend: the event first, then the close.
    pub fn send(&self, order: Order, since: Instant) -> (Sent, Step) {
        let mut state = self.lock();
        let sent = match &mut state.stage {
            Stage::Ended(_) => Sent::Gone,
            Stage::Connecting(held) => held.take(order),
            Stage::Open => self.write(&mut state, &order, since),
        };
        (sent, self.step(state))
    }

    /// The connect callback is over.
    pub fn settle(&self, settled: Settled) -> Step {
        let mut state = self.lock();
        let (known, answer) = match settled {
            Settled::Accepted(order) => (true, Ok(order)),
            Settled::Rejected(refusal) => (false, Err(refusal)),
            Settled::Unknown(refusal) => (true, Err(refusal)),
        };
        state.known = Some(known);
        state.answer = Some(answer);
        self.step(state)
    }

    /// The backend's answer, once it is there; its refusal ends the connection. An accepted one is open from now on:
    /// `head` and `first` go out, then what the answer asks for, then what was sent meanwhile.
    pub fn open(&self, head: &[u8], first: Option<Frame>) -> Option<(Result<(), Refusal>, Step)> {
        let mut state = self.lock();
        let State { stage, answer, .. } = &mut *state;
        let Stage::Connecting(meanwhile) = stage else {
            return None;
        };
        let answer = answer.take()?;
        let meanwhile = std::mem::take(meanwhile);
        let order = match answer {
            Ok(order) => order.unwrap_or_default(),
            Err(refusal) => {
                state.end(Reason::Error);
                return Some((Err(refusal), self.step(state)));
            }
        };
        state.stage = Stage::Open;
        let mut frames: Vec<Frame> = first.into_iter().chain(order.frame).collect();
        // After a close nothing is sent.
        if !order.close {
            frames.extend(meanwhile.frames);
        }
        let bytes = [head, &self.bytes(&Frame::concat(&frames))].concat();
        state.write(bytes.into(), Instant::now());
        if order.close || meanwhile.close {
            state.end(Reason::ServerClosed);
        }
        Some((Ok(()), self.step(state)))
    }

    /// Writes a frame of the gateway itself, where the stream is open.
    pub fn say(&self, frame: &Frame) -> Step {
        let mut state = self.lock();
        if matches!(state.stage, Stage::Open) {
            state.write(self.bytes(frame), Instant::now());
        }
        self.step(state)
    }

    /// The socket takes more.
    pub fn flush(&self) -> Step {
        let mut guard = self.lock();
        let state = &mut *guard;
        if let Some(line) = &state.line
            && state.outbox.flush(line).is_err()
        {
            state.end(Reason::Error);
        }
        self.step(guard)
    }

    /// Ends it, unless it has ended.
    pub fn end(&self, reason: Reason) -> Step {
        let mut state = self.lock();
        state.end(reason);
        self.step(state)
    }

    /// Resolves when something may have changed for the task that owns the socket.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Bytes that the client has not taken.
    pub fn queued(&self) -> usize {
        self.lock().outbox.len()
    }

    /// Whether the end has come.
    pub fn has_ended(&self) -> bool {
        matches!(self.lock().stage, Stage::Ended(_))
    }

    /// The end, if it has come; its rest is handed out once.
    pub fn ended(&self) -> Option<Ended> {
        let mut state = self.lock();
        let Stage::Ended(reason) = state.stage else {
            return None;
        };
        let rest = state.outbox.take();
        Some(Ended { reason, rest })
    }

    fn write(&self, state: &mut State, order: &Order, since: Instant) -> Sent {
        if let Some(frame) = &order.frame {
            state.write(self.bytes(frame), since);
        }
        if matches!(state.stage, Stage::Ended(_)) {
            return Sent::Broken;
        }
        if order.close {
            state.end(Reason::ServerClosed);
        }
        Sent::Done
    }

    fn bytes(&self, frame: &Frame) -> Bytes {
        if self.chunked {
            frame.chunked()
        } else {
            frame.plain()
        }
    }

    /// What follows from the present state. The owner of the socket is woken where it has something to do: an answer,
    /// a rest to write, an end.
    fn step(&self, mut state: MutexGuard<'_, State>) -> Step {
        let ended = match state.stage {
            Stage::Ended(reason) => Some(reason),
            _ => None,
        };
        let tell = ended.filter(|_| state.known == Some(true) && !state.told);
        state.told |= tell.is_some();
        let wake = ended.is_some() || state.answer.is_some() || state.outbox.len() > 0;
        drop(state);
        if wake {
            self.changed.notify_one();
        }
        Step { ended, tell }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How bytes reach the client.
pub struct Wire {
    /// Its socket.
    pub line: Line,
    /// Whether it understands chunks.
    pub chunked: bool,
    /// Bytes that it may let pile up.
    pub most: usize,
}

impl State {
    fn write(&mut self, bytes: Bytes, since: Instant) {
        let Some(line) = &self.line else {
            return;
        };
        if self.outbox.send(line, bytes, since).is_err() {
            self.end(Reason::Error);
        }
    }

    fn end(&mut self, reason: Reason) {
        if !matches!(self.stage, Stage::Ended(_)) {
            self.stage = Stage::Ended(reason);
            self.line = None;
        }
    }
}

impl Held {
    fn take(&mut self, order: Order) -> Sent {
        if self.close {
            return Sent::Gone;
        }
        if let Some(frame) = order.frame {
            let full = self.frames.len() >= MOST_HELD_EVENTS;
            if full || self.bytes + frame.len() > MOST_HELD_BYTES {
                return Sent::Broken;
            }
            self.bytes += frame.len();
            self.frames.push(frame);
        }
        self.close = order.close;
        Sent::Held
    }
}
