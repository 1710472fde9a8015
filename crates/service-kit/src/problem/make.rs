//! The problems that every service has, by name.

use std::error::Error;

use actix_web::http::StatusCode;

use super::{FieldError, Problem};

impl Problem {
    /// A problem titled with the standard words of its status.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            detail: detail.into(),
            retry_after: None,
            allow: None,
            errors: Vec::new(),
            request_id: None,
        }
    }

    /// 400: the request cannot be understood.
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 401.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    /// 403.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// 405; `allow` lists the methods that would work, as in `"GET, HEAD"`.
    pub fn method_not_allowed(allow: &str) -> Self {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        Self {
            allow: Some(allow.to_owned()).filter(|allow| !allow.is_empty()),
            ..Self::new(status, "method_not_allowed", "Method not allowed")
        }
    }

    /// 409.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 413; `limit` in bytes.
    pub fn payload_too_large(limit: usize) -> Self {
        let detail = format!("The body must not exceed {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", detail)
    }

    /// 415; `expected` is the media type that would work.
    pub fn unsupported_media_type(expected: &str) -> Self {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let detail = format!("The body must be {expected}");
        Self::new(status, "unsupported_media_type", detail)
    }

    /// 422: understood, but some values are not acceptable.
    pub fn invalid_fields(detail: impl Into<String>, errors: Vec<FieldError>) -> Self {
        Self {
            errors,
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_fields", detail)
        }
    }

    /// 429; `retry_after` in seconds, at least 1.
    pub fn too_many_requests(detail: impl Into<String>, retry_after: u64) -> Self {
        let status = StatusCode::TOO_MANY_REQUESTS;
        Self::new(status, "too_many_requests", detail).retry_after(retry_after)
    }

    /// 503; `retry_after` in seconds, at least 1.
    pub fn unavailable(code: &'static str, detail: impl Into<String>, retry_after: u64) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(retry_after)
    }

    /// 500 for a cause that nobody foresaw. This is the boundary that logs it, with its chain of causes; the client
    /// gets none of it.
    pub fn internal(cause: &(dyn Error + 'static)) -> Self {
        let mut causes = Vec::new();
        let mut next = cause.source();
        while let Some(inner) = next {
            causes.push(inner.to_string());
            next = inner.source();
        }
        tracing::error!(error = %cause, causes = %causes.join(": "), "a request failed unexpectedly");
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(status, "internal_error", "Internal server error")
    }

    /// The same with `Retry-After`; 0 would invite a loop, so at least 1 second is told.
    pub fn retry_after(self, seconds: u64) -> Self {
        Self {
            retry_after: Some(seconds.max(1)),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{ResponseError as _, http::header};
    use serde_json::{Value, json};

    use super::*;
    use crate::problem::CONTENT_TYPE;

    fn header(problem: &Problem, name: header::HeaderName) -> Option<String> {
        let response = problem.error_response();
        let value = response.headers().get(name)?;
        Some(value.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_body_has_the_members_of_the_contract_and_no_empty_ones() {
        let body: Value =
            serde_json::from_slice(&Problem::not_found("Project not found").to_body()).unwrap();
        let expected = json!({
            "type": "about:blank",
            "title": "Not Found",
            "status": 404,
            "detail": "Project not found",
            "code": "not_found",
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn wrong_fields_are_listed() {
        let errors = vec![FieldError {
            field: "slug".to_owned(),
            detail: "too long".to_owned(),
        }];
        let problem = Problem::invalid_fields("Some fields are wrong", errors);
        let body: Value = serde_json::from_slice(&problem.to_body()).unwrap();
        assert_eq!(
            body["errors"],
            json!([{"field": "slug", "detail": "too long"}])
        );
        assert_eq!(body["status"], 422);
    }

    #[test]
    fn the_media_type_and_the_headers_of_each_status_are_set() {
        let limited = Problem::too_many_requests("Refresh rate limit exceeded", 7);
        assert_eq!(
            header(&limited, header::CONTENT_TYPE).as_deref(),
            Some(CONTENT_TYPE)
        );
        assert_eq!(header(&limited, header::RETRY_AFTER).as_deref(), Some("7"));
        let away = Problem::unavailable("database_unavailable", "The database is away", 0);
        assert_eq!(header(&away, header::RETRY_AFTER).as_deref(), Some("1"));
        let refused = Problem::method_not_allowed("GET, HEAD");
        assert_eq!(
            header(&refused, header::ALLOW).as_deref(),
            Some("GET, HEAD")
        );
        assert_eq!(header(&refused, header::RETRY_AFTER), None);
    }

    #[test]
    fn an_internal_cause_does_not_leave() {
        let cause = std::io::Error::other("password hunter2 was wrong");
        let body = String::from_utf8(Problem::internal(&cause).to_body()).unwrap();
        assert!(body.contains("internal_error"));
        assert!(!body.contains("hunter2"), "{body}");
    }
}
