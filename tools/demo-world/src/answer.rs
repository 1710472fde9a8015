//! From a request to the answer its project gives: credentials first, then the fault in force,
//! then cache validators, then the units. Decides only; `wire` does the bytes.

use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::fault::{Fault, FaultPlan, INSIDE_MARK, RetryAfter};
use crate::message::{Body, Reply, Request};
use crate::project::{Project, State, Validators};
use crate::units::{Rendered, many, render};
use crate::verdict::Verdict;

/// `Last-Modified` of version 0, 2020-01-01: each change of the units counts as one second, so that
/// two changes within one real second still differ, and no time lies ahead of the reader's clock.
const FIRST_MODIFIED: Duration = Duration::from_hours(438_288);

/// `turn` is the number of requests that the project saw before this one.
pub(crate) fn answer(project: &Project, request: &Request, turn: u64) -> Verdict {
    let mut state = project.state();
    if request.method != "GET" {
        return Verdict::now(Reply::problem(405).header("allow", "GET"));
    }
    if let Err(code) = state.auth.check(request) {
        state.auth_failures += 1;
        return Verdict::now(Reply::problem(code).header("www-authenticate", "Bearer"));
    }
    match FaultPlan::take(&mut state.plan) {
        Some(fault) => faulty(&mut state, request, fault, turn),
        None => Verdict::now(units(&mut state, request, None, turn)),
    }
}

fn faulty(state: &mut State, request: &Request, fault: Fault, turn: u64) -> Verdict {
    let reply = match fault {
        Fault::Silence => return Verdict::Silence,
        Fault::Reset => return Verdict::Reset,
        Fault::Latency { ms } => {
            let late = Duration::from_millis(ms);
            return Verdict::Answer(units(state, request, None, turn), late);
        }
        Fault::Status { code, retry_after } => {
            let reply = Reply::json(code, talkative(code));
            match retry_after {
                Some(wait) => reply.header("retry-after", retry_after_text(wait)),
                None => reply,
            }
        }
        Fault::HtmlPage => Reply::of(200, "text/html; charset=utf-8", html_page()),
        Fault::WrongShape => Reply::json(200, talkative(500)),
        Fault::EmptyObject => Reply::json(200, "{}"),
        Fault::NotJson => Reply::json(200, format!("[{{\"ref\": {INSIDE_MARK}")),
        Fault::Body { text } => Reply::json(200, text),
        Fault::ManyUnits { count } => Reply::json(200, Body::Pieces(None, Box::new(many(count)))),
        Fault::Redirect { location } => Reply::problem(302).header("location", location),
        Fault::Truncated | Fault::ResetMidBody | Fault::Drip { .. } | Fault::Huge { .. } => {
            let whole = state.rendered().body;
            Reply::json(200, bent_body(whole, &fault))
        }
        Fault::Flapping
        | Fault::Vanishing { .. }
        | Fault::Duplicates
        | Fault::BadUnits
        | Fault::Unmapped { .. } => units(state, request, Some(&fault), turn),
    };
    Verdict::now(reply)
}

/// The right text, sent wrongly.
fn bent_body(whole: Bytes, fault: &Fault) -> Body {
    match *fault {
        Fault::Drip { ms } => Body::Drip(whole, Duration::from_millis(ms)),
        Fault::ResetMidBody => Body::HalfThenReset(whole),
        Fault::Huge { bytes, announced } => {
            let size = whole.len() as u64 + bytes;
            Body::Pieces(announced.then_some(size), Box::new(padded(whole, bytes)))
        }
        _ => Body::HalfThenEnd(whole),
    }
}

/// A text and so many spaces behind it, in pieces.
pub(crate) fn padded(whole: Bytes, padding: u64) -> impl Iterator<Item = Bytes> + Send {
    const PIECE: usize = 64 * 1024;
    let spaces = Bytes::from(vec![b' '; PIECE]);
    let mut left = padding;
    let pad = std::iter::from_fn(move || {
        let size = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        left -= size as u64;
        (size > 0).then(|| spaces.slice(..size))
    });
    std::iter::once(whole).chain(pad)
}

/// The units, or 304 when the reader has them. A bent text has no modification time of its own.
fn units(state: &mut State, request: &Request, fault: Option<&Fault>, turn: u64) -> Reply {
    let Rendered { body, etag } = match fault {
        None => state.rendered(),
        Some(fault) => render(&state.units, state.shape, Some(fault), turn),
    };
    let with_tag = matches!(state.validators, Validators::Both | Validators::ETag);
    let with_date = fault.is_none()
        && matches!(
            state.validators,
            Validators::Both | Validators::LastModified
        );
    let modified = SystemTime::UNIX_EPOCH + FIRST_MODIFIED + Duration::from_secs(state.version);
    let known = match request.header("if-none-match") {
        Some(tags) if with_tag => tags.split(',').any(|tag| tag.trim() == etag),
        _ => with_date && known_since(request, modified),
    };
    let mut reply = if known {
        Reply::empty(304)
    } else {
        Reply::json(200, body)
    };
    if with_tag {
        reply = reply.header("etag", etag);
    }
    if with_date {
        reply = reply.header("last-modified", httpdate::fmt_http_date(modified));
    }
    reply
}

fn known_since(request: &Request, modified: SystemTime) -> bool {
    request
        .header("if-modified-since")
        .and_then(|date| httpdate::parse_http_date(date).ok())
        .is_some_and(|since| modified <= since)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the world outside has a clock of its own"
)]
fn retry_after_text(wait: RetryAfter) -> String {
    match wait {
        RetryAfter::Seconds(seconds) => seconds.to_string(),
        RetryAfter::Date(ahead) => {
            httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(ahead))
        }
        RetryAfter::Verbatim(text) => text,
    }
}

fn talkative(code: u16) -> String {
    format!(r#"{{"error":"{INSIDE_MARK}: failed with {code}","trace":"db01.internal:5432"}}"#)
}

fn html_page() -> String {
    format!("<!doctype html><title>Sign in</title><p>{INSIDE_MARK}</p>")
}
