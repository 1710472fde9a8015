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
}

impl Seen {
    /// A header's value by any-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .get(&name.to_ascii_lowercase())
            .map(String::as_str)
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
    seen: Mutex<VecDeque<Seen>>,
    count: watch::Sender<u64>,
    flights: Mutex<Flights>,
}

#[derive(Debug, Default)]
struct Flights {
    now: usize,
    most: usize,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self {
            seen: Mutex::default(),
            count: watch::Sender::new(0),
            flights: Mutex::default(),
        }
    }

    /// Counts a request; it is in flight until the returned guard is dropped. The second value
    /// tells how many came before it.
    pub(crate) fn admit(&self, request: &Request) -> (InFlight<'_>, u64) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() == REMEMBERED {
            seen.pop_front();
        }
        seen.push_back(Seen {
            method: request.method.clone(),
            path: request.path.clone(),
            headers: request.headers.clone(),
            at: Instant::now(),
        });
        drop(seen);
        let mut flights = self.flights();
        flights.now += 1;
        flights.most = flights.most.max(flights.now);
        drop(flights);
        let mut before = 0;
        self.count.send_modify(|count| {
            before = *count;
            *count += 1;
        });
        (InFlight { ledger: self }, before)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
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
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.ledger.flights().now -= 1;
    }
}
