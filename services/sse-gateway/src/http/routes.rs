//! The table of routes.

use std::borrow::Cow;

use super::gate::{Door, Gate};
use super::{internal, send};
use crate::error::ApiError;
use crate::wire::{Head, Method};

const SEND: &str = "/internal/send";
/// The largest body of a send.
const LARGEST_SEND: usize = 1024 * 1024;
/// Other bodies mean nothing, and strangers must not fill our memory with them.
const LARGEST_OTHER: usize = 16 * 1024;

/// What a request comes to.
pub enum Reply {
    /// This answer.
    Told(Told),
    /// A stream, if the backend agrees.
    Stream,
}

/// An answer that is no stream.
#[derive(Debug)]
pub struct Told {
    /// The HTTP status.
    pub status: u16,
    /// JSON, or nothing.
    pub body: Cow<'static, [u8]>,
    /// Further header lines, each with its end.
    pub headers: String,
}

impl Told {
    /// 200 with JSON.
    pub fn ok(body: impl Into<Cow<'static, [u8]>>) -> Self {
        Self {
            status: 200,
            body: body.into(),
            headers: String::new(),
        }
    }
}

impl From<ApiError> for Told {
    fn from(error: ApiError) -> Self {
        Self {
            status: error.status,
            body: error.body().into(),
            headers: error.headers,
        }
    }
}

/// Bytes of its body that are read.
pub fn largest_body(gate: &Gate, door: Door, head: &Head) -> usize {
    let is_send = (head.method, head.path()) == (Method::Post, SEND) && door != Door::Public;
    if is_send && gate.admits(head.authorization()) {
        LARGEST_SEND
    } else {
        LARGEST_OTHER
    }
}

/// The answer to a request whose body is not read: what is wrong with it beside its size comes first.
pub fn too_large(gate: &Gate, door: Door, head: &Head) -> ApiError {
    let is_other = largest_body(gate, door, head) == LARGEST_OTHER;
    let told = is_other.then(|| told(gate, door, head, b""));
    match told.flatten() {
        Some(Err(error)) => error,
        _ => ApiError::too_large(),
    }
}

/// The answer to a request.
pub fn reply(gate: &Gate, door: Door, head: &Head, body: &[u8]) -> Reply {
    let told = told(gate, door, head, body);
    told.map_or(Reply::Stream, |told| {
        Reply::Told(told.unwrap_or_else(Told::from))
    })
}

/// `None` is a stream.
fn told(gate: &Gate, door: Door, head: &Head, body: &[u8]) -> Option<Result<Told, ApiError>> {
    Some(match (head.method, head.path()) {
        (Method::Options, _) => Ok(Told {
            status: 204,
            ..Told::ok(&b""[..])
        }),
        (Method::Get, "/healthz") => Ok(Told::ok(&br#"{"status":"ok"}"#[..])),
        (Method::Get, "/readyz") => Ok(ready(gate)),
        (_, SEND | "/internal/connections") if door == Door::Public => Err(ApiError::not_found()),
        (Method::Post, SEND) => send::post(gate, head, body),
        (_, SEND) => Err(ApiError::method_not_allowed("POST, OPTIONS")),
        (Method::Get, "/internal/connections") => internal::list(gate, head),
        (Method::Get, _) if door != Door::Internal => return None,
        (Method::Head, _) | (_, "/healthz" | "/readyz" | "/internal/connections") => {
            Err(ApiError::method_not_allowed("GET, OPTIONS"))
        }
        _ => Err(ApiError::not_found()),
    })
}

/// Not before there is a backend, and not any more once the stop has begun.
fn ready(gate: &Gate) -> Told {
    let configured = gate.sessions.is_configured();
    let ready = configured && !gate.stopping.is_cancelled();
    let (status, word) = if ready {
        (200, "ready")
    } else {
        (503, "not_ready")
    };
    let body = format!(r#"{{"status":"{word}","configured":{configured}}}"#);
    Told {
        status,
        ..Told::ok(body.into_bytes())
    }
}
