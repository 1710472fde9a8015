//! What the portal is asked, and what it can answer. The bytes between the two are `infra::pncp_api`'s.

use chrono::NaiveDate;
use serde_json::value::RawValue;

/// One page of one modalidade's contratacoes, on whole days of Brasília, both included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageQuery {
    /// Which of the two lists.
    pub endpoint: Endpoint,
    /// The modalidade; the portal has no "all".
    pub modalidade: i16,
    /// The first day.
    pub day_from: NaiveDate,
    /// The last day, at most 365 after the first.
    pub day_to: NaiveDate,
    /// From 1.
    pub page: u32,
    /// Records a page, 10 to 50.
    pub size: u32,
}

/// The lists of contratacoes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// By `dataPublicacaoPncp`.
    Publicacao,
    /// By `dataAtualizacaoGlobal`.
    Atualizacao,
}

/// What a page turned out to be.
#[derive(Debug)]
pub enum PageAnswer {
    /// Records as they came, at least one.
    Page {
        /// Each as the portal wrote it, byte for byte.
        records: Vec<Box<RawValue>>,
        /// `totalRegistros`: records in the whole set, by the portal's count at this moment.
        total: u32,
        /// `totalPaginas`.
        pages: u32,
    },
    /// The set has nothing: 204, no bytes, `[]`, an empty envelope, or a 404 that says so.
    Empty,
    /// The set has fewer pages than that.
    BeyondEnd,
}

/// One page of the items of one contratacao.
#[derive(Debug)]
pub enum ItemsAnswer {
    /// Items as they came; none past the end.
    Page {
        /// Each as the portal wrote it.
        items: Vec<Box<RawValue>>,
        /// Whether the next page may have some.
        more: bool,
    },
    /// The portal does not know the contratacao (any more): it has no items.
    NotRegistered,
}
