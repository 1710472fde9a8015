//! Gates before the portal: requests that meet one are held back until it is let go of.

use std::collections::BTreeMap;

use tokio::sync::watch;

use super::fault::Match;
use super::query::Asked;

/// The closed gates by number.
type Closed = BTreeMap<u64, Match>;

#[derive(Debug)]
pub(crate) struct Gates {
    closed: watch::Sender<Closed>,
}

impl Gates {
    pub(crate) fn new() -> Self {
        let closed = watch::Sender::new(Closed::new());
        Self { closed }
    }

    pub(crate) fn close(&self, matches: Match) -> Gate {
        let mut number = 0;
        self.closed.send_modify(|closed| {
            number = closed.last_key_value().map_or(0, |(last, _)| last + 1);
            closed.insert(number, matches);
        });
        let closed = self.closed.clone();
        Gate { closed, number }
    }

    /// Returns once no closed gate concerns the request.
    pub(crate) async fn pass(&self, asked: &Asked) {
        let mut closed = self.closed.subscribe();
        let open = |closed: &Closed| !closed.values().any(|matches| matches.meets(asked));
        // The sender is ours, so waiting cannot fail.
        let _ = closed.wait_for(open).await;
    }
}

/// Holds requests back; letting go of it lets them go.
#[derive(Debug)]
#[must_use = "dropping the gate releases what it holds"]
pub struct Gate {
    closed: watch::Sender<Closed>,
    number: u64,
}

impl Gate {
    /// Answers everything that waits, and from now on at once.
    pub fn release(self) {
        drop(self);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.closed.send_modify(|closed| {
            closed.remove(&self.number);
        });
    }
}
