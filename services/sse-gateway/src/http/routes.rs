//! The table of routes.

use std::borrow::Cow;

use super::gate::{Door, Gate};
use super::{internal, send};
use crate::error::ApiError;
use crate::wire::{Head, Method};

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

/// The answer to a request.
pub fn reply(gate: &Gate, door: Door, head: &Head, body: &[u8]) -> Reply {
    let told = match (head.method, head.path()) {
        (Method::Options, _) => Ok(Told {
            status: 204,
            ..Told::ok(&b""[..])
        }),
        (Method::Get, "/healthz") => Ok(Told::ok(&br#"{"status":"ok"}"#[..])),
        (Method::Get, "/readyz") => Ok(ready(gate)),
        (_, "/internal/send" | "/internal/connections") if door == Door::Public => {
            Err(ApiError::not_found())
        }
        (Method::Post, "/internal/send") => send::post(gate, head, body),
        (_, "/internal/send") => Err(ApiError::method_not_allowed("POST, OPTIONS")),
        (Method::Get, "/internal/connections") => internal::list(gate, head),
        (Method::Get, _) if door != Door::Internal => return Reply::Stream,
        (Method::Head, _) | (_, "/healthz" | "/readyz" | "/internal/connections") => {
            Err(ApiError::method_not_allowed("GET, OPTIONS"))
        }
        _ => Err(ApiError::not_found()),
    };
    Reply::Told(told.unwrap_or_else(Told::from))
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
