//! The endpoints by which a person plays the portal with curl, all under `/_control`; listed in
//! docs/OPERATIONS.md.

use std::ops::Range;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use serde_json::{Value, json};
use service_kit::clock::Clock;
use tokio::time::Instant;

use super::fault::Rule;
use super::query::{Endpoint, Query};
use super::replay::{Replay, TraceStep};
use super::site::Inside;
use super::time::instant;
use crate::message::{Reply, Request};

/// Steps of a trace that is asked for without one.
const WEATHER_STEPS: u32 = 446;

/// Everything that is not the portal's own.
pub(crate) fn answer(site: &Inside, request: &Request) -> Reply {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let query = Query(query);
    let told = match (request.method.as_str(), path.trim_end_matches('/')) {
        ("GET", "/health") => Ok(json!({"status": "ok"})),
        ("GET", "/_control") => Ok(described(site)),
        ("GET", "/_control/count") => count(site, &query),
        ("GET", "/_control/keys") => keys(site, &query),
        ("GET", "/_control/requests") => Ok(requests(site)),
        ("POST", "/_control/faults") => add_fault(site, &request.body),
        ("DELETE", "/_control/faults") => Ok(clear(site)),
        ("POST", "/_control/replay") => replay(site, &query, &request.body),
        ("POST", "/_control/publish") => happen(site, &query, Inside::publish),
        ("POST", "/_control/touch") => happen(site, &query, Inside::touch),
        ("POST", "/_control/unordered") => Ok(set_unordered(site, true)),
        ("DELETE", "/_control/unordered") => Ok(set_unordered(site, false)),
        _ => return Reply::problem(404),
    };
    match told {
        // Indented, with a newline at the end: a person reads it in a terminal.
        Ok(value) => Reply::json(200, format!("{value:#}\n")),
        Err(error) => Reply::json(400, json!({"error": error}).to_string()),
    }
}

fn described(site: &Inside) -> Value {
    let state = site.state();
    let days = state.store.days();
    json!({
        "url": site.base_url(),
        "records": state.store.len(),
        "first_day": days.map(|(first, _)| first),
        "last_day": days.map(|(_, last)| last),
        "requests": site.ledger.count(),
        "in_flight": site.ledger.in_flight(),
        "concurrent_max": site.ledger.concurrent_max(),
        "faults": state.rules,
        "replay_left": state.replay.left(),
        "unordered": state.store.unordered,
    })
}

/// `?endpoint=publicacao&modalidade=6&from=2025-07-10&to=2025-07-11`: half-open, in Brasília time
/// unless an offset is given; all modalidades and `publicacao` unless said.
fn count(site: &Inside, query: &Query<'_>) -> Result<Value, String> {
    let Wanted(endpoint, modalidade, window) = Wanted::read(query)?;
    let count = site.state().store.count(endpoint, modalidade, &window);
    Ok(json!({"count": count}))
}

/// As `count`: which they are.
fn keys(site: &Inside, query: &Query<'_>) -> Result<Value, String> {
    let Wanted(endpoint, modalidade, window) = Wanted::read(query)?;
    let keys = site.state().store.keys(endpoint, modalidade, &window);
    Ok(json!({"keys": keys}))
}

/// The last requests, oldest first; times in seconds since the first of them.
fn requests(site: &Inside) -> Value {
    let seen = site.ledger.seen();
    let Some(first) = seen.first().map(|seen| seen.at) else {
        return json!([]);
    };
    let since = |at: Instant| at.duration_since(first).as_secs_f64();
    let told = seen.iter().map(|seen| {
        json!({
            "path": seen.path,
            "status": seen.status,
            "at": since(seen.at),
            "answered_at": seen.answered_at.map(since),
        })
    });
    told.collect()
}

/// What of the procurements is meant.
struct Wanted(Endpoint, Option<i16>, Range<DateTime<Utc>>);

impl Wanted {
    fn read(query: &Query<'_>) -> Result<Self, String> {
        let endpoint = match query.get("endpoint").as_deref() {
            Some("atualizacao") => Endpoint::Atualizacao,
            _ => Endpoint::Publicacao,
        };
        let modalidade = match query.get("modalidade") {
            Some(text) => Some(text.parse().map_err(|_| format!("modalidade: {text}"))?),
            None => None,
        };
        let window = edge(query, "from")?..edge(query, "to")?;
        Ok(Self(endpoint, modalidade, window))
    }
}

fn edge(query: &Query<'_>, name: &str) -> Result<DateTime<Utc>, String> {
    let text = query.get(name).unwrap_or_default();
    let day = text.parse().map(|day: NaiveDate| instant(day.into()));
    let moment = text.parse().map(|moment: NaiveDateTime| instant(moment));
    let offset = DateTime::parse_from_rfc3339(&text).map(|moment| moment.to_utc());
    day.or(moment)
        .or(offset)
        .map_err(|_| format!("{name}: a date or a date with time is needed"))
}

/// `{"fault": {"kind": "text_500"}, "modalidade": 6, "times": 3}`; without `times` until cleared.
fn add_fault(site: &Inside, body: &[u8]) -> Result<Value, String> {
    let rule: Rule = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    site.script(rule);
    Ok(described(site))
}

fn clear(site: &Inside) -> Value {
    site.clear_faults();
    described(site)
}

/// `?speed=60` and a trace as JSON lines; without one, generated weather.
fn replay(site: &Inside, query: &Query<'_>, body: &[u8]) -> Result<Value, String> {
    let speed = query.number("speed").unwrap_or(1.0);
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    let mut steps = TraceStep::read_all(text).map_err(|error| error.to_string())?;
    if steps.is_empty() {
        steps = TraceStep::weather(1, WEATHER_STEPS);
    }
    site.state().replay = Replay::new(steps, speed);
    Ok(described(site))
}

/// `?n=25` events now; one unless said.
fn happen(
    site: &Inside,
    query: &Query<'_>,
    event: impl FnOnce(&Inside, u32, &Clock) -> Vec<String>,
) -> Result<Value, String> {
    let count = match query.get("n") {
        Some(text) => text.parse().map_err(|_| format!("n: {text}"))?,
        None => 1,
    };
    Ok(json!({"keys": event(site, count, &Clock::system())}))
}

fn set_unordered(site: &Inside, unordered: bool) -> Value {
    site.state().store.unordered = unordered;
    described(site)
}
