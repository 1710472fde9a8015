//! What operators are told of one project's source: what it was asked, what it
//! said that we do not know, and why it failed. Bounded whatever it sends.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use farol_core::status::{Complaints, canonical_word};
use serde::Serialize;

use super::present::rfc3339;

/// Distinct unmapped values kept; the least recently seen leave first.
const MOST_UNMAPPED: usize = 200;

/// Counters and the last complaints of one source.
#[derive(Debug, Default)]
pub struct Report {
    pub requests: u64,
    pub not_modified: u64,
    pub failures: u64,
    /// Failed cycles since the last good one.
    pub failures_in_a_row: u64,
    pub last_error: Option<String>,
    pub skipped: usize,
    pub duplicates: usize,
    /// By canonical word: spellings that no mapping tells apart are one value.
    unmapped: BTreeMap<String, Sighting>,
}

#[derive(Debug)]
struct Sighting {
    /// As it was spelled when it was first seen.
    value: String,
    count: usize,
    example: String,
    first_seen: DateTime<Utc>,
    last_seen: DateTime<Utc>,
}

/// One unmapped value, as `/status` shows it.
#[derive(Debug, Serialize)]
pub struct UnmappedValue {
    value: String,
    count: usize,
    example: String,
    first_seen: String,
    last_seen: String,
}

impl Report {
    /// Takes in what normalizing complained of; returns the values never seen before.
    pub fn complaints(&mut self, complaints: Complaints, now: DateTime<Utc>) -> Vec<String> {
        self.skipped = complaints.skipped;
        self.duplicates = complaints.duplicates;
        let mut news = Vec::new();
        for seen in complaints.unmapped {
            let word = canonical_word(&seen.value).into_owned();
            let known = self.unmapped.remove(&word);
            if known.is_none() {
                news.push(seen.value.clone());
                self.make_place();
            }
            let (value, first_seen) =
                known.map_or((seen.value, now), |known| (known.value, known.first_seen));
            let sighting = Sighting {
                value,
                count: seen.count,
                example: seen.example,
                first_seen,
                last_seen: now,
            };
            self.unmapped.insert(word, sighting);
        }
        news
    }

    /// The unmapped values, in alphabetical order.
    pub fn unmapped(&self) -> Vec<UnmappedValue> {
        self.unmapped
            .values()
            .map(|sighting| UnmappedValue {
                value: sighting.value.clone(),
                count: sighting.count,
                example: sighting.example.clone(),
                first_seen: rfc3339(sighting.first_seen),
                last_seen: rfc3339(sighting.last_seen),
            })
            .collect()
    }

    /// Another mapping or source: what was unmapped may no longer be.
    pub fn forget_unmapped(&mut self) {
        self.unmapped.clear();
    }

    fn make_place(&mut self) {
        while self.unmapped.len() >= MOST_UNMAPPED {
            let oldest = self.unmapped.iter().min_by_key(|(_, s)| s.last_seen);
            let Some(oldest) = oldest.map(|(word, _)| word.clone()) else {
                return;
            };
            self.unmapped.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, Utc};
    use farol_core::status::{Mapping, Status, normalize, parse_units};

    use super::{MOST_UNMAPPED, Report};

    fn complain(report: &mut Report, words: &[String], seconds: i64) -> Vec<String> {
        let units: Vec<_> = words
            .iter()
            .enumerate()
            .map(|(n, word)| serde_json::json!({"id": n, "status": word}))
            .collect();
        let body = serde_json::to_vec(&units).unwrap();
        let mapping = Mapping::builtin(Status::Hidden);
        let raw = parse_units(&body, &mapping).unwrap();
        let now = chrono::DateTime::<Utc>::UNIX_EPOCH + TimeDelta::seconds(seconds);
        report.complaints(normalize(raw, &mapping).1, now)
    }

    #[test]
    fn a_value_is_news_once_and_keeps_when_it_was_first_seen() {
        let mut report = Report::default();
        let words = ["sold".into(), "gone".into(), "gone".into()];
        assert_eq!(complain(&mut report, &words, 1), ["gone"]);
        let respelled = ["sold".into(), "GONE".into(), " Gone".into()];
        assert!(complain(&mut report, &respelled, 2).is_empty());

        let shown = serde_json::to_value(report.unmapped()).unwrap();
        assert_eq!(
            shown,
            serde_json::json!([{
                "value": "gone", "count": 2, "example": "1",
                "first_seen": "1970-01-01T00:00:01.000Z",
                "last_seen": "1970-01-01T00:00:02.000Z",
            }])
        );
    }

    #[test]
    fn a_source_that_invents_words_does_not_grow_the_report() {
        let mut report = Report::default();
        for batch in 0..8 {
            let words: Vec<_> = (0..50).map(|n| format!("word {batch} {n}")).collect();
            complain(&mut report, &words, batch);
        }
        let kept = report.unmapped();
        assert_eq!(kept.len(), MOST_UNMAPPED);
        assert!(
            kept.iter()
                .all(|u| u.first_seen.as_str() >= "1970-01-01T00:00:04")
        );
    }
}
