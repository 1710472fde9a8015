//! The accounts of a run: who got which change when. A stream that skips or repeats one is found
//! here, whatever the reason.

use hdrhistogram::Histogram;

use crate::clock::Nanos;
use crate::error::LoadError;

/// What one stream has seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Seat {
    /// Number of its newest version, once it has one.
    pub(crate) last: Option<u64>,
    /// Versions seen after the first.
    pub(crate) seen: u64,
}

/// One change that was caused.
#[derive(Debug, Clone, Copy)]
struct Change {
    fired: Nanos,
    reached: usize,
    last_at: Nanos,
}

/// The accounts of all streams that must get every change.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// How many must get each change.
    audience: usize,
    /// The version that everybody had before the first change.
    base: u64,
    changes: Vec<Change>,
    latency: Histogram<u64>,
    pub(crate) lost: u64,
    pub(crate) repeated: u64,
}

impl Ledger {
    pub(crate) fn new(audience: usize) -> Result<Self, LoadError> {
        Ok(Self {
            audience,
            base: 0,
            changes: Vec::new(),
            latency: histogram()?,
            lost: 0,
            repeated: 0,
        })
    }

    /// The changes to come follow this version.
    pub(crate) fn start_after(&mut self, base: u64) {
        self.base = base;
    }

    /// One more change is on its way; returns its number, from 1.
    pub(crate) fn fire(&mut self, now: Nanos) -> u64 {
        self.changes.push(Change {
            fired: now,
            reached: 0,
            last_at: now,
        });
        self.changes.len() as u64
    }

    pub(crate) fn fired(&self) -> u64 {
        self.changes.len() as u64
    }

    /// The version after the last change.
    pub(crate) fn newest(&self) -> u64 {
        self.base + self.fired()
    }

    /// A stream got `version`. A first version is where it starts, not a change.
    pub(crate) fn saw(&mut self, seat: &mut Seat, version: u64, now: Nanos) {
        let Some(last) = seat.last.replace(version) else {
            return;
        };
        seat.seen += 1;
        if version <= last {
            self.repeated += 1;
            return;
        }
        self.lost += version - last - 1;
        let Some(change) = self.change(version) else {
            return;
        };
        change.reached += 1;
        change.last_at = now;
        let waited = now.since(change.fired);
        // The histogram grows as needed; only a value beyond u64 could be refused.
        let _ = self.latency.record(waited);
    }

    /// Whether every change so far has reached everybody.
    pub(crate) fn is_complete(&self) -> bool {
        self.changes
            .iter()
            .all(|change| change.reached == self.audience)
    }

    /// What is still owed, for a message.
    pub(crate) fn missing(&self) -> u64 {
        let owed = |change: &Change| (self.audience - change.reached.min(self.audience)) as u64;
        self.changes.iter().map(owed).sum()
    }

    pub(crate) fn deliveries(&self) -> u64 {
        self.latency.len()
    }

    /// Nanoseconds from the change to a delivery, by quantile.
    pub(crate) fn latency_at(&self, quantile: f64) -> u64 {
        self.latency.value_at_quantile(quantile)
    }

    /// Nanoseconds from each change to its last delivery, shortest first.
    pub(crate) fn until_last(&self) -> Vec<u64> {
        let mut spans: Vec<u64> = self
            .changes
            .iter()
            .map(|it| it.last_at.since(it.fired))
            .collect();
        spans.sort_unstable();
        spans
    }

    fn change(&mut self, version: u64) -> Option<&mut Change> {
        let index = version.checked_sub(self.base + 1)?;
        self.changes.get_mut(usize::try_from(index).ok()?)
    }
}

/// Three significant digits, growing to whatever nanoseconds come.
pub(crate) fn histogram() -> Result<Histogram<u64>, LoadError> {
    Histogram::new(3).map_err(|error| LoadError::Unexpected(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(versions: &[&[u64]], changes: u64) -> Ledger {
        let mut ledger = Ledger::new(versions.len()).unwrap();
        ledger.start_after(4);
        (0..changes).for_each(|n| assert_eq!(ledger.fire(Nanos(n * 100)), n + 1));
        for (index, seen) in versions.iter().enumerate() {
            let mut seat = Seat::default();
            seen.iter().for_each(|version| {
                ledger.saw(
                    &mut seat,
                    *version,
                    Nanos((*version - 4) * 100 + index as u64),
                );
            });
        }
        ledger
    }

    #[test]
    fn a_run_in_which_everybody_got_everything_is_complete() {
        let ledger = run(&[&[4, 5, 6], &[4, 5, 6]], 2);
        assert!(ledger.is_complete());
        assert_eq!(
            (ledger.lost, ledger.repeated, ledger.deliveries()),
            (0, 0, 4)
        );
        assert_eq!(ledger.until_last(), [101, 101]);
        assert_eq!(ledger.newest(), 6);
    }

    #[test]
    fn a_gap_in_one_stream_is_a_loss() {
        let ledger = run(&[&[4, 5, 6, 7], &[4, 5, 7]], 3);
        assert!(!ledger.is_complete());
        assert_eq!((ledger.lost, ledger.missing()), (1, 1));
    }

    #[test]
    fn a_missing_last_change_is_no_gap_but_still_missed() {
        let ledger = run(&[&[4, 5, 6], &[4, 5]], 2);
        assert_eq!(
            (ledger.lost, ledger.missing(), ledger.is_complete()),
            (0, 1, false)
        );
    }

    #[test]
    fn a_repeated_or_older_version_is_counted_apart() {
        let ledger = run(&[&[4, 5, 5, 4]], 1);
        assert_eq!((ledger.repeated, ledger.deliveries()), (2, 1));
    }
}
