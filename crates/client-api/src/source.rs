//! What is asked of a client's API, and what can come of it. How it is asked is
//! in `client_api`.

use std::time::Duration;

use bytes::Bytes;
use secrecy::SecretString;

/// A client API, with what it takes to be let in.
#[derive(Debug, Clone)]
pub struct Source {
    /// `api_base_url` without trailing `/` + `status_endpoint`.
    pub url: String,
    /// How to be let in.
    pub auth: Auth,
    /// Deadline of one request, answer included.
    pub timeout: Duration,
}

/// Credentials, by `auth_type`.
#[derive(Debug, Clone)]
pub enum Auth {
    /// Anybody may ask.
    None,
    /// `Authorization: Bearer …`
    Bearer(SecretString),
    /// A header of the client's choice.
    ApiKey {
        /// Its name.
        header: String,
        /// Its value.
        key: SecretString,
    },
    /// `Authorization: Basic …`
    Basic {
        /// User name.
        username: String,
        /// Password.
        password: SecretString,
    },
}

/// What the source gave us to ask "has it changed since?" with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    /// `ETag`, sent back as `If-None-Match`.
    pub etag: Option<String>,
    /// `Last-Modified`, sent back as `If-Modified-Since`.
    pub last_modified: Option<String>,
}

/// A good answer.
#[derive(Debug)]
pub enum Answer {
    /// 2xx with a body that is yet to be read.
    Body {
        /// HTTP status.
        status: u16,
        /// As it came.
        body: Bytes,
        /// For the next request.
        validators: Validators,
    },
    /// 304.
    NotModified,
}

/// Why there is no good answer. The texts go to operators, never to viewers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// No complete answer within the deadline.
    #[error("no complete answer within the time limit")]
    Timeout,
    /// No connection, or it broke.
    #[error("connection failed: {0}")]
    Connection(String),
    /// 5xx.
    #[error("the client API answered {status}")]
    Server {
        /// HTTP status.
        status: u16,
        /// `Retry-After`, if it was sent.
        retry_after: Option<Duration>,
    },
    /// 429.
    #[error("the client API asks for fewer requests (429)")]
    TooManyRequests {
        /// `Retry-After`, if it was sent.
        retry_after: Option<Duration>,
    },
    /// Any other answer that is not 2xx or 304.
    #[error("the client API refused with {0}")]
    Refused(u16),
    /// The address may not be asked, or is none.
    #[error("the address cannot be asked: {0}")]
    Address(String),
    /// The body is not one of the forms we read.
    #[error("unusable body: {0}")]
    Body(String),
    /// The stored credentials cannot be used.
    #[error("credentials cannot be used: {0}")]
    Credentials(String),
}

impl FetchError {
    /// Whether asking again soon can help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Timeout
            | Self::Connection(_)
            | Self::Server { .. }
            | Self::TooManyRequests { .. } => true,
            Self::Refused(_) | Self::Address(_) | Self::Body(_) | Self::Credentials(_) => false,
        }
    }

    /// The pause that the source asked for.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Server { retry_after, .. } | Self::TooManyRequests { retry_after } => {
                *retry_after
            }
            _ => None,
        }
    }

    /// The HTTP status behind it, for the log.
    pub fn upstream_status(&self) -> Option<u16> {
        match self {
            Self::Server { status, .. } | Self::Refused(status) => Some(*status),
            Self::TooManyRequests { .. } => Some(429),
            _ => None,
        }
    }

    /// Every outcome, so that metrics show zeros too.
    pub const OUTCOMES: [&'static str; 8] = [
        "timeout",
        "connection",
        "server_error",
        "too_many_requests",
        "refused",
        "address",
        "bad_body",
        "credentials",
    ];

    /// The label of the outcome in metrics.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Connection(_) => "connection",
            Self::Server { .. } => "server_error",
            Self::TooManyRequests { .. } => "too_many_requests",
            Self::Refused(_) => "refused",
            Self::Address(_) => "address",
            Self::Body(_) => "bad_body",
            Self::Credentials(_) => "credentials",
        }
    }
}
