//! What goes wrong at the portal, and for which requests. Most kinds were seen there; how a fault
//! becomes an answer is told in `answer`.

use std::time::Duration;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::query::{Asked, Endpoint};

/// One way of going wrong. JSON form: `{"kind": "slow", "ms": 500}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// The limiter: 429 as an HTML page, without `Retry-After`.
    #[serde(rename = "status_429_html")]
    Status429Html,
    /// 500 with bare text that is labelled JSON.
    #[serde(rename = "text_500")]
    Text500,
    /// 500 with JSON that talks of the database.
    #[serde(rename = "json_500")]
    Json500,
    /// 502 of the load balancer, HTML.
    #[serde(rename = "html_502")]
    Html502,
    /// 503 of the load balancer, HTML.
    #[serde(rename = "html_503")]
    Html503,
    /// 504 of the load balancer, HTML.
    #[serde(rename = "html_504")]
    Html504,
    /// 422 "Data Inicial …" although the dates are right.
    #[serde(rename = "spurious_422")]
    Spurious422,
    /// An HTML page with status 200.
    #[serde(rename = "html_200")]
    Html200,
    /// 200 without a body or content type.
    #[serde(rename = "zero_length_200")]
    ZeroLength200,
    /// 200 with `[]`.
    #[serde(rename = "empty_array_200")]
    EmptyArray200,
    /// 204, whatever there is.
    #[serde(rename = "no_content_204")]
    NoContent204,
    /// 404 "Nenhum registro encontrado.", which means that there is nothing.
    #[serde(rename = "nothing_404")]
    Nothing404,
    /// An envelope with no records and totals of 0.
    EmptyEnvelope,
    /// The right envelope around fewer records: the last `count` are left out, the totals stay.
    LostRecords {
        /// Records left out of the page.
        count: usize,
    },
    /// The records of another modalidade, as if the filter had not been read.
    OtherModalidade,
    /// `numeroPagina` is one more than asked.
    WrongPageNumber,
    /// Totals of -1.
    NegativeTotals,
    /// 200 and `{"data":[{"numero`.
    GarbageJson,
    /// Any other status, with a short JSON body.
    Status {
        /// The status code, 400 to 599.
        code: u16,
    },
    /// 302 to the given place.
    Redirect {
        /// The `Location` header.
        location: String,
    },
    /// The right answer followed by so many bytes of white space, of unannounced length.
    Huge {
        /// Bytes of padding.
        bytes: u64,
    },
    /// The right length announced, half sent, then the end of the connection.
    Truncated,
    /// The right head and half of the body, then a reset.
    ResetMidBody,
    /// The right answer, `ms` milliseconds late.
    Slow {
        /// Milliseconds before the first byte.
        ms: u64,
    },
    /// The right answer, one byte every `ms` milliseconds.
    Drip {
        /// Milliseconds between two bytes.
        ms: u64,
    },
    /// Never answered.
    Hang,
    /// The connection is reset instead of an answer.
    Reset,
}

impl Fault {
    /// The right answer, so late.
    pub fn slow(late: Duration) -> Self {
        let ms = u64::try_from(late.as_millis()).unwrap_or(u64::MAX);
        Self::Slow { ms }
    }
}

/// Which requests are meant: those that agree with everything that is said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Match {
    /// Only this endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    /// Only this `codigoModalidadeContratacao`; never a request for items.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modalidade: Option<i16>,
    /// Only windows with this day; never a request for items.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<NaiveDate>,
    /// Only this `pagina`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
}

impl Match {
    /// Every request.
    pub fn any() -> Self {
        Self::default()
    }

    /// Of these, the requests to one endpoint.
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.endpoint = Some(endpoint);
        self
    }

    /// Of these, the requests for one modalidade.
    pub fn modalidade(mut self, modalidade: i16) -> Self {
        self.modalidade = Some(modalidade);
        self
    }

    /// Of these, the requests whose window has that day.
    pub fn day(mut self, day: NaiveDate) -> Self {
        self.day = Some(day);
        self
    }

    /// Of these, the requests for one page.
    pub fn page(mut self, page: u32) -> Self {
        self.page = Some(page);
        self
    }

    pub(crate) fn meets(&self, asked: &Asked) -> bool {
        let (modalidade, days, page) = match asked {
            Asked::Page(query) => (
                Some(query.modalidade),
                Some(query.first..=query.last),
                Some(query.page),
            ),
            Asked::Items(query) => (None, None, Some(query.page)),
            Asked::Refused(..) => (None, None, None),
        };
        self.endpoint
            .is_none_or(|wanted| wanted == asked.endpoint())
            && self
                .modalidade
                .is_none_or(|wanted| modalidade == Some(wanted))
            && self
                .day
                .is_none_or(|wanted| days.is_some_and(|days| days.contains(&wanted)))
            && self.page.is_none_or(|wanted| page == Some(wanted))
    }
}

/// A fault for some requests. JSON form: `{"fault": {"kind": "text_500"}, "modalidade": 6, "times": 3}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Which requests it hits.
    #[serde(flatten)]
    pub matches: Match,
    /// How many of them; all from now on when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// What goes wrong.
    pub fault: Fault,
}

impl Rule {
    /// The fault for all of these requests.
    pub fn forever(matches: Match, fault: Fault) -> Self {
        Self {
            matches,
            times: None,
            fault,
        }
    }

    /// The fault for the next so many of these requests.
    pub fn times(times: u32, matches: Match, fault: Fault) -> Self {
        let times = Some(times);
        Self {
            matches,
            times,
            fault,
        }
    }

    /// The fault of the first rule that the request meets, paid from its budget; spent rules go.
    pub(crate) fn take(rules: &mut Vec<Self>, asked: &Asked) -> Option<Fault> {
        let place = rules.iter().position(|rule| rule.matches.meets(asked))?;
        let rule = &mut rules[place];
        let fault = rule.fault.clone();
        if let Some(times) = &mut rule.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                rules.remove(place);
            }
        }
        Some(fault)
    }
}
