//! What operators are told of one project's source: what it was asked, what it
//! said that we do not know, and why it failed. Bounded whatever it sends.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use farol_core::status::{Complaints, canonical_word};
use serde::Serialize;

use super::present::rfc3339;

/// Distinct unmapped values kept, of which the least recently seen leave first,
/// and told in the log, of which none is told twice.
pub const MOST_UNMAPPED: usize = 200;

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
    told: BTreeSet<String>,
    told_no_more: bool,
}

/// What the log has to say of unmapped values.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct News {
    /// Values never told before.
    pub values: Vec<String>,
    /// There are more of them than are told; said once.
    pub no_more: bool,
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
    /// Takes in what normalizing complained of.
    pub fn complaints(&mut self, complaints: Complaints, now: DateTime<Utc>) -> News {
        self.skipped = complaints.skipped;
        self.duplicates = complaints.duplicates;
        let mut news = News::default();
        for seen in complaints.unmapped {
            let word = canonical_word(&seen.value).into_owned();
            self.tell(&word, &seen.value, &mut news);
            let known = self.unmapped.remove(&word);
            if known.is_none() {
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
        self.told.clear();
        self.told_no_more = false;
    }

    fn tell(&mut self, word: &str, value: &str, news: &mut News) {
        if self.told.contains(word) {
            return;
        }
        if self.told.len() < MOST_UNMAPPED {
            self.told.insert(word.to_owned());
            news.values.push(value.to_owned());
        } else {
            news.no_more |= !std::mem::replace(&mut self.told_no_more, true);
        }
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

    use super::{MOST_UNMAPPED, News, Report};

    fn complain(report: &mut Report, words: &[String], seconds: i64) -> News {
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
        assert_eq!(complain(&mut report, &words, 1).values, ["gone"]);
        let respelled = ["sold".into(), "GONE".into(), " Gone".into()];
        assert_eq!(complain(&mut report, &respelled, 2), News::default());

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
    fn a_source_that_invents_words_grows_neither_the_report_nor_the_log() {
        let mut report = Report::default();
        let (mut told, mut no_more) = (Vec::new(), 0);
        for batch in [0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7] {
            let words: Vec<_> = (0..50).map(|n| format!("word {batch} {n}")).collect();
            let news = complain(&mut report, &words, batch);
            told.extend(news.values);
            no_more += i32::from(news.no_more);
        }
        assert_eq!(told.len(), MOST_UNMAPPED);
        told.sort();
        told.dedup();
        assert_eq!((told.len(), no_more), (MOST_UNMAPPED, 1));
        let kept = report.unmapped();
        assert_eq!(kept.len(), MOST_UNMAPPED);
        assert!(
            kept.iter()
                .all(|u| u.first_seen.as_str() >= "1970-01-01T00:00:04")
        );
    }
}
