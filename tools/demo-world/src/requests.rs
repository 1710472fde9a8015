//! The record of what was asked: counted before it is answered, so a test can wait for a request
//! that it holds back.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::message::Request;

/// Requests remembered in full per project; older ones are only counted.
const REMEMBERED: usize = 10_000;
/// How long `wait_for_requests` waits.
const WAIT: Duration = Duration::from_secs(20);

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    /// `GET`, mostly.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Header values by lower-case name; the last one of a repeated header.
    pub headers: BTreeMap<String, String>,
    /// When its head was complete.
    pub at: Instant,
    /// The status of the answer, set right before it is sent; `None` while there is none: held back,
    /// never answered, reset, or given up by the reader.
    pub status: Option<u16>,
    /// When that was.
    pub answered_at: Option<Instant>,
}

impl Seen {
    /// A header's value by any-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .get(&name.to_ascii_lowercase())
            .map(String::as_str)
    }

    /// A parameter of the query, decoded; the last one of a repeated parameter.
    pub fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.path.split_once('?')?;
        let pairs = form_urlencoded::parse(query.as_bytes());
        let named = pairs.filter(|(key, _)| key == name);
        named.last().map(|(_, value)| value.into_owned())
    }
}

/// The awaited number of requests did not come.
#[derive(Debug, Error)]
#[error("{project}: {wanted} requests awaited, {seen} seen after {WAIT:?}")]
pub struct TooFewRequests {
    project: String,
    wanted: u64,
    seen: u64,
}

/// Everything asked of one project.
#[derive(Debug)]
pub(crate) struct Ledger {
    log: Mutex<Log>,
    count: watch::Sender<u64>,
    flights: Mutex<Flights>,
}

#[derive(Debug, Default)]
struct Flights {
    now: usize,
    most: usize,
}

/// The last requests; `first` is the number of the oldest one that is remembered.
#[derive(Debug, Default)]
struct Log {
    first: u64,
    entries: VecDeque<Seen>,
}

impl Log {
    /// Remembers a request under the number that is returned: how many came before it.
    fn push(&mut self, seen: Seen) -> u64 {
        if self.entries.len() == REMEMBERED {
            self.entries.pop_front();
            self.first += 1;
        }
        self.entries.push_back(seen);
        self.first + self.entries.len() as u64 - 1
    }

    fn get_mut(&mut self, number: u64) -> Option<&mut Seen> {
        let place = number.checked_sub(self.first)?;
        self.entries.get_mut(usize::try_from(place).ok()?)
    }
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self {
            log: Mutex::default(),
            count: watch::Sender::new(0),
            flights: Mutex::default(),
        }
    }

    /// Counts a request; it is in flight until the returned guard is dropped. The second value
    /// tells how many came before it.
    pub(crate) fn admit(&self, request: &Request) -> (InFlight<'_>, u64) {
        let number = self.log().push(Seen {
            method: request.method.clone(),
            path: request.path.clone(),
            headers: request.headers.clone(),
            at: Instant::now(),
            status: None,
            answered_at: None,
        });
        let mut flights = self.flights();
        flights.now += 1;
        flights.most = flights.most.max(flights.now);
        drop(flights);
        self.count.send_modify(|count| *count += 1);
        let ledger = self;
        (InFlight { ledger, number }, number)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.log().entries.iter().cloned().collect()
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn count(&self) -> u64 {
        *self.count.borrow()
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.flights().now
    }

    pub(crate) fn concurrent_max(&self) -> usize {
        self.flights().most
    }

    fn flights(&self) -> MutexGuard<'_, Flights> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn wait_for(&self, project: &str, wanted: u64) -> Result<(), TooFewRequests> {
        let mut count = self.count.subscribe();
        let reached = tokio::time::timeout(WAIT, count.wait_for(|count| *count >= wanted)).await;
        match reached {
            Ok(Ok(_)) => Ok(()),
            _ => Err(TooFewRequests {
                project: project.to_owned(),
                wanted,
                seen: self.count(),
            }),
        }
    }
}

/// A request being answered.
#[derive(Debug)]
pub(crate) struct InFlight<'a> {
    ledger: &'a Ledger,
    number: u64,
}

impl InFlight<'_> {
    /// Writes the answer's status into the record, if the request is still remembered.
    pub(crate) fn answered(&self, status: u16) {
        if let Some(seen) = self.ledger.log().get_mut(self.number) {
            seen.status = Some(status);
            seen.answered_at = Some(Instant::now());
        }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.ledger.flights().now -= 1;
    }
}
