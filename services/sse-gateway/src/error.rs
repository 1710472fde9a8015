//! What can be wrong with a request, and the one place that says which HTTP answer each of these is.

use std::fmt::Write as _;

use serde_json::Value;

use crate::session::{BadOrder, Refusal};

/// An answer that says no: status, code and text, as docs/API.md fixes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// For programs.
    pub code: &'static str,
    /// For people.
    pub message: String,
    /// Further header lines, each with its end.
    pub headers: String,
}

impl ApiError {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            headers: String::new(),
        }
    }

    /// No such path.
    pub fn not_found() -> Self {
        Self::new(404, "NOT_FOUND", "Not found")
    }

    /// The path knows other methods.
    pub fn method_not_allowed(allow: &str) -> Self {
        Self {
            headers: format!("Allow: {allow}\r\n"),
            ..Self::new(405, "METHOD_NOT_ALLOWED", "Method not allowed")
        }
    }

    /// Larger than a body may be.
    pub fn too_large() -> Self {
        Self::new(413, "PAYLOAD_TOO_LARGE", "Payload too large")
    }

    /// Without the secret of `/internal/`.
    pub fn unauthorized() -> Self {
        Self {
            headers: "WWW-Authenticate: Bearer\r\n".to_owned(),
            ..Self::new(
                401,
                "INTERNAL_AUTH_FAILED",
                "Invalid or missing bearer token",
            )
        }
    }

    /// Nobody has this token.
    pub fn token_not_found() -> Self {
        Self::new(
            404,
            "TOKEN_NOT_FOUND",
            "Token not found or connection closed",
        )
    }

    /// The client cannot be written to.
    pub fn write_failed() -> Self {
        Self::new(500, "WRITE_FAILED", "Failed to write to the connection")
    }

    /// A request that is malformed behind its head.
    pub fn malformed() -> Self {
        Self::new(400, "BAD_REQUEST", "The request is malformed")
    }

    /// The refusal of a stream; `retry_after` seconds where coming back helps.
    pub fn refused(refusal: Refusal, retry_after: u64) -> Self {
        let backend = |status| format!("Backend returned {status}");
        let later = |code, message: &str| {
            let mut error = Self::new(503, code, message);
            let _ = write!(error.headers, "Retry-After: {retry_after}\r\n");
            error
        };
        match refusal {
            Refusal::Backend(401) => Self::new(401, "BACKEND_AUTH_FAILED", backend(401)),
            Refusal::Backend(403) => Self::new(403, "BACKEND_FORBIDDEN", backend(403)),
            // A redirect is not followed, and would mislead the client.
            Refusal::Backend(status @ (0..=199 | 300..=399)) => {
                Self::new(502, "BACKEND_ERROR", backend(status))
            }
            Refusal::Backend(status) => Self::new(status, "BACKEND_ERROR", backend(status)),
            Refusal::Unavailable => later("BACKEND_UNAVAILABLE", "Backend is unavailable"),
            Refusal::Timeout => Self::new(504, "GATEWAY_TIMEOUT", "Backend did not answer in time"),
            Refusal::NotConfigured => {
                later("SERVICE_NOT_CONFIGURED", "CALLBACK_URL is not configured")
            }
            Refusal::Full => later("TOO_MANY_CONNECTIONS", "Too many open connections"),
            Refusal::Draining => later("DRAINING", "The gateway is shutting down"),
        }
    }

    /// `{"error":{"message","code"}}`
    pub fn body(&self) -> Vec<u8> {
        let (message, code) = (Value::from(self.message.as_str()), self.code);
        format!(r#"{{"error":{{"message":{message},"code":"{code}"}}}}"#).into_bytes()
    }
}

impl From<BadOrder> for ApiError {
    fn from(bad: BadOrder) -> Self {
        let (code, message) = match bad {
            BadOrder::NotJson => ("INVALID_JSON", "the body is not valid JSON"),
            BadOrder::TooMany => {
                return Self {
                    message: "Too many sends in one request".to_owned(),
                    ..Self::too_large()
                };
            }
            BadOrder::Token => (
                "INVALID_TOKEN_MISSING",
                "token is required and must be a string",
            ),
            BadOrder::EventType => ("INVALID_EVENT_TYPE", "event must be an object"),
            BadOrder::Data => (
                "INVALID_EVENT_DATA_MISSING",
                "event.data is required and must be a string",
            ),
            BadOrder::NameType => ("INVALID_EVENT_NAME_TYPE", "event.name must be a string"),
            BadOrder::Name => (
                "INVALID_EVENT_NAME",
                "event.name must not contain CR, LF or NUL",
            ),
            BadOrder::Id => (
                "INVALID_EVENT_ID",
                "event.id must be a string without CR, LF or NUL",
            ),
            BadOrder::CloseType => ("INVALID_CLOSE_TYPE", "close must be a boolean"),
        };
        Self::new(400, code, format!("Invalid request: {message}"))
    }
}
