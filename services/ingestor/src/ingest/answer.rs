//! What the portal is asked, and what it can answer. The bytes between the two are `infra::pncp_api`'s.

use chrono::NaiveDate;
use farol_core::sync::Endpoint;
use serde_json::value::RawValue;

/// One page of one modalidade's contratacoes, on whole days of Brasília, both included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageQuery {
    /// Which of the two lists; there are no pages of [`Endpoint::Itens`].
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

/// The fewest records a page that the portal takes.
const SMALLEST_PAGE: u32 = 10;

impl PageQuery {
    /// The cheapest question about the same set, to see whether the portal answers at all.
    pub fn probe(&self) -> Self {
        Self {
            page: 1,
            size: SMALLEST_PAGE,
            ..self.clone()
        }
    }
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
