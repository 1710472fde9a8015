//! What can be wrong with a viewer's request, and the one place that says which
//! HTTP answer each of these is.

use std::time::Duration;

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use service_kit::problem::{FieldError, Problem};

use crate::limits::NoSeat;

/// Anything that a viewer is answered instead of data. Waits are jittered where
/// they are made: all who are turned away at once must not come back at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// Unknown or inactive.
    #[error("project not found")]
    ProjectNotFound,
    /// The database cannot say, and the project is not known here.
    #[error("database unavailable")]
    DatabaseUnavailable(Duration),
    /// No seat for a stream.
    #[error("no seat: {0:?}")]
    NoSeat(NoSeat, Duration),
    /// Too many forced refreshes.
    #[error("refresh rate limit exceeded")]
    RefreshLimited(Duration),
    /// A query parameter that cannot be understood.
    #[error("invalid query parameter {0}")]
    Query(&'static str, &'static str),
}

impl ApiError {
    /// The answer.
    pub fn problem(&self) -> Problem {
        match self {
            Self::ProjectNotFound => Problem {
                code: "project_not_found",
                ..Problem::not_found("Project not found")
            },
            Self::DatabaseUnavailable(wait) => Problem::unavailable(
                "database_unavailable",
                "The project cannot be looked up right now",
                seconds(*wait),
            ),
            Self::NoSeat(NoSeat::Full, wait) => {
                Problem::unavailable("too_many_streams", "Too many open streams", seconds(*wait))
            }
            Self::NoSeat(NoSeat::ClientFull, wait) => Problem {
                code: "too_many_streams_of_client",
                ..Problem::too_many_requests("Too many open streams of this client", seconds(*wait))
            },
            Self::RefreshLimited(wait) => Problem {
                code: "refresh_limited",
                ..Problem::too_many_requests("Refresh rate limit exceeded", seconds(*wait))
            },
            Self::Query(field, rule) => Problem::invalid_fields(
                "The query is not valid",
                vec![FieldError {
                    field: (*field).to_owned(),
                    detail: (*rule).to_owned(),
                }],
            ),
        }
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.problem().status
    }

    fn error_response(&self) -> HttpResponse {
        self.problem().error_response()
    }
}

/// Whole seconds, rounded up: told too early, the client would fail again.
fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::ApiError;
    use crate::limits::NoSeat;

    #[test]
    fn each_error_has_its_status_code_and_word() {
        let wait = Duration::from_millis(1_200);
        for (error, status, code, retry_after) in [
            (ApiError::ProjectNotFound, 404, "project_not_found", None),
            (
                ApiError::DatabaseUnavailable(wait),
                503,
                "database_unavailable",
                Some(2),
            ),
            (
                ApiError::NoSeat(NoSeat::Full, wait),
                503,
                "too_many_streams",
                Some(2),
            ),
            (
                ApiError::NoSeat(NoSeat::ClientFull, wait),
                429,
                "too_many_streams_of_client",
                Some(2),
            ),
            (
                ApiError::RefreshLimited(wait),
                429,
                "refresh_limited",
                Some(2),
            ),
            (ApiError::Query("mode", "rule"), 422, "invalid_fields", None),
        ] {
            let problem = error.problem();
            assert_eq!(problem.status.as_u16(), status);
            assert_eq!((problem.code, problem.retry_after), (code, retry_after));
        }
    }
}
