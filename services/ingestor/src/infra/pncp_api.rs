//! The procurement portal over HTTP: one question, one answer or the reason why there is none. When to ask and how
//! often again is decided by the pacer and the budget of a page; what a record says is read elsewhere.

mod envelope;
mod refusal;

use std::time::Duration;

use service_kit::{
    http_client::{
        HeaderMap, HeaderValue, Outbound, OutboundError, OutboundSettings, Request, Response,
    },
    settings::Url,
};

use crate::{
    ingest::{
        answer::{ItemsAnswer, PageAnswer, PageQuery},
        fault::Fault,
    },
    settings::PolicySettings,
};

/// A page of 50 records has 100 kB, of 500 items 600 kB.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// Items are always asked for page by page: the portal's own default is ten, without a word about the rest.
const ITEMS_PAGE: usize = 500;

/// The way to the portal. Clones share their connections.
#[derive(Clone, Debug)]
pub struct PncpApi {
    outbound: Outbound,
    lists: Url,
    items: Url,
    timeout: Duration,
}

impl PncpApi {
    /// The portal at the addresses of `policy`. They are the operator's own words, so private ones are allowed.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn new(policy: &PolicySettings) -> Result<Self, OutboundError> {
        let outbound = Outbound::new(&OutboundSettings {
            upstream_allow_private: true,
            ..OutboundSettings::default()
        })?;
        let lists = policy.pncp_base_url.clone();
        let items = policy.pncp_items_url.clone();
        Ok(Self {
            outbound,
            items: items.unwrap_or_else(|| beside(&lists)),
            lists,
            timeout: policy.http_timeout,
        })
    }

    /// Asks for one page.
    ///
    /// # Errors
    /// [`Fault`] where the portal did not answer the question.
    pub async fn page(&self, query: &PageQuery) -> Result<PageAnswer, Fault> {
        let response = self.get(page_url(&self.lists, query)).await?;
        envelope::page(query, &response)
    }

    /// Asks for one page (from 1) of the items of one contratacao. The portal is not trusted to page: who reads on
    /// stops where a page brings no new number.
    ///
    /// # Errors
    /// [`Fault`] where the portal did not answer the question.
    pub async fn items(
        &self,
        cnpj: &str,
        ano: i32,
        sequencial: i32,
        page: u32,
    ) -> Result<ItemsAnswer, Fault> {
        let url = items_url(
            &self.items,
            [cnpj, &ano.to_string(), &sequencial.to_string()],
            page,
        );
        let response = self.get(url).await?;
        envelope::items(&response)
    }

    async fn get(&self, url: Url) -> Result<Response, Fault> {
        let mut headers = HeaderMap::new();
        headers.insert("accept", HeaderValue::from_static("application/json"));
        let request = Request {
            url: url.into(),
            headers,
            timeout: self.timeout,
            cap: MOST_BYTES,
        };
        let answer = self.outbound.get(&request).await;
        answer.map_err(|error| refusal::unanswered(&error))
    }
}

fn page_url(base: &Url, query: &PageQuery) -> Url {
    let mut url = below(base, &["v1", "contratacoes", query.endpoint.as_str()]);
    url.query_pairs_mut()
        .append_pair("dataInicial", &query.day_from.format("%Y%m%d").to_string())
        .append_pair("dataFinal", &query.day_to.format("%Y%m%d").to_string())
        .append_pair("codigoModalidadeContratacao", &query.modalidade.to_string())
        .append_pair("pagina", &query.page.to_string())
        .append_pair("tamanhoPagina", &query.size.to_string());
    url
}

fn items_url(base: &Url, [cnpj, ano, sequencial]: [&str; 3], page: u32) -> Url {
    let path = ["v1", "orgaos", cnpj, "compras", ano, sequencial, "itens"];
    let mut url = below(base, &path);
    url.query_pairs_mut()
        .append_pair("pagina", &page.to_string())
        .append_pair("tamanhoPagina", &ITEMS_PAGE.to_string());
    url
}

/// `base` with more segments, each encoded: a CNPJ is text that came from outside.
fn below(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    // Only addresses without a host refuse segments; the setting has one.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

/// The items' API stands beside the lists': `…/api/consulta` and `…/api/pncp`.
fn beside(lists: &Url) -> Url {
    let mut url = lists.clone();
    let mut segments = lists.path_segments().into_iter().flatten();
    let last = segments.rfind(|segment| !segment.is_empty());
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty();
        if last == Some("consulta") {
            path.pop();
        }
        path.push("pncp");
    }
    url
}
