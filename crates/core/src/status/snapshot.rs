//! The state of a project at one moment, and the difference between two such states. Versions,
//! times and who may see them are up to services.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::iter::Peekable;

use serde::{Serialize, Serializer};

use super::Status;

/// The status of every unit of a project. Sorted by key and without duplicates, so that two
/// snapshots are compared in one walk. Serialises as a JSON map.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    entries: Vec<(Box<str>, Status)>,
}

impl Snapshot {
    /// Takes entries that are sorted by key, each key once.
    pub(super) fn from_sorted(entries: Vec<(Box<str>, Status)>) -> Self {
        debug_assert!(entries.is_sorted_by(|a, b| a.0 < b.0));
        Self { entries }
    }

    /// The number of units.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no unit.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The status of one unit.
    pub fn get(&self, key: &str) -> Option<Status> {
        let place = self
            .entries
            .binary_search_by(|(known, _)| known.as_ref().cmp(key))
            .ok()?;
        self.entries.get(place).map(|(_, status)| *status)
    }

    /// The units in the order of their keys (by bytes).
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, Status)> + Clone {
        self.entries
            .iter()
            .map(|(key, status)| (key.as_ref(), *status))
    }

    /// What must be done to this snapshot to get `next`; empty if and only if they are equal.
    pub fn diff(&self, next: &Self) -> Delta {
        let mut delta = Delta::default();
        for (key, before, after) in merge_join(self.iter(), next.iter()) {
            match after {
                Some(status) if before != after => {
                    delta.updates.insert(key.into(), status);
                }
                Some(_) => {}
                None => {
                    delta.removed.insert(key.into());
                }
            }
        }
        delta
    }

    /// This snapshot with `delta` done to it: `a.apply(&a.diff(&b)) == b`.
    pub fn apply(&self, delta: &Delta) -> Self {
        let updates = delta.updates.iter().map(|(key, to)| (key.as_ref(), *to));
        let mut entries = Vec::with_capacity(self.len() + delta.updates.len());
        for (key, before, after) in merge_join(self.iter(), updates) {
            let kept = || before.filter(|_| !delta.removed.contains(key));
            if let Some(status) = after.or_else(kept) {
                entries.push((key.into(), status));
            }
        }
        Self::from_sorted(entries)
    }
}

/// Walks two sequences sorted by key as one: every key of either, with its status in each.
fn merge_join<'a>(
    left: impl Iterator<Item = (&'a str, Status)>,
    right: impl Iterator<Item = (&'a str, Status)>,
) -> impl Iterator<Item = (&'a str, Option<Status>, Option<Status>)> {
    let (mut left, mut right) = (left.peekable(), right.peekable());
    std::iter::from_fn(move || {
        let key = match (left.peek(), right.peek()) {
            (Some((a, _)), Some((b, _))) => *a.min(b),
            (Some((key, _)), None) | (None, Some((key, _))) => *key,
            (None, None) => return None,
        };
        Some((key, take_at(&mut left, key), take_at(&mut right, key)))
    })
}

fn take_at<'a>(
    entries: &mut Peekable<impl Iterator<Item = (&'a str, Status)>>,
    key: &str,
) -> Option<Status> {
    entries
        .next_if(|(next, _)| *next == key)
        .map(|(_, status)| status)
}

impl<K: Into<Box<str>>> FromIterator<(K, Status)> for Snapshot {
    /// In any order; of several entries with one key the last counts.
    fn from_iter<I: IntoIterator<Item = (K, Status)>>(entries: I) -> Self {
        let sorted: BTreeMap<Box<str>, Status> = entries
            .into_iter()
            .map(|(key, status)| (key.into(), status))
            .collect();
        Self::from_sorted(sorted.into_iter().collect())
    }
}

impl Serialize for Snapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// What changed between two snapshots. A key is in at most one of the two sets. Serialises as
/// `{"updates": {…}, "removed": […]}`, without `removed` when no unit vanished.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Delta {
    updates: BTreeMap<Box<str>, Status>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    removed: BTreeSet<Box<str>>,
}

impl Delta {
    /// Units that appeared or changed, with their new status.
    pub fn updates(&self) -> &BTreeMap<Box<str>, Status> {
        &self.updates
    }

    /// Units that vanished.
    pub fn removed(&self) -> &BTreeSet<Box<str>> {
        &self.removed
    }

    /// The number of units concerned.
    pub fn len(&self) -> usize {
        self.updates.len() + self.removed.len()
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.updates.is_empty() && self.removed.is_empty()
    }

    /// Folds a later delta into this one: to apply the result equals applying both in turn. A
    /// slow reader's backlog therefore never outgrows the number of units.
    pub fn merge(&mut self, later: &Self) {
        for (key, status) in &later.updates {
            self.removed.remove(key);
            self.updates.insert(key.clone(), *status);
        }
        for key in &later.removed {
            self.updates.remove(key);
            self.removed.insert(key.clone());
        }
    }
}
