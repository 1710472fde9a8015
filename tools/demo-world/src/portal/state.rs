//! All that changes in a portal, behind its one lock.

use chrono::{NaiveDate, NaiveDateTime};

use super::dice::Dice;
use super::fault::Rule;
use super::query::{Endpoint, PageQuery};
use super::replay::Replay;
use super::store::Store;
use super::world::made_up;

/// A page that was answered with records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRead {
    /// Which list.
    pub endpoint: Endpoint,
    /// `codigoModalidadeContratacao`.
    pub modalidade: i16,
    /// `dataInicial`.
    pub day: NaiveDate,
    /// `pagina`.
    pub page: u32,
    /// The how-manieth such page since the hook was set, from 1.
    pub nth: u64,
}

/// Called after a page was read from the store and before anything else is.
type Hook = Box<dyn FnMut(&PageRead, &mut Store) + Send>;

/// Numbers of what is published live start beyond those of a loaded world.
const FIRST_LIVE: u32 = 500_000;

pub(crate) struct State {
    pub(crate) store: Store,
    pub(crate) rules: Vec<Rule>,
    pub(crate) replay: Replay,
    hook: Option<Hook>,
    read: u64,
    dice: Dice,
    published: u32,
}

/// A hook cannot be shown.
impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

impl State {
    pub(crate) fn new() -> Self {
        Self {
            store: Store::default(),
            rules: Vec::new(),
            replay: Replay::default(),
            hook: None,
            read: 0,
            dice: Dice::new(1),
            published: 0,
        }
    }

    /// Publishes one now; of a modalidade that is there, so the proportions stay.
    pub(crate) fn publish(&mut self, now: NaiveDateTime) -> String {
        let like = self
            .store
            .any(&mut self.dice)
            .map_or(6, |record| record.modalidade);
        self.published += 1;
        let record = made_up(FIRST_LIVE + self.published, like, now, &mut self.dice).updated(now);
        let key = record.key();
        self.store.put(record);
        key
    }

    /// Updates one now; its key, unless there is none.
    pub(crate) fn touch(&mut self, now: NaiveDateTime) -> Option<String> {
        let key = self.store.any(&mut self.dice)?.key();
        self.store.update(&key, now);
        Some(key)
    }

    pub(crate) fn set_hook(&mut self, hook: Hook) {
        self.hook = Some(hook);
        self.read = 0;
    }

    /// Lets the hook change the store behind a reader's back.
    pub(crate) fn page_read(&mut self, query: &PageQuery) {
        self.read += 1;
        if let Some(hook) = &mut self.hook {
            let read = PageRead {
                endpoint: query.endpoint,
                modalidade: query.modalidade,
                day: query.first,
                page: query.page,
                nth: self.read,
            };
            hook(&read, &mut self.store);
        }
    }
}
