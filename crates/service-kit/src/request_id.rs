//! The identity of a request: on its answer, on its log lines, in its problem body.

use std::fmt;

use actix_web::http::header::{HeaderName, HeaderValue};

use crate::random::Random;

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

    /// The same for servers that have no actix request: what was sent if it is sane, else a fresh one.
    pub fn sane_or_fresh(sent: Option<&str>, random: &Random) -> Self {
        sent.and_then(|sent| HeaderValue::from_str(sent).ok())
            .and_then(|sent| Self::from_header(&sent))
            .unwrap_or_else(|| Self::from_number(random.u64_below(u64::MAX)))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(text: &str) -> Option<String> {
        let header = HeaderValue::from_str(text).unwrap();
        RequestId::from_header(&header).map(|id| id.to_string())
    }

    #[test]
    fn a_sane_identity_is_kept() {
        assert_eq!(sent("aZ09._-").as_deref(), Some("aZ09._-"));
        assert_eq!(sent(&"x".repeat(128)), Some("x".repeat(128)));
    }

    #[test]
    fn anything_else_is_not() {
        for text in ["", " ", "a b", "a,b", "a\"b", "ä", "{}", &"x".repeat(129)] {
            assert_eq!(sent(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_number_becomes_sixteen_hex_digits() {
        assert_eq!(
            RequestId::from_number(0xab_cdef).as_str(),
            "0000000000abcdef"
        );
        assert_eq!(
            RequestId::from_number(u64::MAX).as_str(),
            "ffffffffffffffff"
        );
    }
}
