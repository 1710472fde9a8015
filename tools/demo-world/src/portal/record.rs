//! One procurement (contratação): what the portal sorts and filters by, and what a test wants to be
//! different about it. Its text is made in `render`.

use chrono::{Datelike as _, NaiveDateTime};
use serde_json::Value;

use super::cast::{Organ, organ};

/// A procurement as a test or the generator describes it; everything not said is made up from its
/// number, always alike.
#[derive(Debug, Clone)]
pub struct Record {
    pub(crate) cnpj: String,
    pub(crate) ano: i32,
    pub(crate) sequencial: u32,
    pub(crate) modalidade: i16,
    pub(crate) published: NaiveDateTime,
    pub(crate) updated: NaiveDateTime,
    /// Counts the updates: what an update changes depends on it.
    pub(crate) version: u32,
    pub(crate) old_shape: bool,
    pub(crate) items: Option<u32>,
    /// Fields that differ from what is made up: raw JSON, or `None` for a field left out.
    pub(crate) changes: Vec<(String, Option<String>)>,
    pub(crate) verbatim: Option<String>,
}

impl Record {
    /// Procurement number `sequencial` of a synthetic organ, published at that Brasília time and not
    /// updated since, with one item. Within a year the number makes the key: the same number is the
    /// same procurement, whatever its modalidade.
    pub fn new(sequencial: u32, modalidade: i16, published: NaiveDateTime) -> Self {
        Self {
            cnpj: organ(u64::from(sequencial)).cnpj,
            ano: published.year(),
            sequencial,
            modalidade,
            published,
            updated: published,
            version: 0,
            old_shape: false,
            items: Some(1),
            changes: Vec::new(),
            verbatim: None,
        }
    }

    /// `numeroControlePNCP`: `{cnpj}-1-{sequencial, six digits}/{ano}`.
    pub fn key(&self) -> String {
        format!("{}-1-{:06}/{}", self.cnpj, self.sequencial, self.ano)
    }

    /// Another organ. The text is taken as it is.
    pub fn cnpj(mut self, cnpj: impl Into<String>) -> Self {
        self.cnpj = cnpj.into();
        self
    }

    /// `dataAtualizacaoGlobal`, in Brasília time.
    pub fn updated(mut self, at: NaiveDateTime) -> Self {
        self.updated = at;
        self
    }

    /// So many items.
    pub fn items(mut self, count: u32) -> Self {
        self.items = Some(count);
        self
    }

    /// The detail service does not know this procurement: 404 for its items.
    pub fn unknown_items(mut self) -> Self {
        self.items = None;
        self
    }

    /// The payload of 2023: without `dataAtualizacaoGlobal` (until it is updated).
    pub fn old_shape(mut self) -> Self {
        self.old_shape = true;
        self
    }

    /// A field with this value instead of what is made up, or a field that nobody knew. Where the
    /// portal sorts the record is not changed by it.
    pub fn field(mut self, name: &str, value: impl Into<Value>) -> Self {
        let raw = value.into().to_string();
        self.changes.retain(|(known, _)| known != name);
        self.changes.push((name.to_owned(), Some(raw)));
        self
    }

    /// A field left out.
    pub fn without(mut self, name: &str) -> Self {
        self.changes.retain(|(known, _)| known != name);
        self.changes.push((name.to_owned(), None));
        self
    }

    /// This text stands in the page instead of the record: for records that cannot be read.
    pub fn verbatim(mut self, text: impl Into<String>) -> Self {
        self.verbatim = Some(text.into());
        self
    }

    /// Where its variety comes from.
    pub(crate) fn seed(&self) -> u64 {
        u64::from(self.sequencial) ^ u64::from(self.modalidade.unsigned_abs()) << 40
    }

    /// The organ's names, made up from the organ's number.
    pub(crate) fn organ(&self) -> Organ {
        let hash = self.cnpj.bytes().fold(7_u64, |hash, byte| {
            hash.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        organ(hash)
    }
}
