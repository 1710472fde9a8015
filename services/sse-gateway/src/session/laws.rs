//! The laws of a connection, over any sequence of what may happen to it.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

use chrono::DateTime;
use farol_core::sse::{Event, Frame};
use prometheus::{Histogram, HistogramOpts, IntCounter, IntGauge};
use proptest::prelude::*;
use tokio::time::Instant;

use super::connect::Refusal;
use super::connection::{Connection, Reason, Sent, Settled, Step, Wire};
use super::forwarded::Forwarded;
use super::order::Order;
use super::outbox::Meters;

const MOST: usize = 512;

#[derive(Clone, Debug)]
enum Happening {
    Send(Option<String>, bool),
    Settle(Outcome),
    Open,
    Say,
    Flush,
    End(Reason),
    /// From now on the socket takes so many bytes at a time; `None` breaks it.
    Takes(Option<usize>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    Accepted,
    Closing,
    Rejected,
    Unknown,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        8 => (proptest::option::of("[a-z]{0,12}"), prop::bool::weighted(0.1)).prop_map(|(data, close)| Happening::Send(data, close)),
        2 => prop_oneof![Just(Outcome::Accepted), Just(Outcome::Closing), Just(Outcome::Rejected), Just(Outcome::Unknown)].prop_map(Happening::Settle),
        3 => Just(Happening::Open),
        1 => Just(Happening::Say),
        2 => Just(Happening::Flush),
        1 => prop_oneof![Just(Reason::ClientClosed), Just(Reason::ServerClosed), Just(Reason::Error)].prop_map(Happening::End),
        2 => proptest::option::weighted(0.9, 0..40_usize).prop_map(Happening::Takes),
    ]
}

/// A socket that takes what it is told to take.
#[derive(Default)]
struct Socket {
    takes: Option<usize>,
    taken: Vec<u8>,
}

/// A connection, and what must be true of it.
struct Model {
    connection: Connection,
    socket: Arc<Mutex<Socket>>,
    buffered: IntGauge,
    settled: Option<Outcome>,
    told: Vec<Reason>,
    ended: Option<Reason>,
    opened: bool,
    /// Frames that were promised to arrive, in order, while the line holds.
    promised: VecDeque<Frame>,
}

impl Model {
    fn new() -> Self {
        let socket = Arc::new(Mutex::new(Socket {
            takes: Some(usize::MAX),
            taken: Vec::new(),
        }));
        let line = Arc::clone(&socket);
        let line = Box::new(move |bytes: &[u8]| {
            let mut socket = line.lock().unwrap();
            match socket.takes {
                None => Err(io::ErrorKind::BrokenPipe.into()),
                Some(0) => Err(io::ErrorKind::WouldBlock.into()),
                Some(most) => {
                    let len = bytes.len().min(most);
                    socket.taken.extend_from_slice(&bytes[..len]);
                    socket.takes = Some(most - len);
                    Ok(len)
                }
            }
        });
        let buffered = IntGauge::new("a", "a").unwrap();
        let meters = Meters {
            buffered: buffered.clone(),
            slow: IntCounter::new("b", "b").unwrap(),
            to_write: Histogram::with_opts(HistogramOpts::new("c", "c")).unwrap(),
        };
        let request = Forwarded {
            url: "/".into(),
            json: "{}".into(),
        };
        let wire = Wire {
            line,
            chunked: false,
            most: MOST,
        };
        Self {
            connection: Connection::new(request, DateTime::UNIX_EPOCH, wire, meters),
            socket,
            buffered,
            settled: None,
            told: Vec::new(),
            ended: None,
            opened: false,
            promised: VecDeque::new(),
        }
    }

    fn happens(&mut self, happening: Happening) {
        match happening {
            Happening::Send(data, close) => self.send(data, close),
            Happening::Settle(outcome) if self.settled.is_none() => {
                self.settled = Some(outcome);
                let order = |close| {
                    Some(Order {
                        close,
                        ..Order::default()
                    })
                };
                let settled = match outcome {
                    Outcome::Accepted => Settled::Accepted(order(false)),
                    Outcome::Closing => Settled::Accepted(order(true)),
                    Outcome::Rejected => Settled::Rejected(Refusal::Backend(403)),
                    Outcome::Unknown => Settled::Unknown(Refusal::Timeout),
                };
                let step = self.connection.settle(settled);
                self.follow(step);
            }
            Happening::Settle(_) => {}
            Happening::Open => {
                if let Some((opened, step)) = self.connection.open(b"", None) {
                    self.opened = opened.is_ok();
                    // What was sent during a connect that ends the stream comes after its end.
                    if self.settled == Some(Outcome::Closing) {
                        self.promised.clear();
                    }
                    self.follow(step);
                }
            }
            Happening::Say => {
                let step = self.connection.say(&Frame::default());
                self.follow(step);
            }
            Happening::Flush => {
                let step = self.connection.flush();
                self.follow(step);
            }
            Happening::End(reason) => {
                let step = self.connection.end(reason);
                self.follow(step);
                assert!(self.ended.is_some());
            }
            Happening::Takes(takes) => self.socket.lock().unwrap().takes = takes,
        }
    }

    fn send(&mut self, data: Option<String>, close: bool) {
        let frame = data.map(|data| Event::unnamed().data(&data).encode());
        let order = Order {
            token: None,
            frame: frame.clone(),
            close,
        };
        let (sent, step) = self.connection.send(order, Instant::now());
        let gone = self.ended.is_some();
        assert!(!gone || sent == Sent::Gone, "an ended one takes nothing");
        match sent {
            Sent::Done | Sent::Held => self.promised.extend(frame),
            Sent::Broken | Sent::Gone => {}
        }
        self.follow(step);
        assert!(sent != Sent::Done || !close || self.ended.is_some());
    }

    fn follow(&mut self, step: Step) {
        assert!(
            self.ended.is_none() || self.ended == step.ended,
            "an end is final"
        );
        self.ended = step.ended;
        self.told.extend(step.tell);
        assert!(self.connection.queued() <= MOST);
        let queued = i64::try_from(self.connection.queued()).unwrap();
        assert_eq!(self.buffered.get(), queued);
    }

    fn judge(self) {
        let known = self
            .settled
            .is_some_and(|outcome| outcome != Outcome::Rejected);
        let wanted: Vec<Reason> = self.ended.filter(|_| known).into_iter().collect();
        assert_eq!(self.told, wanted, "told once, where it must be");
        let mut sent = std::mem::take(&mut self.socket.lock().unwrap().taken);
        if self.ended == Some(Reason::ServerClosed) {
            sent.extend(self.connection.ended().unwrap().rest.concat());
        }
        let promised: Vec<Frame> = self.promised.into();
        let promised = Frame::concat(&promised).plain();
        assert!(promised.starts_with(&sent), "in order, without a gap");
        let waits = self.connection.queued();
        let is_whole = self
            .ended
            .is_none_or(|reason| reason == Reason::ServerClosed);
        assert!(
            !self.opened || !is_whole || sent.len() + waits == promised.len(),
            "nothing is forgotten"
        );
        drop(self.connection);
        assert_eq!(self.buffered.get(), 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn a_disconnect_is_told_once_if_ever_and_what_arrives_has_no_gap(
        happenings in prop::collection::vec(happening(), 0..60),
    ) {
        let mut model = Model::new();
        for happening in happenings {
            model.happens(happening);
        }
        model.judge();
    }
}
