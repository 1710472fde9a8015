//! What the backend is told of a client's request, and of this process.

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;
use uuid::Uuid;

use super::token::Token;

/// A client's request as callbacks carry it: JSON, made once for connect and disconnect.
#[derive(Clone, Debug)]
pub struct Forwarded {
    /// The raw target, with its query.
    pub url: Box<str>,
    /// `{"url":…,"headers":{…}}`
    pub json: Bytes,
}

/// One run of this process: what a backend keeps of another run is stale.
#[derive(Clone, Debug)]
pub struct Instance {
    json: String,
}

impl Instance {
    /// A new one that started at `now`.
    pub fn new(now: DateTime<Utc>) -> Self {
        let started_at = now.to_rfc3339_opts(SecondsFormat::Millis, true);
        let json = json!({"id": Uuid::new_v4().to_string(), "started_at": started_at});
        Self {
            json: json.to_string(),
        }
    }

    /// `{"id":…,"started_at":…}`
    pub fn json(&self) -> &str {
        &self.json
    }

    /// The body of a connect.
    pub fn connect(&self, token: Token, request: &Forwarded) -> Bytes {
        self.body(r#""action":"connect""#, token, request)
    }

    /// The body of a disconnect; `id` is the same in every attempt.
    pub fn disconnect(&self, token: Token, request: &Forwarded, reason: &str, id: Uuid) -> Bytes {
        let action = format!(r#""action":"disconnect","reason":"{reason}","disconnect_id":"{id}""#);
        self.body(&action, token, request)
    }

    fn body(&self, action: &str, token: Token, request: &Forwarded) -> Bytes {
        let mut body = Vec::with_capacity(192 + request.json.len());
        body.extend_from_slice(
            format!(
                r#"{{{action},"token":"{token}","instance":{},"request":"#,
                self.json
            )
            .as_bytes(),
        );
        body.extend_from_slice(&request.json);
        body.push(b'}');
        body.into()
    }
}
