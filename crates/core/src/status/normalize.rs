//! From raw units to a snapshot: total, so bad input is a snapshot plus complaints, never an
//! error. Reading bodies is done in `units`, keeping snapshots is up to services.

use std::collections::BTreeMap;

use super::mapping::{Mapping, canonical_word};
use super::snapshot::Snapshot;
use super::units::RawUnits;

/// How many distinct unmapped values are told apart; units beyond are only counted.
pub const MAX_UNMAPPED_VALUES: usize = 100;

/// How much of an unmapped value is kept.
pub const MAX_VALUE_CHARS: usize = 100;

/// What was wrong with a body that was usable as a whole. Bounded whatever the body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Complaints {
    /// Distinct values that no mapping knows, in the order of their first unit by key; at most
    /// [`MAX_UNMAPPED_VALUES`].
    pub unmapped: Vec<Unmapped>,
    /// Units with an unmapped value that found no place in `unmapped`.
    pub unmapped_overflow: usize,
    /// Entries that were no units.
    pub skipped: usize,
    /// Units that a later one with the same key replaced.
    pub duplicates: usize,
}

/// A value that no mapping knows. Spellings that a mapping would not tell apart are one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmapped {
    /// As the first unit spells it, trimmed, cut to [`MAX_VALUE_CHARS`]; "" = status missing.
    pub value: String,
    /// Units that have it.
    pub count: usize,
    /// The key of one such unit.
    pub example: String,
}

/// Maps every unit to one of the five statuses; of several units with one key the last counts.
/// `snapshot.len() + skipped + duplicates` is the number of entries that the body had.
pub fn normalize(raw: RawUnits, mapping: &Mapping) -> (Snapshot, Complaints) {
    let mut complaints = Complaints {
        skipped: raw.skipped,
        ..Complaints::default()
    };
    let mut units = raw.units;
    // Stable: units of one key stay in the order in which they were sent.
    units.sort_by(|a, b| a.key.cmp(&b.key));

    let mut seen = BTreeMap::new();
    let mut entries = Vec::with_capacity(units.len());
    let mut units = units.into_iter().peekable();
    while let Some(unit) = units.next() {
        if units.peek().is_some_and(|next| next.key == unit.key) {
            complaints.duplicates += 1;
            continue;
        }
        let status = mapping.resolve(&unit.status).unwrap_or_else(|| {
            complaints.count_unmapped(&mut seen, &unit.status, &unit.key);
            mapping.unmapped()
        });
        entries.push((unit.key, status));
    }
    (Snapshot::from_sorted(entries), complaints)
}

impl Complaints {
    /// `seen` leads from the canonical form of a value to its place in `unmapped`.
    fn count_unmapped(&mut self, seen: &mut BTreeMap<String, usize>, word: &str, key: &str) {
        let value = cut(word.trim());
        let canonical = canonical_word(value);
        if let Some(known) = seen
            .get(canonical.as_ref())
            .and_then(|place| self.unmapped.get_mut(*place))
        {
            known.count += 1;
        } else if self.unmapped.len() < MAX_UNMAPPED_VALUES {
            seen.insert(canonical.into_owned(), self.unmapped.len());
            self.unmapped.push(Unmapped {
                value: value.to_owned(),
                count: 1,
                example: key.to_owned(),
            });
        } else {
            self.unmapped_overflow += 1;
        }
    }
}

fn cut(value: &str) -> &str {
    match value.char_indices().nth(MAX_VALUE_CHARS) {
        Some((end, _)) => &value[..end],
        None => value,
    }
}
