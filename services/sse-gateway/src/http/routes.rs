//! The table of routes.

use super::gate::{Door, Gate};
use super::{internal, send};
use crate::error::ApiError;
use crate::wire::{Answer, Head, Method};

/// What a request comes to.
pub enum Reply {
    /// This answer.
    Bytes(Vec<u8>),
    /// A stream, if the backend agrees.
    Stream,
}

/// The answer to a request.
pub fn reply(gate: &Gate, door: Door, head: &Head, body: &[u8]) -> Reply {
    let keep_alive = head.keep_alive && !gate.stopping.is_cancelled();
    let answered = match (head.method, head.path()) {
        (Method::Options, _) => Ok(encode(204, b"", keep_alive)),
        (Method::Get, "/healthz") => Ok(encode(200, br#"{"status":"ok"}"#, keep_alive)),
        (Method::Get, "/readyz") => Ok(ready(gate, keep_alive)),
        (_, "/internal/send" | "/internal/connections") if door == Door::Public => {
            Err(ApiError::not_found())
        }
        (Method::Post, "/internal/send") => send::post(gate, head, body, keep_alive),
        (_, "/internal/send") => Err(ApiError::method_not_allowed("POST, OPTIONS")),
        (Method::Get, "/internal/connections") => internal::list(gate, head, keep_alive),
        (Method::Get, _) if door != Door::Internal => return Reply::Stream,
        (Method::Head, _) | (_, "/healthz" | "/readyz" | "/internal/connections") => {
            Err(ApiError::method_not_allowed("GET, OPTIONS"))
        }
        _ => Err(ApiError::not_found()),
    };
    let bytes = answered.unwrap_or_else(|error| encode_error(&error, keep_alive));
    if gate.access_log {
        log(head, &bytes);
    }
    Reply::Bytes(bytes)
}

/// An answer of JSON, or of nothing.
pub fn encode(status: u16, body: &[u8], keep_alive: bool) -> Vec<u8> {
    let answer = Answer {
        status,
        body,
        headers: "",
        keep_alive,
    };
    answer.encode()
}

/// An answer that says no.
pub fn encode_error(error: &ApiError, keep_alive: bool) -> Vec<u8> {
    let answer = Answer {
        status: error.status,
        body: &error.body(),
        headers: &error.headers,
        keep_alive,
    };
    answer.encode()
}

/// Not before there is a backend, and not any more once the stop has begun.
fn ready(gate: &Gate, keep_alive: bool) -> Vec<u8> {
    let configured = gate.sessions.is_configured();
    let ready = configured && !gate.stopping.is_cancelled();
    let (status, word) = if ready {
        (200, "ready")
    } else {
        (503, "not_ready")
    };
    let body = format!(r#"{{"status":"{word}","configured":{configured}}}"#);
    encode(status, body.as_bytes(), keep_alive)
}

/// One line: the path without its query, and the status.
pub fn log(head: &Head, answer: &[u8]) {
    let status = answer
        .get(9..12)
        .and_then(|digits| std::str::from_utf8(digits).ok());
    tracing::info!(method = ?head.method, path = head.path(), status, "answered");
}
