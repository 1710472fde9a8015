//! The procurements with their rendered text, and one sorted index per endpoint: a page is a slice,
//! a count two binary searches. Says nothing about requests.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

use super::query::Endpoint;
use super::record::Record;
use super::time::{instant, local};
use super::{dice::Dice, render};

type Key = Arc<str>;

/// What the portal has.
#[derive(Debug, Default)]
pub struct Store {
    records: HashMap<Key, Entry>,
    published: Index,
    updated: Index,
    /// Whether `/atualizacao` keeps to no order.
    pub(crate) unordered: bool,
}

#[derive(Debug)]
struct Entry {
    record: Record,
    text: Bytes,
}

impl Store {
    /// Adds one, or replaces the one with its key.
    pub fn put(&mut self, record: Record) {
        let key: Key = record.key().into();
        self.remove(&key);
        let places = [
            (&mut self.published, record.published),
            (&mut self.updated, record.updated),
        ];
        for (index, at) in places {
            index.insert(record.modalidade, at, Arc::clone(&key));
        }
        let text = render::record(&record).into();
        self.records.insert(key, Entry { record, text });
    }

    /// Updates a procurement: `dataAtualizacaoGlobal` becomes that Brasília time, amounts and
    /// situation change. False if there is none of that key.
    pub fn update(&mut self, key: &str, at: NaiveDateTime) -> bool {
        let Some(entry) = self.records.get(key) else {
            return false;
        };
        let mut record = entry.record.clone();
        record.updated = at;
        record.version += 1;
        record.old_shape = false;
        self.put(record);
        true
    }

    /// Takes a procurement away. False if there is none of that key.
    pub fn remove(&mut self, key: &str) -> bool {
        let Some(Entry { record, .. }) = self.records.remove(key) else {
            return false;
        };
        self.published
            .remove(record.modalidade, record.published, key);
        self.updated.remove(record.modalidade, record.updated, key);
        true
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The procurement of that key.
    pub fn get(&self, key: &str) -> Option<&Record> {
        self.records.get(key).map(|entry| &entry.record)
    }

    /// Any one of them.
    pub(crate) fn any(&self, dice: &mut Dice) -> Option<&Record> {
        if self.is_empty() {
            return None;
        }
        let mut place = usize::try_from(dice.below(self.len() as u64)).ok()?;
        for entries in self.published.by_modalidade.values() {
            if let Some((_, key)) = entries.get(place) {
                return self.get(key);
            }
            place -= entries.len();
        }
        None
    }

    /// Its text, as pages show it.
    pub(crate) fn text(&self, key: &str) -> Option<&Bytes> {
        self.records.get(key).map(|entry| &entry.text)
    }

    /// How many an endpoint has in a half-open window; of all modalidades without one.
    pub(crate) fn count(
        &self,
        endpoint: Endpoint,
        modalidade: Option<i16>,
        window: &Range<DateTime<Utc>>,
    ) -> usize {
        let slices = self.slices(endpoint, modalidade, window);
        slices.map(<[_]>::len).sum()
    }

    /// Their keys, in the endpoint's order within a modalidade.
    pub(crate) fn keys(
        &self,
        endpoint: Endpoint,
        modalidade: Option<i16>,
        window: &Range<DateTime<Utc>>,
    ) -> Vec<String> {
        let slices = self.slices(endpoint, modalidade, window);
        slices.flatten().map(|(_, key)| key.to_string()).collect()
    }

    /// The days (Brasília) of the first and of the last publication.
    pub(crate) fn days(&self) -> Option<(NaiveDate, NaiveDate)> {
        let published = self.published.by_modalidade.values();
        let ends = published.filter_map(|entries| entries.first().zip(entries.last()));
        ends.map(|((first, _), (last, _))| (first.date(), last.date()))
            .reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
    }

    fn slices(
        &self,
        endpoint: Endpoint,
        modalidade: Option<i16>,
        window: &Range<DateTime<Utc>>,
    ) -> impl Iterator<Item = &[(NaiveDateTime, Key)]> {
        let Range { start, end } = window.clone();
        // Half-open in instants, so a fraction of a second rounds up to the portal's whole ones.
        let [from, to] = [start, end].map(|edge| {
            let whole = local(edge);
            if instant(whole) < edge {
                whole + chrono::TimeDelta::seconds(1)
            } else {
                whole
            }
        });
        let index = self.index(endpoint);
        let wanted = move |known: &&i16| modalidade.is_none_or(|wanted| wanted == **known);
        let known = index.by_modalidade.keys().filter(wanted);
        known.map(move |known| index.slice(*known, from..to))
    }

    /// The keys of one page and the total, for whole local days.
    pub(crate) fn page(
        &self,
        endpoint: Endpoint,
        modalidade: i16,
        window: Range<NaiveDateTime>,
        place: Range<usize>,
    ) -> (Vec<&str>, usize) {
        let all = self.index(endpoint).slice(modalidade, window);
        let shown = place.start.min(all.len())..place.end.min(all.len());
        if endpoint == Endpoint::Atualizacao && self.unordered {
            let mut keys: Vec<&str> = all.iter().map(|(_, key)| &**key).collect();
            keys.sort_by_cached_key(|key| shuffled(key));
            return (keys[shown].to_vec(), all.len());
        }
        let keys = all[shown].iter().map(|(_, key)| &**key).collect();
        (keys, all.len())
    }

    fn index(&self, endpoint: Endpoint) -> &Index {
        match endpoint {
            Endpoint::Atualizacao => &self.updated,
            Endpoint::Publicacao | Endpoint::Itens => &self.published,
        }
    }
}

/// A stable order that has nothing to do with time.
fn shuffled(key: &str) -> u64 {
    let hash = key.bytes().fold(7_u64, |hash, byte| {
        hash.wrapping_mul(31).wrapping_add(u64::from(byte))
    });
    Dice::new(hash).next()
}

/// Per modalidade, ascending by time, then key.
#[derive(Debug, Default)]
struct Index {
    by_modalidade: BTreeMap<i16, Vec<(NaiveDateTime, Key)>>,
}

impl Index {
    /// Cheap at the end, so what comes in order is loaded fast.
    fn insert(&mut self, modalidade: i16, at: NaiveDateTime, key: Key) {
        let entries = self.by_modalidade.entry(modalidade).or_default();
        let entry = (at, key);
        let place = entries.partition_point(|known| *known < entry);
        entries.insert(place, entry);
    }

    fn remove(&mut self, modalidade: i16, at: NaiveDateTime, key: &str) {
        if let Some(entries) = self.by_modalidade.get_mut(&modalidade)
            && let Ok(place) =
                entries.binary_search_by(|(time, known)| (*time, &**known).cmp(&(at, key)))
        {
            entries.remove(place);
        }
    }

    fn slice(&self, modalidade: i16, window: Range<NaiveDateTime>) -> &[(NaiveDateTime, Key)] {
        let Some(entries) = self.by_modalidade.get(&modalidade) else {
            return &[];
        };
        let start = entries.partition_point(|(at, _)| *at < window.start);
        let end = entries.partition_point(|(at, _)| *at < window.end);
        &entries[start..end.max(start)]
    }
}
