//! The one way out: every call has a deadline, a body cap and an address guard, and follows no redirect to another
//! host. What to ask, how often and with which credentials is the caller's business.

mod body;
mod error;
mod guard;
mod redirect;
mod shown;
mod tls;

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;

pub use error::OutboundError;
pub use guard::is_public;
pub use reqwest::{
    StatusCode, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
};
pub use shown::shown;
pub use tls::config as tls_config;

use guard::Guard;

use crate::VERSION;

/// Resolving and connecting together; the deadline of the call still holds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// An idle connection is kept this long: longer than the default polling interval, so polls reuse theirs.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);

crate::settings! {
    /// Requests to addresses that users typed in (client APIs).
    pub struct OutboundSettings {
        /// Also ask loopback, private, link-local and other addresses that are not public. For development.
        upstream_allow_private: bool = "false";
        /// Host names (exact) that may have such addresses although `UPSTREAM_ALLOW_PRIVATE` is off.
        upstream_allow_hosts: Vec<String> = "";
    }
}

/// The client. Clones share its connections.
///
/// ```
/// # use std::time::Duration;
/// use service_kit::http_client::{HeaderMap, Outbound, OutboundError, OutboundSettings, Request};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), OutboundError> {
/// let outbound = Outbound::new(&OutboundSettings::default())?;
/// let request = Request {
///     url: "http://169.254.169.254/latest/meta-data".to_owned(),
///     headers: HeaderMap::new(),
///     timeout: Duration::from_secs(10),
///     cap: 10 * 1024 * 1024,
/// };
/// let refused = outbound.get(&request).await;
/// assert!(matches!(refused, Err(OutboundError::Blocked(_))));
/// # Ok(())
/// # }
/// ```
///
/// Retries, conditional requests and what a status means are the caller's: this answers once, or says why not.
#[derive(Clone, Debug)]
pub struct Outbound {
    client: reqwest::Client,
    guard: Arc<Guard>,
}

/// One call. Debug leaves out where it goes and what it carries.
#[derive(Clone)]
pub struct Request {
    /// An absolute http or https address without user info.
    pub url: String,
    /// Sent as they are; every value is treated as sensitive.
    pub headers: HeaderMap,
    /// From now to the last byte of the body, redirects included.
    pub timeout: Duration,
    /// The most bytes that the body may have.
    pub cap: usize,
}

/// One answer, whatever its status.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Request")
            .field("timeout", &self.timeout)
            .field("cap", &self.cap)
            .finish_non_exhaustive()
    }
}

impl Outbound {
    /// A client under these rules.
    ///
    /// # Errors
    /// [`OutboundError::Connect`] where TLS cannot be set up.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that builds a client, with all its limits"
    )]
    pub fn new(settings: &OutboundSettings) -> Result<Self, OutboundError> {
        let guard = Arc::new(Guard::new(settings));
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::config()?)
            .dns_resolver(guard::GuardedResolver(Arc::clone(&guard)))
            .redirect(redirect::same_origin())
            // A proxy from the environment would resolve names itself, past the guard.
            .no_proxy()
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .user_agent(format!("farol/{VERSION}"))
            .build()
            .map_err(|error| OutboundError::Connect(error.to_string()))?;
        Ok(Self { client, guard })
    }

    /// Sends one GET and reads the whole answer. Dropping the future ends the call and its connection.
    ///
    /// # Errors
    /// [`OutboundError`], whose text names neither credentials nor query values.
    pub async fn get(&self, request: &Request) -> Result<Response, OutboundError> {
        let url = self.guard.admit(&request.url)?;
        self.exchange(self.client.get(url), request).await
    }

    /// Sends one POST of `body`; otherwise as [`Outbound::get`].
    ///
    /// # Errors
    /// As [`Outbound::get`]; what was sent may have arrived all the same.
    pub async fn post(&self, request: &Request, body: Bytes) -> Result<Response, OutboundError> {
        let url = self.guard.admit(&request.url)?;
        self.exchange(self.client.post(url).body(body), request)
            .await
    }

    async fn exchange(
        &self,
        call: reqwest::RequestBuilder,
        request: &Request,
    ) -> Result<Response, OutboundError> {
        tokio::time::timeout(request.timeout, answer(call, request))
            .await
            .unwrap_or(Err(OutboundError::Timeout))
    }
}

async fn answer(
    call: reqwest::RequestBuilder,
    request: &Request,
) -> Result<Response, OutboundError> {
    let mut headers = request.headers.clone();
    // Which header carries the key is the client's choice, so none of them prints or enters an HPACK table.
    headers
        .values_mut()
        .for_each(|value| value.set_sensitive(true));
    let sent = call.headers(headers).send().await;
    let mut answer = sent.map_err(|error| OutboundError::of(&error))?;
    let body = body::read(&mut answer, request.cap).await?;
    Ok(Response {
        status: answer.status(),
        headers: std::mem::take(answer.headers_mut()),
        body,
    })
}
