//! What a client has not taken yet, and the line on which it is sent.

use std::collections::VecDeque;
use std::io;

use bytes::Bytes;
use prometheus::{Histogram, IntCounter, IntGauge};
use tokio::time::Instant;

/// What an entry takes beside its bytes: a backend that sends letter by letter must not multiply what a client may let
/// pile up.
const PER_ENTRY: usize = 96;

/// Hands bytes to the client's socket without waiting, and says how many it took.
pub type Line = Box<dyn Fn(&[u8]) -> io::Result<usize> + Send + Sync>;

/// The meters that every outbox moves.
#[derive(Clone)]
pub struct Meters {
    /// `gateway_buffered_bytes`
    pub buffered: IntGauge,
    /// `gateway_slow_readers_total`
    pub slow: IntCounter,
    /// `gateway_send_to_write_seconds`
    pub to_write: Histogram,
}

/// Bytes on their way to one client, in order and bounded.
pub struct Outbox {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    most: usize,
    meters: Meters,
}

struct Waiting {
    bytes: Bytes,
    since: Instant,
}

/// More than a client may let pile up, or no line any more.
#[derive(Debug)]
pub struct Broken;

impl Outbox {
    pub fn new(most: usize, meters: Meters) -> Self {
        Self {
            waiting: VecDeque::new(),
            bytes: 0,
            most,
            meters,
        }
    }

    /// Bytes that wait.
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// Sends `bytes`, as far as the line takes them now; the rest waits.
    pub fn send(&mut self, line: &Line, bytes: Bytes, since: Instant) -> Result<(), Broken> {
        let mut entry = Waiting { bytes, since };
        // The line takes everything nearly always, and then nothing is queued at all.
        if self.waiting.is_empty() && self.put(line, &mut entry)? {
            return Ok(());
        }
        let taken = self.bytes + self.waiting.len() * PER_ENTRY;
        if taken + entry.bytes.len() > self.most {
            self.meters.slow.inc();
            return Err(Broken);
        }
        self.count(entry.bytes.len());
        self.waiting.push_back(entry);
        Ok(())
    }

    /// Goes on with what waits.
    pub fn flush(&mut self, line: &Line) -> Result<(), Broken> {
        while let Some(mut entry) = self.waiting.pop_front() {
            let before = entry.bytes.len();
            let done = self.put(line, &mut entry);
            self.discount(before - entry.bytes.len());
            if !done? {
                self.waiting.push_front(entry);
                break;
            }
        }
        Ok(())
    }

    /// Everything that waits, for whoever ends the stream.
    pub fn take(&mut self) -> Vec<Bytes> {
        self.discount(self.bytes);
        self.waiting.drain(..).map(|entry| entry.bytes).collect()
    }

    /// Whether the line took all of it.
    fn put(&self, line: &Line, entry: &mut Waiting) -> Result<bool, Broken> {
        while !entry.bytes.is_empty() {
            match line(&entry.bytes) {
                Ok(taken) => entry.bytes = entry.bytes.slice(taken..),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Broken),
            }
        }
        let waited = entry.since.elapsed();
        self.meters.to_write.observe(waited.as_secs_f64());
        Ok(true)
    }

    fn count(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.meters.buffered.add(gauged(bytes));
    }

    fn discount(&mut self, bytes: usize) {
        self.bytes -= bytes;
        self.meters.buffered.sub(gauged(bytes));
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.discount(self.bytes);
    }
}

fn gauged(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
