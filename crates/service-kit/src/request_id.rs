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

    /// `number` in decimal: the one form that a header value takes without a check that could fail.
    pub(crate) fn from_number(number: u64) -> Self {
        Self(number.into())
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
    fn a_number_becomes_an_identity_that_would_be_kept() {
        let id = RequestId::from_number(u64::MAX);
        assert_eq!(id.as_str(), "18446744073709551615");
        assert_eq!(RequestId::from_header(&id.to_header()), Some(id));
    }

    #[test]
    fn a_server_without_actix_gives_identities_by_the_same_rule() {
        let random = Random::seeded(1);
        let kept = RequestId::sane_or_fresh(Some("abc"), &random);
        assert_eq!(kept.as_str(), "abc");
        let fresh = RequestId::sane_or_fresh(Some("a b"), &random);
        assert_ne!(fresh, RequestId::sane_or_fresh(None, &random));
    }
}
