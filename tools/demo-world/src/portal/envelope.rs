//! The page of a list as the portal wraps it.

use bytes::Bytes;

use super::query::PageQuery;
use super::store::Store;

/// A page before it is written; its numbers may be wrong on purpose.
#[derive(Debug)]
pub(crate) struct Envelope {
    pub(crate) records: Vec<Bytes>,
    pub(crate) total: i64,
    pub(crate) pages: i64,
    pub(crate) number: i64,
}

impl Envelope {
    /// What the store has for that query.
    pub(crate) fn of(store: &Store, query: &PageQuery) -> Self {
        let size = usize::try_from(query.size).unwrap_or(usize::MAX);
        let start = usize::try_from(query.page - 1)
            .unwrap_or(usize::MAX)
            .saturating_mul(size);
        let place = start..start.saturating_add(size);
        let (keys, total) = store.page(query.endpoint, query.modalidade, query.window(), place);
        let texts = keys.into_iter().filter_map(|key| store.text(key).cloned());
        Self {
            records: texts.collect(),
            total: signed(total),
            pages: signed(total.div_ceil(size)),
            number: i64::from(query.page),
        }
    }

    /// As JSON.
    pub(crate) fn render(&self) -> Bytes {
        let Self {
            records,
            total,
            pages,
            number,
        } = self;
        let rest = (pages - number).max(0);
        let tail = format!(
            r#"],"totalRegistros":{total},"totalPaginas":{pages},"numeroPagina":{number},"paginasRestantes":{rest},"empty":{}}}"#,
            records.is_empty()
        );
        let size: usize = records.iter().map(|record| record.len() + 1).sum();
        let mut text = Vec::with_capacity(size + tail.len() + 16);
        text.extend_from_slice(br#"{"data":["#);
        for (place, record) in records.iter().enumerate() {
            if place > 0 {
                text.push(b',');
            }
            text.extend_from_slice(record);
        }
        text.extend_from_slice(tail.as_bytes());
        text.into()
    }
}

fn signed(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
