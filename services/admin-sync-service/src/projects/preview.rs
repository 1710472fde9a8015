//! A body as viewers would be shown it: read and mapped by the same code as in public-service.

use std::collections::HashMap;

use farol_core::status::{MAX_VALUE_CHARS, Mapping, RawUnits, normalize};
use serde::Serialize;
use utoipa::ToSchema;

use super::scrub::Scrub;

/// Units that are shown.
const MOST_UNITS: usize = 50;
/// Characters of a unit's key.
const LONGEST_KEY: usize = 200;

/// What viewers would be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = TrialPreview)]
pub struct Preview {
    /// The first 50, in the order in which they were sent.
    pub units: Vec<PreviewUnit>,
    /// How many there are.
    pub count: usize,
    /// Words that nothing maps, each once.
    pub unmapped: Vec<UnmappedWord>,
    /// Units with such a word beyond those that are listed.
    pub unmapped_overflow: usize,
    /// Units that a later one with the same key replaced.
    pub duplicates: usize,
    /// Entries that are no units.
    pub skipped: usize,
}

/// One unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PreviewUnit {
    /// Its key.
    #[schema(example = "A101")]
    pub unit: String,
    /// The client's word.
    #[schema(example = "livre")]
    pub client_value: String,
    /// What it becomes.
    #[schema(example = "available")]
    pub status: String,
    /// False: nobody mapped the word.
    pub matched: bool,
}

/// A word that nothing maps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct UnmappedWord {
    /// The word; empty: no status was sent.
    pub value: String,
    /// Units that have it.
    pub count: usize,
    /// One of them.
    pub example: String,
}

impl Preview {
    /// Of what a body says, without secrets.
    pub fn of(raw: &RawUnits, mapping: &Mapping, scrub: &Scrub) -> Self {
        let last: HashMap<&str, usize> = raw
            .units
            .iter()
            .enumerate()
            .map(|(place, unit)| (&*unit.key, place))
            .collect();
        let (snapshot, complaints) = normalize(raw.clone(), mapping);
        let counted = raw.units.iter().enumerate();
        let counted = counted.filter(|(place, unit)| last.get(&*unit.key) == Some(place));
        let units = counted.take(MOST_UNITS).map(|(_, unit)| PreviewUnit {
            unit: scrub.cut(&unit.key, LONGEST_KEY),
            client_value: scrub.cut(&unit.status, MAX_VALUE_CHARS),
            status: snapshot
                .get(&unit.key)
                .unwrap_or(mapping.unmapped())
                .as_str()
                .to_owned(),
            matched: mapping.resolve(&unit.status).is_some(),
        });
        // As they were sent, not as they were cut: half a secret would not be found.
        let whole = |example: &str| {
            let unit = last.get(example).and_then(|place| raw.units.get(*place));
            unit.map_or("", |unit| unit.status.trim())
        };
        let unmapped = complaints.unmapped.iter().map(|word| UnmappedWord {
            value: scrub.cut(whole(&word.example), MAX_VALUE_CHARS),
            count: word.count,
            example: scrub.cut(&word.example, LONGEST_KEY),
        });
        Self {
            units: units.collect(),
            count: snapshot.len(),
            unmapped: unmapped.collect(),
            unmapped_overflow: complaints.unmapped_overflow,
            duplicates: complaints.duplicates,
            skipped: complaints.skipped,
        }
    }
}
