//! Pages of other origins: whose may read answers. Tokens are no cookies, so nothing is ever sent along by itself.

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpResponse};

use super::State;

const EXPOSED: &str = "Retry-After, X-Request-Id, WWW-Authenticate";

/// `ALLOWED_ORIGINS`; none given are all.
#[derive(Debug, Clone, Default)]
pub struct Origins(Arc<[String]>);

impl Origins {
    /// These, as browsers write them (`https://app.example.org`).
    pub fn new(allowed: &[String]) -> Self {
        Self(allowed.into())
    }

    /// Whether pages of `origin` may read.
    pub fn allows(&self, origin: &HeaderValue) -> bool {
        self.0.is_empty() || self.0.iter().any(|it| it.as_bytes() == origin.as_bytes())
    }

    /// Whether somebody with these headers may open a socket: a page of an allowed origin, our own, or no page at all.
    pub fn let_in(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else {
            return true;
        };
        self.allows(origin) || is_ours(origin, headers.get(header::HOST))
    }
}

/// The live page is of the host that it asks, whatever that is called; a proxy may speak TLS for us.
fn is_ours(origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
    let origin = origin.as_bytes();
    let of = origin
        .strip_prefix(b"https://")
        .or_else(|| origin.strip_prefix(b"http://"));
    of.is_some() && of == host.map(HeaderValue::as_bytes)
}

/// Says on each answer which page may read it.
pub async fn share<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let state = request.app_data::<Data<State>>().cloned();
    let origin = request.headers().get(header::ORIGIN).cloned();
    let mut response = next.call(request).await?;
    let headers = response.headers_mut();
    // The answer differs by it, also where there is none.
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let (Some(state), Some(origin)) = (state, origin)
        && state.origins.allows(&origin)
    {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let exposed = HeaderValue::from_static(EXPOSED);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
    Ok(response)
}

/// What a browser asks before it sends a token; [`share`] says whether it may.
pub async fn preflight() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, OPTIONS"))
        .insert_header((
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "Authorization, X-Request-Id",
        ))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "86400"))
        .finish()
}
