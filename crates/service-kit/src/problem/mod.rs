//! The one shape of an error answer: RFC 9457 `application/problem+json` with our `code`.
//! Which error of a service becomes which problem is decided in that service's `error.rs`.

mod extract;
mod make;

use std::fmt;

use actix_web::{
    HttpRequest, HttpResponse, Responder, ResponseError,
    body::BoxBody,
    http::{
        StatusCode,
        header::{ALLOW, CONTENT_TYPE as CONTENT_TYPE_HEADER, RETRY_AFTER},
    },
};
use serde::Serialize;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema as _, ToSchema};

pub use extract::{BODY_LIMIT, configure};

use crate::request_id;

/// The media type of a problem.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// An error as a client sees it, and the answer that tells it: a handler returns `Result<_, Problem>`.
///
/// ```
/// use service_kit::problem::Problem;
///
/// let problem = Problem::too_many_requests("Refresh rate limit exceeded", 7);
/// let body: serde_json::Value = serde_json::from_slice(&problem.to_body())?;
/// assert_eq!(body["status"], 429);
/// assert_eq!(body["code"], "too_many_requests");
/// assert_eq!(body["detail"], "Refresh rate limit exceeded");
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// `detail` is text that docs/API.md fixes; `code` is a stable word in `snake_case`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// The stable word that programs compare.
    pub code: &'static str,
    /// A few words, the same for every problem of this code.
    pub title: String,
    /// What happened, for people. Never an internal cause.
    pub detail: String,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
    /// `Allow`, for 405.
    pub allow: Option<String>,
    /// Which fields are wrong.
    pub errors: Vec<FieldError>,
    /// The identity of the request; the running request's where it is not set.
    pub request_id: Option<String>,
}

/// One field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = WrongField)]
pub struct FieldError {
    /// The name of the field, dotted where it is nested.
    pub field: String,
    /// What is wrong with it.
    pub detail: String,
}

/// An error: RFC 9457.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
struct Body<'a> {
    /// Always `about:blank`: `code` says which.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The words of the status.
    title: &'a str,
    /// The status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What happened, for people.
    detail: &'a str,
    /// What happened, for programs.
    code: &'static str,
    /// Which fields are wrong.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    /// The request, as in the log.
    #[schema(value_type = String, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

/// The schemas of a problem's body, for `OpenAPI` documents.
pub(crate) fn schemas() -> Vec<(String, RefOr<Schema>)> {
    let mut schemas = vec![(Body::name().into_owned(), Body::schema())];
    Body::schemas(&mut schemas);
    schemas
}

impl Problem {
    /// The JSON body.
    pub fn to_body(&self) -> Vec<u8> {
        let current = request_id::current();
        let body = Body {
            // The code says it all; a page per code would be the next step, and then its address goes here.
            kind: "about:blank",
            title: &self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            errors: &self.errors,
            request_id: self
                .request_id
                .as_deref()
                .or(current.as_ref().map(request_id::RequestId::as_str)),
        };
        // Text and numbers always serialize.
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} {}: {}",
            self.status.as_u16(),
            self.code,
            self.detail
        )
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response = HttpResponse::build(self.status);
        response.insert_header((CONTENT_TYPE_HEADER, CONTENT_TYPE));
        if let Some(seconds) = self.retry_after {
            response.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        if let Some(allow) = &self.allow {
            response.insert_header((ALLOW, allow.as_str()));
        }
        response.body(self.to_body())
    }
}

impl Responder for Problem {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse<BoxBody> {
        self.error_response()
    }
}
