//! From a request to the portal's answer: the trace in force, then the rules, then what the store
//! has. Decides only; `wire` does the bytes.

use std::time::Duration;

use super::envelope::Envelope;
use super::fault::{Fault, Rule};
use super::items;
use super::query::{Asked, ItemsQuery, PageQuery, bad_request, unknown_purchase, unprocessable};
use super::state::State;
use super::store::Store;
use crate::answer::padded;
use crate::message::{Body, Reply};
use crate::verdict::Verdict;

/// Decides, and tells the hook of a page that is answered with records.
pub(crate) fn answer(state: &mut State, asked: &Asked) -> Verdict {
    // The trace is of the lists only: items come from another service there.
    let step = match asked {
        Asked::Items(_) => None,
        _ => state.replay.next(),
    };
    let (late, fault) = match step {
        Some(step) => step,
        None => (Duration::ZERO, Rule::take(&mut state.rules, asked)),
    };
    match fault {
        Some(Fault::Hang) => Verdict::Silence,
        Some(Fault::Reset) => Verdict::Reset,
        Some(Fault::Slow { ms }) => Verdict::Answer(right(state, asked), Duration::from_millis(ms)),
        Some(fault) => Verdict::Answer(wrong(state, asked, &fault), late),
        None => Verdict::Answer(right(state, asked), late),
    }
}

fn right(state: &mut State, asked: &Asked) -> Reply {
    match asked {
        Asked::Refused(_, refusal) => refusal.reply(),
        Asked::Items(query) => items_reply(&state.store, query),
        Asked::Page(query) => {
            let envelope = Envelope::of(&state.store, query);
            if envelope.records.is_empty() {
                return beyond(&envelope);
            }
            state.page_read(query);
            Reply::json(200, envelope.render())
        }
    }
}

/// Nothing on this page: nothing at all, or a page behind the last one. The wording of the latter
/// is ours: only its status is on record.
fn beyond(envelope: &Envelope) -> Reply {
    if envelope.total == 0 {
        Reply::empty(204)
    } else {
        bad_request("Página solicitada é maior que o total de páginas")
    }
}

fn items_reply(store: &Store, query: &ItemsQuery) -> Reply {
    let known = store.get(&query.key);
    match known.and_then(|record| Some((record, record.items?))) {
        None => unknown_purchase(),
        Some((record, count)) => {
            Reply::json(200, items::page(record, count, query.page, query.size))
        }
    }
}

fn wrong(state: &mut State, asked: &Asked, fault: &Fault) -> Reply {
    match fault {
        Fault::Status429Html => html(429, "Limite de Requisições Excedido"),
        Fault::Html502 => html(502, "Bad Gateway"),
        Fault::Html503 => html(503, "No server is available to handle this request"),
        Fault::Html504 => html(504, "Gateway Time-out"),
        Fault::Html200 => html(200, "Portal em manutenção"),
        Fault::Text500 => Reply::json(500, "Erro na comunicação com o banco de dados."),
        Fault::Json500 => Reply::json(500, JSON_500),
        Fault::Spurious422 => unprocessable("Data Inicial deve ser anterior ou igual à Data Final"),
        Fault::ZeroLength200 => Reply::empty(200),
        Fault::EmptyArray200 => Reply::json(200, "[]"),
        Fault::NoContent204 => Reply::empty(204),
        Fault::Nothing404 => Reply::json(404, r#"{"message": "Nenhum registro encontrado."}"#),
        Fault::GarbageJson => Reply::json(200, r#"{"data":[{"numero"#),
        Fault::Status { code } => Reply::problem(*code),
        Fault::Redirect { location } => Reply::problem(302).header("location", location),
        Fault::Huge { bytes } => {
            let padding = *bytes;
            right(state, asked).bent(|whole| Body::Pieces(None, Box::new(padded(whole, padding))))
        }
        Fault::Truncated => right(state, asked).bent(Body::HalfThenEnd),
        Fault::ResetMidBody => right(state, asked).bent(Body::HalfThenReset),
        Fault::Drip { ms } => {
            let pause = Duration::from_millis(*ms);
            right(state, asked).bent(|whole| Body::Drip(whole, pause))
        }
        Fault::Hang | Fault::Reset | Fault::Slow { .. } => right(state, asked),
        Fault::EmptyEnvelope
        | Fault::LostRecords { .. }
        | Fault::OtherModalidade
        | Fault::WrongPageNumber
        | Fault::NegativeTotals => match asked {
            Asked::Page(query) => wrong_page(&state.store, query, fault),
            _ => right(state, asked),
        },
    }
}

/// A page whose envelope or content lies.
fn wrong_page(store: &Store, query: &PageQuery, fault: &Fault) -> Reply {
    let mut envelope = Envelope::of(store, query);
    match fault {
        Fault::EmptyEnvelope => {
            envelope.records.clear();
            (envelope.total, envelope.pages) = (0, 0);
        }
        Fault::LostRecords { count } => {
            let left = envelope.records.len().saturating_sub(*count);
            envelope.records.truncate(left);
        }
        Fault::OtherModalidade => {
            let others = (1..).take(15).filter(|other| *other != query.modalidade);
            let asked = others.map(|modalidade| PageQuery {
                modalidade,
                ..query.clone()
            });
            let mut pages = asked.map(|query| Envelope::of(store, &query));
            if let Some(other) = pages.find(|page| !page.records.is_empty()) {
                envelope = other;
            }
        }
        Fault::WrongPageNumber => envelope.number += 1,
        _ => (envelope.total, envelope.pages) = (-1, -1),
    }
    Reply::json(200, envelope.render())
}

const JSON_500: &str = r#"{"timestamp":"2026-01-01T00:00:00.000+00:00","status":500,"error":"Internal Server Error","message":"Failed to obtain JDBC Connection; nested exception is java.sql.SQLTransientConnectionException"}"#;

fn html(status: u16, title: &str) -> Reply {
    let page = format!(
        "<html>\n<head>\n    <meta charset=\"UTF-8\">\n    <title>{title}</title>\n</head>\n<body>\n    <h2>{title}</h2>\n</body>\n</html>\n"
    );
    Reply::of(status, "text/html", page)
}
