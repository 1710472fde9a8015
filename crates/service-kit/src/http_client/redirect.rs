//! Which redirects are followed: none that leaves the host, since credentials and trust belong to one host.

use reqwest::{Url, redirect::Policy};

const MOST: usize = 3;

/// Why a redirect was not followed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refused(pub(super) String);

/// Same scheme, host and port, at most three in a row.
pub(super) fn same_origin() -> Policy {
    Policy::custom(|attempt| {
        let from = attempt.previous().last();
        if from.is_none_or(|from| origin(from) != origin(attempt.url())) {
            let host = attempt.url().host_str().unwrap_or("no host").to_owned();
            return attempt.error(Refused(format!("it leads elsewhere ({host})")));
        }
        if attempt.previous().len() > MOST {
            return attempt.error(Refused(format!("more than {MOST} in a row")));
        }
        attempt.follow()
    })
}

fn origin(url: &Url) -> (&str, Option<&str>, Option<u16>) {
    (url.scheme(), url.host_str(), url.port_or_known_default())
}
