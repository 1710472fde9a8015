//! One conditional GET to a client's API, and what its answer means. When to
//! ask, and how often again, is up to services.

use std::time::Duration;

use service_kit::clock::Clock;
use service_kit::http_client::{
    HeaderMap, HeaderName, HeaderValue, Outbound, OutboundError, Request, Response, StatusCode,
};

use super::client_auth;
use crate::source::{Answer, FetchError, Source, Validators};

/// Larger bodies are refused.
const MOST_BYTES: usize = 10 * 1024 * 1024;

/// The way to every client API.
#[derive(Clone)]
pub struct ClientApi {
    outbound: Outbound,
    clock: Clock,
}

impl ClientApi {
    /// Asks through `outbound`; `clock` reads dates in `Retry-After`.
    pub fn new(outbound: Outbound, clock: Clock) -> Self {
        Self { outbound, clock }
    }

    /// Asks once.
    ///
    /// # Errors
    /// Anything but a 2xx or 304 within the deadline.
    pub async fn fetch(
        &self,
        source: &Source,
        validators: &Validators,
    ) -> Result<Answer, FetchError> {
        let mut headers = client_auth::headers(&source.auth)?;
        headers.insert("accept", HeaderValue::from_static("application/json"));
        insert(&mut headers, "if-none-match", validators.etag.as_deref());
        let since = validators.last_modified.as_deref();
        insert(&mut headers, "if-modified-since", since);
        let request = Request {
            url: source.url.clone(),
            headers,
            timeout: source.timeout,
            cap: MOST_BYTES,
        };
        let response = self
            .outbound
            .get(&request)
            .await
            .map_err(|error| failure(&error))?;
        if response.status == StatusCode::NOT_MODIFIED && *validators == Validators::default() {
            // "As before" means nothing to someone who did not say what was before.
            return Err(FetchError::Refused(response.status.as_u16()));
        }
        self.read(response)
    }

    fn read(&self, response: Response) -> Result<Answer, FetchError> {
        let retry_after = || self.retry_after(&response.headers);
        match response.status {
            StatusCode::NOT_MODIFIED => Ok(Answer::NotModified),
            StatusCode::TOO_MANY_REQUESTS => Err(FetchError::TooManyRequests {
                retry_after: retry_after(),
            }),
            status if status.is_success() => {
                let validators = Validators {
                    etag: text(&response.headers, "etag"),
                    last_modified: text(&response.headers, "last-modified"),
                };
                Ok(Answer::Body {
                    status: status.as_u16(),
                    body: response.body,
                    validators,
                })
            }
            status if status.is_server_error() => Err(FetchError::Server {
                status: status.as_u16(),
                retry_after: retry_after(),
            }),
            status => Err(FetchError::Refused(status.as_u16())),
        }
    }

    /// Seconds, or a date in one of the forms of HTTP.
    fn retry_after(&self, headers: &HeaderMap) -> Option<Duration> {
        let text = text(headers, "retry-after")?;
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let at = httpdate::parse_http_date(&text).ok()?;
        let wait = chrono::DateTime::<chrono::Utc>::from(at) - self.clock.now();
        Some(wait.to_std().unwrap_or_default())
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.trim().to_owned())
}

fn insert(headers: &mut HeaderMap, name: &'static str, value: Option<&str>) {
    // What came in as a header can go out as one.
    if let Some(Ok(value)) = value.map(HeaderValue::from_str) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

fn failure(error: &OutboundError) -> FetchError {
    match error {
        OutboundError::Timeout => FetchError::Timeout,
        OutboundError::Connect(_) | OutboundError::Body(_) => {
            FetchError::Connection(error.to_string())
        }
        OutboundError::TooLarge(_) => FetchError::Body(error.to_string()),
        OutboundError::Blocked(_) | OutboundError::BadUrl(_) | OutboundError::Redirect(_) => {
            FetchError::Address(error.to_string())
        }
    }
}
