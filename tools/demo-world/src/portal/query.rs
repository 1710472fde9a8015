//! What a request asks of the portal, and the refusals that a wrong one gets. Parameters that the
//! portal does not know are ignored, as it ignores them: a misspelt filter filters nothing.

use std::borrow::Cow;
use std::ops::Range;

use chrono::{Days, NaiveDate, NaiveDateTime};
use serde::{Deserialize, Serialize};

use crate::message::Reply;

/// The page sizes of the two lists; beyond them 400, no clamping.
const SIZES: std::ops::RangeInclusive<u32> = 10..=50;
/// The page size of everything that is asked without one.
const DEFAULT_SIZE: u32 = 10;
/// The most days between first and last day.
const MOST_DAYS: i64 = 365;

const LISTS: &str = "/api/consulta/v1/contratacoes/";
const PURCHASES: &str = "/api/pncp/v1/orgaos/";

/// What the portal can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Endpoint {
    /// `/v1/contratacoes/publicacao`: by `dataPublicacaoPncp`.
    Publicacao,
    /// `/v1/contratacoes/atualizacao`: by `dataAtualizacaoGlobal`.
    Atualizacao,
    /// `/v1/orgaos/{cnpj}/compras/{ano}/{sequencial}/itens` of the detail service.
    Itens,
}

/// A request for what the portal has.
#[derive(Debug)]
pub(crate) enum Asked {
    Page(PageQuery),
    Items(ItemsQuery),
    /// A list, asked wrongly.
    Refused(Endpoint, Refusal),
}

/// A page of a list.
#[derive(Debug, Clone)]
pub(crate) struct PageQuery {
    pub(crate) endpoint: Endpoint,
    pub(crate) modalidade: i16,
    pub(crate) first: NaiveDate,
    pub(crate) last: NaiveDate,
    pub(crate) page: u32,
    pub(crate) size: u32,
}

impl PageQuery {
    /// From the first day's midnight to the one after the last day.
    pub(crate) fn window(&self) -> Range<NaiveDateTime> {
        let end = self
            .last
            .checked_add_days(Days::new(1))
            .unwrap_or(NaiveDate::MAX);
        NaiveDateTime::from(self.first)..NaiveDateTime::from(end)
    }
}

/// A page of items.
#[derive(Debug)]
pub(crate) struct ItemsQuery {
    pub(crate) key: String,
    pub(crate) page: u32,
    pub(crate) size: u32,
}

/// Why a list is not shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    Missing(&'static str),
    Malformed(&'static str, String),
    TooSmall(&'static str, u32),
    SizeTooBig,
    Reversed,
    TooLong,
}

impl Asked {
    /// `None` for any other path.
    pub(crate) fn read(target: &str) -> Option<Self> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let query = Query(query);
        let endpoint = match path.strip_prefix(LISTS) {
            Some("publicacao") => Endpoint::Publicacao,
            Some("atualizacao") => Endpoint::Atualizacao,
            Some(_) => return None,
            None => return Some(Self::Items(items(path, &query)?)),
        };
        Some(match list(endpoint, &query) {
            Ok(page) => Self::Page(page),
            Err(refusal) => Self::Refused(endpoint, refusal),
        })
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        match self {
            Self::Page(query) => query.endpoint,
            Self::Items(_) => Endpoint::Itens,
            Self::Refused(endpoint, _) => *endpoint,
        }
    }
}

fn list(endpoint: Endpoint, query: &Query<'_>) -> Result<PageQuery, Refusal> {
    let query = PageQuery {
        endpoint,
        first: query.day("dataInicial")?,
        last: query.day("dataFinal")?,
        modalidade: query.number("codigoModalidadeContratacao")?,
        page: query.number("pagina")?,
        size: match query.get("tamanhoPagina") {
            None => DEFAULT_SIZE,
            Some(_) => query.number("tamanhoPagina")?,
        },
    };
    if query.page == 0 {
        return Err(Refusal::TooSmall("pagina", 1));
    }
    if query.size < *SIZES.start() {
        return Err(Refusal::TooSmall("tamanhoPagina", *SIZES.start()));
    }
    if query.size > *SIZES.end() {
        return Err(Refusal::SizeTooBig);
    }
    match (query.last - query.first).num_days() {
        ..0 => Err(Refusal::Reversed),
        0..=MOST_DAYS => Ok(query),
        _ => Err(Refusal::TooLong),
    }
}

fn items(path: &str, query: &Query<'_>) -> Option<ItemsQuery> {
    let parts: Vec<&str> = path.strip_prefix(PURCHASES)?.split('/').collect();
    let [cnpj, "compras", year, sequence, "itens"] = parts[..] else {
        return None;
    };
    let (year, sequence): (i32, u32) = (year.parse().ok()?, sequence.parse().ok()?);
    let number = |name, otherwise: u32| query.number(name).unwrap_or(otherwise).max(1);
    Some(ItemsQuery {
        key: format!("{cnpj}-1-{sequence:06}/{year}"),
        page: number("pagina", 1),
        size: number("tamanhoPagina", DEFAULT_SIZE),
    })
}

/// The part behind the question mark; the first of repeated parameters counts.
#[derive(Debug)]
pub(crate) struct Query<'a>(pub(crate) &'a str);

impl Query<'_> {
    pub(crate) fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut pairs = form_urlencoded::parse(self.0.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub(crate) fn number<T: std::str::FromStr>(&self, name: &'static str) -> Result<T, Refusal> {
        let text = self.get(name).ok_or(Refusal::Missing(name))?;
        text.parse()
            .map_err(|_| Refusal::Malformed(name, text.into_owned()))
    }

    /// `AAAAMMDD` and nothing else.
    fn day(&self, name: &'static str) -> Result<NaiveDate, Refusal> {
        let text = self.get(name).ok_or(Refusal::Missing(name))?;
        let digits = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
        let day = digits.then(|| NaiveDate::parse_from_str(&text, "%Y%m%d").ok());
        day.flatten()
            .ok_or_else(|| Refusal::Malformed(name, text.into_owned()))
    }
}

impl Refusal {
    /// The portal's own words where they are on record.
    pub(crate) fn reply(&self) -> Reply {
        match self {
            Self::Missing(name) => {
                bad_request(&format!("Required parameter '{name}' is not present."))
            }
            Self::Malformed(name, value) => {
                bad_request(&format!("Failed to convert '{name}' with value: '{value}'"))
            }
            Self::TooSmall(name, least) => {
                bad_request(&format!("{name} must be greater than or equal to {least}"))
            }
            Self::SizeTooBig => bad_request("Tamanho de página inválido"),
            Self::Reversed => unprocessable("Data Inicial deve ser anterior ou igual à Data Final"),
            Self::TooLong => unprocessable("Período inicial e final maior que 365 dias."),
        }
    }
}

/// 400 in the form that the list service gives it.
pub(crate) fn bad_request(message: &str) -> Reply {
    Reply::json(
        400,
        serde_json::json!({"status": 400, "message": message}).to_string(),
    )
}

/// 422, likewise.
pub(crate) fn unprocessable(message: &str) -> Reply {
    let body = serde_json::json!({"message": message, "error": "422 UNPROCESSABLE_ENTITY"});
    Reply::json(422, body.to_string())
}

/// 404 of the detail service: the purchase is not there.
pub(crate) fn unknown_purchase() -> Reply {
    Reply::json(
        404,
        r#"{"status":"404","error":"404 NOT_FOUND","message":"Contratação não cadastrada."}"#,
    )
}
