//! The identity of a request: on its answer, on its log lines, in its problem body.

use std::fmt;

use actix_web::http::header::{HeaderName, HeaderValue};

/// The header that brings an identity in and tells it on the answer.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

const LONGEST: usize = 128;

tokio::task_local! {
    /// Set for as long as the request's future is polled, so that log lines and problems find it without being
    /// handed it.
    pub(crate) static CURRENT: RequestId;
}

/// 1 to 128 characters of `[A-Za-z0-9._-]`, so it is safe in a header, a log line and a shell.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// What a client sent, if it is sane.
    pub fn from_header(sent: &HeaderValue) -> Option<Self> {
        let bytes = sent.as_bytes();
        let sane = (1..=LONGEST).contains(&bytes.len())
            && bytes
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte));
        sane.then(|| Self(sent.clone()))
    }

    /// Sixteen hex digits of `number`.
    pub(crate) fn from_number(number: u64) -> Self {
        let mut digits = [0_u8; 16];
        for (at, digit) in digits.iter_mut().enumerate() {
            let nibble = (number >> (60 - 4 * at)) & 0xf;
            *digit = b"0123456789abcdef"[usize::try_from(nibble).unwrap_or(0)];
        }
        match HeaderValue::from_bytes(&digits) {
            Ok(value) => Self(value),
            Err(_) => unreachable!("hex digits are a header value"),
        }
    }

    /// The identity as text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    pub(crate) fn to_header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The identity of the request that the running task serves, if it serves one.
pub fn current() -> Option<RequestId> {
    CURRENT.try_with(RequestId::clone).ok()
}
