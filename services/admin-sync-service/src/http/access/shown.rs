//! What of a request the door looks at: credentials, and whether a page of another site sent it.

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;
use actix_web::http::{Method, header};
use service_kit::settings::Url;

use super::{Admitted, cookie};
use crate::error::ApiError;
use crate::http::State;

/// What the console says of itself. A page of another origin cannot, unless a preflight lets it, and none is answered.
const CONSOLE: (&str, &[u8]) = ("x-requested-with", b"farol-console");

/// Ends of names that nobody can own in the Internet.
const PRIVATE: [&str; 6] = [
    ".localhost",
    ".local",
    ".lan",
    ".internal",
    ".home.arpa",
    ".test",
];

/// What a request shows at the door.
pub struct Shown {
    /// The address that it is from.
    pub(super) client: IpAddr,
    /// The `Authorization` header.
    pub(super) authorization: Option<Vec<u8>>,
    /// What is in cookies of a session, good or not.
    pub(super) sessions: Vec<String>,
    /// The console sent it, or a program that says so.
    pub(super) by_the_console: bool,
    /// Cookies may be set for TLS only.
    pub(super) over_tls: bool,
    method: Method,
    /// A browser says that a page of another origin made it ask.
    crosses_sites: bool,
    /// The name or address that it asks for.
    host: Option<Vec<u8>>,
}

impl Shown {
    /// What `request` shows.
    pub fn of(request: &HttpRequest, state: &State) -> Self {
        let headers = request.headers();
        let lines = headers
            .get_all(header::COOKIE)
            .map(header::HeaderValue::as_bytes);
        let value = |name: &str| value(headers, name);
        let by_the_console = value(CONSOLE.0) == Some(CONSOLE.1);
        Self {
            client: state.client(request),
            authorization: value("authorization").map(<[u8]>::to_vec),
            sessions: cookie::sent(lines).into_iter().map(str::to_owned).collect(),
            by_the_console,
            over_tls: state.is_over_tls(request),
            method: request.method().clone(),
            crosses_sites: crosses_sites(headers, by_the_console),
            host: value("host").map(<[u8]>::to_vec),
        }
    }

    /// Whether whoever was admitted may do this. A browser adds the credentials that it has for us to whatever another
    /// site's page sends here; most say so, and for a cookie that is not enough.
    ///
    /// # Errors
    /// [`ApiError::CrossSite`], [`ApiError::NotTheConsole`].
    pub(super) fn may_act(&self, admitted: &Admitted) -> Result<(), ApiError> {
        if matches!(self.method, Method::GET | Method::HEAD | Method::OPTIONS) {
            return Ok(());
        }
        if admitted.by_session {
            return self.is_from_the_console();
        }
        self.is_of_no_other_site()
    }

    /// For what only the console does.
    ///
    /// # Errors
    /// [`ApiError::CrossSite`], [`ApiError::NotTheConsole`].
    pub fn is_from_the_console(&self) -> Result<(), ApiError> {
        self.is_of_no_other_site()?;
        if self.by_the_console {
            Ok(())
        } else {
            Err(ApiError::NotTheConsole)
        }
    }

    /// For where everybody may come in: a page could have a name of its own lead here, and be of our origin then.
    ///
    /// # Errors
    /// [`ApiError::PublicName`].
    pub(super) fn is_by_no_public_name(&self) -> Result<(), ApiError> {
        if self.host.as_deref().is_some_and(is_public) {
            Err(ApiError::PublicName)
        } else {
            Ok(())
        }
    }

    /// The value of `Set-Cookie` that ends the session in this browser.
    pub fn forget(&self) -> String {
        cookie::forget(self.over_tls)
    }

    fn is_of_no_other_site(&self) -> Result<(), ApiError> {
        if self.crosses_sites {
            Err(ApiError::CrossSite)
        } else {
            Ok(())
        }
    }
}

fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    headers.get(name).map(header::HeaderValue::as_bytes)
}

/// Over TLS and to this machine browsers say how the page's origin relates to ours; elsewhere only which one it is, and a
/// proxy may have given us another name meanwhile. Then the console's header is enough: no other page can send it.
fn crosses_sites(headers: &HeaderMap, by_the_console: bool) -> bool {
    match (value(headers, "sec-fetch-site"), value(headers, "origin")) {
        (Some(site), _) => matches!(site, b"cross-site" | b"same-site"),
        (None, Some(origin)) => !by_the_console && !is_of(origin, value(headers, "host")),
        (None, None) => false,
    }
}

/// Whether `origin` is that of `host`. A proxy may have taken TLS off.
fn is_of(origin: &[u8], host: Option<&[u8]>) -> bool {
    let bare = origin.strip_prefix(b"http://");
    let bare = bare.or_else(|| origin.strip_prefix(b"https://"));
    bare.zip(host)
        .is_some_and(|(bare, host)| bare.eq_ignore_ascii_case(host))
}

/// Whether somebody may own this name in the Internet: no address, no single word, none that is private by its end. What
/// cannot be read may be.
fn is_public(host: &[u8]) -> bool {
    let address = std::str::from_utf8(host).map(|host| Url::parse(&format!("http://{host}/")));
    let Ok(Ok(url)) = address else {
        return true;
    };
    let name = url.domain().unwrap_or_default().trim_end_matches('.');
    name.contains('.') && !PRIVATE.iter().any(|end| name.ends_with(end))
}
