//! Why a call outside failed, in words that may be shown to operators.

use std::error::Error;

use super::{guard::Blocked, redirect::Refused};

/// No variant carries an address of the request, a header or a byte of the body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The deadline passed, in whatever phase.
    #[error("no complete answer before the deadline")]
    Timeout,
    /// No connection, or one that broke before the answer began: name, TCP, TLS.
    #[error("the connection failed: {0}")]
    Connect(String),
    /// The host's address is not public, and nothing allows it.
    #[error(
        "the address {0} is not public; UPSTREAM_ALLOW_HOSTS or UPSTREAM_ALLOW_PRIVATE would allow it"
    )]
    Blocked(String),
    /// The body has more bytes than the cap.
    #[error("the body has more than {0} bytes")]
    TooLarge(usize),
    /// A redirect to another scheme, host or port, or one too many.
    #[error("the redirect was refused: {0}")]
    Redirect(String),
    /// Not an address that can be asked.
    #[error("the address cannot be used: {0}")]
    BadUrl(String),
    /// The answer broke off or does not follow HTTP.
    #[error("the answer broke off: {0}")]
    Body(String),
}

impl OutboundError {
    /// `reqwest` puts the whole address into its texts, so only the innermost causes are told.
    pub(super) fn of(error: &reqwest::Error) -> Self {
        if let Some(Blocked(host)) = cause(error) {
            return Self::Blocked(host.clone());
        }
        if let Some(Refused(why)) = cause(error) {
            return Self::Redirect(why.clone());
        }
        if error.is_timeout() {
            return Self::Timeout;
        }
        let reason = innermost(error);
        if error.is_builder() {
            Self::BadUrl(reason)
        } else if error.is_redirect() {
            Self::Redirect(reason)
        } else if error.is_body() || error.is_decode() {
            Self::Body(reason)
        } else {
            Self::Connect(reason)
        }
    }
}

fn chain<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause: &&'a (dyn Error + 'static)| {
        (*cause).source()
    })
}

fn cause<T: Error + 'static>(error: &reqwest::Error) -> Option<&T> {
    chain(error).find_map(|cause| cause.downcast_ref())
}

fn innermost(error: &reqwest::Error) -> String {
    chain(error)
        .last()
        .map_or_else(|| "no reason given".to_owned(), ToString::to_string)
}
