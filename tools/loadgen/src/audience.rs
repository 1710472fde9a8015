//! All streams of a run, and the accounts of what they got.

use mio::{Interest, Registry, Token};

use crate::cli;
use crate::clock::Nanos;
use crate::error::{LoadError, While};
use crate::ledger::{Ledger, Seat};
use crate::sockets::{self, Target};
use crate::subscriber::Subscriber;

/// How often a second a slow stream reads.
const SLOW_READS: usize = 4;

/// The streams by token number.
#[derive(Debug)]
pub(crate) struct Audience {
    target: Target,
    slow_target: Target,
    /// Every so many-th stream is slow; 0: none is.
    slow_every: usize,
    slow_piece: usize,
    sources: u8,
    snapshot: bool,
    subscribers: Vec<Subscriber>,
    joined: usize,
    /// Older versions that slow streams got after newer ones.
    backward: u64,
    next_slow_read: Nanos,
    buffer: Vec<u8>,
    pub(crate) ledger: Ledger,
}

impl Audience {
    pub(crate) fn new(options: &cli::Streams) -> Result<Self, LoadError> {
        let target = Target::parse(&options.url)?;
        let slow_target = options
            .slow_url
            .as_deref()
            .map_or(Ok(target.clone()), Target::parse)?;
        let slow_every = every(options.slow_fraction);
        let slow = (0..options.connections)
            .filter(|number| is_slow(*number, slow_every))
            .count();
        Ok(Self {
            target,
            slow_target,
            slow_every,
            slow_piece: options.slow_rate / SLOW_READS,
            sources: options.source_addresses,
            snapshot: options.snapshot,
            subscribers: Vec::with_capacity(options.connections),
            joined: 0,
            backward: 0,
            next_slow_read: Nanos::now(),
            buffer: vec![0; 64 * 1024],
            ledger: Ledger::new(options.connections - slow)?,
        })
    }

    /// Opens one more stream.
    pub(crate) fn open(&mut self, registry: &Registry) -> Result<(), LoadError> {
        let number = self.subscribers.len();
        let slow = is_slow(number, self.slow_every);
        let target = if slow {
            &self.slow_target
        } else {
            &self.target
        };
        let from = sockets::source(number, self.sources, slow);
        let mut socket = sockets::ask(target.address, from, &target.get("text/event-stream"))?;
        registry
            .register(&mut socket, Token(number), Interest::READABLE)
            .doing("watching a stream")?;
        self.subscribers.push(Subscriber::new(socket, slow));
        Ok(())
    }

    pub(crate) fn all_have_joined(&self) -> bool {
        self.joined == self.subscribers.len()
    }

    pub(crate) fn joined(&self) -> usize {
        self.joined
    }

    /// Reads the stream with this token. A slow one is no longer watched once it has joined.
    pub(crate) fn on_readable(
        &mut self,
        token: usize,
        registry: &Registry,
    ) -> Result<(), LoadError> {
        let Some(subscriber) = self.subscribers.get_mut(token) else {
            return Ok(());
        };
        let had_joined = subscriber.has_joined(self.snapshot);
        let (ledger, backward) = (&mut self.ledger, &mut self.backward);
        let slow = subscriber.slow;
        let now = Nanos::now();
        subscriber.read(&mut self.buffer, usize::MAX, |seat, version| {
            if slow {
                *backward += u64::from(jumped_back(seat, version));
            } else {
                ledger.saw(seat, version, now);
            }
        })?;
        if !had_joined && subscriber.has_joined(self.snapshot) {
            self.joined += 1;
            // Without a first state the changes to come are counted from 0.
            subscriber.seat.last.get_or_insert(0);
            if slow {
                registry
                    .deregister(&mut subscriber.socket)
                    .doing("leaving a slow stream")?;
            }
        }
        Ok(())
    }

    /// Everybody has joined: what they have now is what the changes are counted from. `false` while
    /// somebody is still behind.
    pub(crate) fn settle(&mut self) -> bool {
        let lasts = || self.fast().filter_map(|it| it.seat.last);
        let (Some(least), Some(most)) = (lasts().min(), lasts().max()) else {
            return false;
        };
        self.ledger.start_after(most);
        least == most
    }

    /// Lets the slow streams read their share, when it is time.
    pub(crate) fn read_slowly(&mut self, now: Nanos) -> Result<(), LoadError> {
        if self.slow_piece == 0 || now < self.next_slow_read {
            return Ok(());
        }
        self.next_slow_read = now.plus_millis(1_000 / SLOW_READS as u64);
        let backward = &mut self.backward;
        for subscriber in self.subscribers.iter_mut().filter(|it| it.slow) {
            subscriber.read(&mut self.buffer, self.slow_piece, |seat, version| {
                *backward += u64::from(jumped_back(seat, version));
            })?;
        }
        Ok(())
    }

    /// The slow streams read freely from now on.
    pub(crate) fn release_slow(&mut self, registry: &Registry) -> Result<(), LoadError> {
        for (token, subscriber) in self
            .subscribers
            .iter_mut()
            .enumerate()
            .filter(|(_, it)| it.slow)
        {
            registry
                .register(&mut subscriber.socket, Token(token), Interest::READABLE)
                .doing("watching a slow stream")?;
        }
        Ok(())
    }

    /// Slow streams that are not at the newest version.
    pub(crate) fn slow_behind(&self) -> usize {
        let newest = self.ledger.newest();
        self.slow()
            .filter(|it| it.seat.last != Some(newest))
            .count()
    }

    pub(crate) fn backward(&self) -> u64 {
        self.backward
    }

    /// How many are slow, and the fewest versions that one of them was sent.
    pub(crate) fn slow_seen(&self) -> (usize, Option<u64>) {
        (
            self.slow().count(),
            self.slow().map(|it| it.seat.seen).min(),
        )
    }

    /// Bytes of events that the others got so far.
    pub(crate) fn fast_bytes(&self) -> u64 {
        self.fast().map(|it| it.bytes).sum()
    }

    fn fast(&self) -> impl Iterator<Item = &Subscriber> {
        self.subscribers.iter().filter(|it| !it.slow)
    }

    fn slow(&self) -> impl Iterator<Item = &Subscriber> {
        self.subscribers.iter().filter(|it| it.slow)
    }
}

/// 0.05 → every 20th.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of at least one in a billion"
)]
fn every(fraction: f64) -> usize {
    if fraction > 0.0 {
        (1.0 / fraction.max(1e-9)).round() as usize
    } else {
        0
    }
}

/// The first stream is never slow: it warms the server up.
fn is_slow(number: usize, every: usize) -> bool {
    every > 0 && number % every == every - 1
}

/// A slow stream may skip versions but never go back.
fn jumped_back(seat: &mut Seat, version: u64) -> bool {
    let Some(last) = seat.last.replace(version) else {
        return false;
    };
    seat.seen += 1;
    version <= last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slow_ones_are_spread_and_as_many_as_asked_for() {
        let slow = |fraction| {
            (0..100)
                .filter(|number| is_slow(*number, every(fraction)))
                .count()
        };
        assert_eq!((slow(0.05), slow(0.0), slow(0.5)), (5, 0, 50));
    }

    #[test]
    fn a_slow_stream_may_skip_but_not_go_back() {
        let mut seat = Seat {
            last: Some(3),
            seen: 0,
        };
        assert!(!jumped_back(&mut seat, 9));
        assert!(jumped_back(&mut seat, 4));
        assert_eq!(
            seat,
            Seat {
                last: Some(4),
                seen: 2
            }
        );
    }
}
