//! What of a request the door looks at: credentials, and whether a page of another site sent it.

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::{Method, header};

use super::{Admitted, cookie};
use crate::error::ApiError;
use crate::http::State;

/// What the console says of itself. A page of another origin cannot, unless a preflight lets it, and none is answered.
const CONSOLE: (&str, &[u8]) = ("x-requested-with", b"farol-console");

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
}

impl Shown {
    /// What `request` shows.
    pub fn of(request: &HttpRequest, state: &State) -> Self {
        let headers = request.headers();
        let lines = headers
            .get_all(header::COOKIE)
            .map(header::HeaderValue::as_bytes);
        let value = |name: &str| headers.get(name).map(header::HeaderValue::as_bytes);
        Self {
            client: state.client(request),
            authorization: value("authorization").map(<[u8]>::to_vec),
            sessions: cookie::sent(lines).into_iter().map(str::to_owned).collect(),
            by_the_console: value(CONSOLE.0) == Some(CONSOLE.1),
            over_tls: state.is_over_tls(request),
            method: request.method().clone(),
            crosses_sites: matches!(value("sec-fetch-site"), Some(b"cross-site" | b"same-site")),
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
