//! The portal's answers, told apart: a page, nothing, beyond the end. Every way in which it says "nothing there" is
//! here, and nothing else may pass for one: an outage that looks empty is how records are lost.

use serde::Deserialize;
use serde_json::value::RawValue;
use service_kit::http_client::{Response, StatusCode};

use super::{
    ITEMS_PAGE,
    refusal::{is_web_page, refused, said, unfit},
};
use crate::ingest::{
    answer::{ItemsAnswer, PageAnswer, PageQuery},
    fault::Fault,
};

/// Numbers are read wider than they are: a negative one is told as such.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    #[serde(borrow)]
    data: Option<Vec<&'a RawValue>>,
    total_registros: i64,
    total_paginas: i64,
    numero_pagina: i64,
}

/// The answer to a question for one page.
pub(super) fn page(query: &PageQuery, response: &Response) -> Result<PageAnswer, Fault> {
    // Past the first page, nothing is a statement about the end of the set, not about the whole of it.
    let nothing = || match query.page {
        1 => PageAnswer::Empty,
        _ => PageAnswer::BeyondEnd,
    };
    match response.status {
        StatusCode::NO_CONTENT => Ok(nothing()),
        StatusCode::OK if is_nothing(response) => Ok(nothing()),
        StatusCode::OK => read(query, response),
        StatusCode::NOT_FOUND if says(response, "nenhum") => Ok(nothing()),
        StatusCode::BAD_REQUEST if query.page > 1 && !blames_parameters(response) => {
            Ok(PageAnswer::BeyondEnd)
        }
        _ => Err(refused(response)),
    }
}

/// The answer to a question for items.
pub(super) fn items(response: &Response) -> Result<ItemsAnswer, Fault> {
    match response.status {
        StatusCode::NO_CONTENT => Ok(item_page(&[])),
        StatusCode::OK if is_nothing(response) => Ok(item_page(&[])),
        StatusCode::OK if is_web_page(response) => Err(unfit(response, "a web page")),
        StatusCode::OK => {
            let items = serde_json::from_slice::<Vec<&RawValue>>(&response.body);
            let items = items.map_err(|error| unfit(response, error))?;
            Ok(item_page(&items))
        }
        StatusCode::NOT_FOUND if says(response, "cadastrada") => Ok(ItemsAnswer::NotRegistered),
        _ => Err(refused(response)),
    }
}

fn read(query: &PageQuery, response: &Response) -> Result<PageAnswer, Fault> {
    if is_web_page(response) {
        return Err(unfit(response, "a web page"));
    }
    let envelope = serde_json::from_slice::<Envelope<'_>>(&response.body);
    let envelope = envelope.map_err(|error| unfit(response, error))?;
    envelope.check(query).map_err(|why| unfit(response, why))
}

impl Envelope<'_> {
    fn check(&self, query: &PageQuery) -> Result<PageAnswer, String> {
        let count = |name: &str, number: i64| {
            u32::try_from(number).map_err(|_| format!("{name} is {number}"))
        };
        let total = count("totalRegistros", self.total_registros)?;
        let pages = count("totalPaginas", self.total_paginas)?;
        // Reading begins with the last page: one that cannot exist would be looked for page by page.
        if pages > total {
            return Err(format!("{pages} pages for {total} records"));
        }
        let data = self.data.as_deref().unwrap_or_default();
        if self.numero_pagina != i64::from(query.page) {
            let (asked, got) = (query.page, self.numero_pagina);
            return Err(format!("page {asked} was asked for, page {got} came"));
        }
        if data.len() > query.size as usize {
            return Err(format!(
                "{} records on a page of {}",
                data.len(),
                query.size
            ));
        }
        match (data.is_empty(), total) {
            (true, 0) if query.page == 1 => Ok(PageAnswer::Empty),
            (true, _) if query.page > pages.max(1) => Ok(PageAnswer::BeyondEnd),
            (true, _) => Err(format!("no record on page {} of {pages}", query.page)),
            (false, 0) => Err(format!("{} records of a total of 0", data.len())),
            (false, _) => Ok(PageAnswer::Page {
                records: owned(data),
                total,
                pages,
            }),
        }
    }
}

/// A list that is shorter than asked for is the last one, but not where its length is round: then the portal may
/// have cut it to a size of its own.
fn item_page(items: &[&RawValue]) -> ItemsAnswer {
    let is_round = items.len().is_multiple_of(10);
    ItemsAnswer::Page {
        items: owned(items),
        more: !items.is_empty() && (is_round || items.len() >= ITEMS_PAGE),
    }
}

fn owned(records: &[&RawValue]) -> Vec<Box<RawValue>> {
    records.iter().map(|raw| (*raw).to_owned()).collect()
}

/// No bytes, or an empty list.
fn is_nothing(response: &Response) -> bool {
    let body = response.body.trim_ascii();
    let inner = body.strip_prefix(b"[").and_then(|it| it.strip_suffix(b"]"));
    body.is_empty() || inner.is_some_and(|inner| inner.trim_ascii().is_empty())
}

fn says(response: &Response, word: &str) -> bool {
    !is_web_page(response) && said(response).to_lowercase().contains(word)
}

/// 400 is the portal's word for a page past the end, and for parameters that it does not take.
fn blames_parameters(response: &Response) -> bool {
    let words = ["tamanho", "parameter", "greater than or equal"];
    is_web_page(response) || words.iter().any(|word| says(response, word))
}

#[cfg(test)]
mod tests;
