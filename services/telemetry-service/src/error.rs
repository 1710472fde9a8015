//! What can be wrong with a request over HTTP, and the one place that says which answer each of these is. What goes
//! wrong on an open WebSocket has a close code instead (`ws`).

use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use service_kit::problem::{FieldError, Problem};

use crate::identity::Denied;
use crate::model::SourceError;

/// When something that is away may be back, in seconds.
const RETRY_AFTER: u64 = 5;

/// Anything that a client is answered instead of data.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The token does not let it in.
    #[error("not let in: {0:?}")]
    Denied(Denied),
    /// The tenant has asked too often.
    #[error("rate limit exceeded")]
    Limited(Duration),
    /// The tenant has no such device.
    #[error("device not found")]
    DeviceNotFound,
    /// The tenant has no such alert.
    #[error("alert not found")]
    AlertNotFound,
    /// This parameter is no time.
    #[error("{0} is no time")]
    NoTime(&'static str),
    /// `start` is not before `end`.
    #[error("start is not before end")]
    EmptySpan,
    /// Parameters with values that cannot be.
    #[error("invalid parameters")]
    Fields(Vec<FieldError>),
    /// What is asked for cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A page of an origin that is not in `ALLOWED_ORIGINS` opens a WebSocket.
    #[error("the origin is not allowed")]
    OriginRefused,
    /// A GET of the WebSocket's path that asks for no upgrade.
    #[error("not an upgrade")]
    UpgradeRequired,
    /// An upgrade that is no handshake of a WebSocket.
    #[error("no handshake")]
    BadHandshake,
}

impl From<Denied> for ApiError {
    fn from(why: Denied) -> Self {
        Self::Denied(why)
    }
}

impl ApiError {
    /// The answer, but for the headers that [`ResponseError`] adds.
    pub fn problem(&self) -> Problem {
        match self {
            Self::Denied(why) => denied(*why),
            Self::Limited(wait) => Problem {
                code: "rate_limited",
                ..Problem::too_many_requests("Rate limit exceeded", seconds(*wait))
            },
            Self::DeviceNotFound => Problem {
                code: "device_not_found",
                ..Problem::not_found("Device not found")
            },
            Self::AlertNotFound => Problem {
                code: "alert_not_found",
                ..Problem::not_found("Alert not found")
            },
            Self::NoTime(field) => {
                let detail = format!("{field} must be an ISO 8601 time; a + in an address is %2B");
                Problem::bad_request("invalid_time", detail)
            }
            Self::EmptySpan => Problem::bad_request("empty_span", "start must be before end"),
            Self::Fields(errors) => {
                Problem::invalid_fields("Some parameters are not valid", errors.clone())
            }
            Self::Source(SourceError::Unavailable(cause)) => {
                tracing::warn!(error = %cause, "the source cannot be asked");
                Problem::unavailable(
                    "source_unavailable",
                    "The data cannot be read right now",
                    RETRY_AFTER,
                )
            }
            Self::Source(SourceError::TooLarge) => Problem::bad_request(
                "answer_too_large",
                "These readings are more than 16 MiB, ask for fewer at once",
            ),
            Self::Source(error @ SourceError::Refused(_)) => Problem::internal(error),
            Self::OriginRefused => Problem {
                code: "origin_not_allowed",
                ..Problem::forbidden("This origin is not allowed")
            },
            Self::UpgradeRequired => Problem::new(
                StatusCode::UPGRADE_REQUIRED,
                "upgrade_required",
                "This is a WebSocket",
            ),
            Self::BadHandshake => {
                Problem::bad_request("bad_handshake", "This is no handshake of a WebSocket")
            }
        }
    }
}

/// The texts are those of the close codes, where there is one for it.
fn denied(why: Denied) -> Problem {
    match why {
        Denied::Missing => Problem {
            code: "token_missing",
            ..Problem::unauthorized("Missing bearer token")
        },
        Denied::Invalid => Problem {
            code: "token_invalid",
            ..Problem::unauthorized("Invalid or expired token")
        },
        Denied::Ticket => Problem {
            code: "ticket_invalid",
            ..Problem::unauthorized("Invalid or expired ticket")
        },
        Denied::Unauthorized => Problem::forbidden("Unauthorized"),
        Denied::Away => Problem::unavailable(
            "key_server_unavailable",
            "Tokens cannot be checked right now",
            RETRY_AFTER,
        ),
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.problem().status
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response = self.problem().error_response();
        let header = match self {
            Self::Denied(Denied::Missing) => {
                Some((header::WWW_AUTHENTICATE, r#"Bearer realm="farol""#))
            }
            Self::Denied(Denied::Invalid) => Some((
                header::WWW_AUTHENTICATE,
                r#"Bearer realm="farol", error="invalid_token""#,
            )),
            Self::UpgradeRequired => Some((header::UPGRADE, "websocket")),
            _ => None,
        };
        if let Some((name, value)) = header {
            let value = header::HeaderValue::from_static(value);
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// Whole seconds, rounded up: told too early, the client would fail again.
fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_its_status_code_and_word() {
        let away = || SourceError::Unavailable("secret host".to_owned());
        let refused = || SourceError::Refused("secret query".to_owned());
        for (error, status, code, retry_after) in [
            (
                ApiError::Denied(Denied::Missing),
                401,
                "token_missing",
                None,
            ),
            (
                ApiError::Denied(Denied::Invalid),
                401,
                "token_invalid",
                None,
            ),
            (
                ApiError::Denied(Denied::Unauthorized),
                403,
                "forbidden",
                None,
            ),
            (
                ApiError::Denied(Denied::Away),
                503,
                "key_server_unavailable",
                Some(5),
            ),
            (
                ApiError::Limited(Duration::from_millis(1_200)),
                429,
                "rate_limited",
                Some(2),
            ),
            (ApiError::DeviceNotFound, 404, "device_not_found", None),
            (ApiError::AlertNotFound, 404, "alert_not_found", None),
            (ApiError::NoTime("start"), 400, "invalid_time", None),
            (ApiError::EmptySpan, 400, "empty_span", None),
            (ApiError::Fields(Vec::new()), 422, "invalid_fields", None),
            (away().into(), 503, "source_unavailable", Some(5)),
            (refused().into(), 500, "internal_error", None),
            (SourceError::TooLarge.into(), 400, "answer_too_large", None),
            (ApiError::OriginRefused, 403, "origin_not_allowed", None),
            (ApiError::UpgradeRequired, 426, "upgrade_required", None),
            (ApiError::BadHandshake, 400, "bad_handshake", None),
        ] {
            let problem = error.problem();
            assert_eq!(problem.status.as_u16(), status, "{error}");
            assert_eq!((problem.code, problem.retry_after), (code, retry_after));
            let body = String::from_utf8(problem.to_body()).unwrap();
            assert!(!body.contains("secret"), "{body}");
        }
    }

    #[test]
    fn who_has_no_token_is_told_which_kind_is_wanted() {
        let told = |error: ApiError, name: header::HeaderName| {
            let response = error.error_response();
            let value = response.headers().get(name)?.to_str().unwrap().to_owned();
            Some(value)
        };
        let challenge = |why| told(why, header::WWW_AUTHENTICATE);
        assert_eq!(
            challenge(Denied::Missing.into()).as_deref(),
            Some(r#"Bearer realm="farol""#)
        );
        assert!(
            challenge(Denied::Invalid.into())
                .unwrap()
                .ends_with(r#"error="invalid_token""#)
        );
        assert_eq!(challenge(Denied::Unauthorized.into()), None);
        let upgrade = told(ApiError::UpgradeRequired, header::UPGRADE);
        assert_eq!(upgrade.as_deref(), Some("websocket"));
    }
}
