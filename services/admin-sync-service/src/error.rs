//! What can be wrong with a request of an operator or of the gateway, and the one place that says which HTTP answer each of these is.

use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use farol_core::sync::FieldProblem;
use serde_json::{Map, Value, json};
use service_kit::jwt;
use service_kit::problem::{BODY_LIMIT, FieldError, Problem};

use crate::dead_letters::DeadLetterError;
use crate::infra::connection_repo::RepoError;
use crate::live::{NotLetIn, TaskError};
use crate::projects::{ProjectError, WrongField};
use crate::sync::{BadRequest, DeskError};

/// What browsers are asked for, and programs without a token.
const BASIC: &str = r#"Basic realm="farol", charset="UTF-8""#;
/// What programs with a token are asked for.
const BEARER: &str = r#"Bearer realm="farol""#;
/// What the console is asked for: it shows its form.
const SESSION: &str = "Session";
/// When a database that is away may be back, in seconds.
const RETRY_AFTER: u64 = 5;

/// The ways to log in that a refused request is told of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Challenges {
    /// Name and password.
    pub basic: bool,
    /// Name and password, by the form of the console.
    pub session: bool,
    /// A token.
    pub bearer: bool,
}

/// Anything that an operator is answered instead of data.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No credentials, or wrong ones.
    #[error("invalid credentials")]
    Unauthorized(Challenges),
    /// A good token of somebody without the role.
    #[error("no admin")]
    NotAdmin,
    /// A token that cannot be checked now: it may be good.
    #[error("the keys of tokens are not available")]
    KeysAway,
    /// Too many wrong ones from this address.
    #[error("too many failed logins")]
    LockedOut(Duration),
    /// A page of another site sent it, with the credentials that the browser has for ours.
    #[error("a request of another site")]
    CrossSite,
    /// A browser's cookie came along, and nothing says that it was the console who asked.
    #[error("a session without the header of the console")]
    NotTheConsole,
    /// Everybody may come in, but not by a name that may be a stranger's.
    #[error("a name of the Internet without credentials")]
    PublicName,
    /// The body is larger than we read.
    #[error("the body is too large")]
    TooLarge,
    /// The body did not come whole.
    #[error("the body cannot be read")]
    BrokenBody,
    /// The body is something else than JSON.
    #[error("not application/json")]
    NotJsonType,
    /// Parameters or headers with values that cannot be.
    #[error("invalid parameters")]
    Fields(Vec<FieldProblem>),
    /// The desk refuses.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// About projects and integrations.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// About dead letters.
    #[error(transparent)]
    DeadLetters(#[from] DeadLetterError),
}

impl Challenges {
    fn texts(self) -> impl Iterator<Item = &'static str> {
        let basic = self.basic.then_some(BASIC);
        let session = self.session.then_some(SESSION);
        let bearer = self.bearer.then_some(BEARER);
        basic.into_iter().chain(session).chain(bearer)
    }
}

impl From<RepoError> for ApiError {
    fn from(error: RepoError) -> Self {
        Self::Desk(DeskError::Repo(error))
    }
}

impl ApiError {
    /// The answer, but for what [`Self::members`] adds.
    fn problem(&self) -> Problem {
        match self {
            Self::Unauthorized(_) => Problem::unauthorized("Invalid credentials"),
            Self::NotAdmin => Problem {
                code: "not_admin",
                ..Problem::forbidden("The token has no role admin")
            },
            Self::KeysAway => Problem::unavailable(
                "keys_unavailable",
                "Tokens cannot be checked right now",
                jwt::RETRY_AFTER.as_secs(),
            ),
            Self::LockedOut(wait) => Problem {
                code: "too_many_failed_logins",
                ..Problem::too_many_requests("Too many failed logins", wait.as_secs().max(1))
            },
            Self::CrossSite => Problem {
                code: "cross_site",
                ..Problem::forbidden("Requests of other sites are not accepted")
            },
            Self::NotTheConsole => Problem {
                code: "cross_site",
                ..Problem::forbidden(
                    "What is done with a session needs the header X-Requested-With: farol-console",
                )
            },
            Self::PublicName => Problem {
                code: "public_name",
                ..Problem::forbidden(
                    "With ADMIN_AUTH=off this service is asked by its address or a private name, not by a name of the \
                     Internet (Host)",
                )
            },
            Self::TooLarge => Problem::payload_too_large(BODY_LIMIT),
            Self::BrokenBody => Problem::bad_request("unreadable_body", "The body cannot be read"),
            Self::NotJsonType => Problem::unsupported_media_type("application/json"),
            Self::Fields(fields) => invalid("Some parameters are not valid", fields),
            Self::Desk(error) => desk(error),
            Self::Project(error) => project(error),
            Self::DeadLetters(error) => dead_letters(error),
        }
    }

    /// What the body tells beside the problem.
    fn members(&self) -> Map<String, Value> {
        let members = match self {
            Self::Desk(DeskError::Blocked(by)) => json!({"blocking_id": by}),
            Self::Desk(DeskError::Refused(state)) => json!({"state": state}),
            Self::DeadLetters(DeadLetterError::PartWay { done, .. }) => json!({"requeued": done}),
            _ => Value::Null,
        };
        match members {
            Value::Object(members) => members,
            _ => Map::new(),
        }
    }
}

fn desk(error: &DeskError) -> Problem {
    match error {
        DeskError::Request(BadRequest::NotJson) => {
            Problem::bad_request("invalid_json", "The body is not valid JSON")
        }
        DeskError::Request(BadRequest::MissingDates) => Problem::bad_request(
            "missing_dates",
            "data_ini e data_fim são obrigatórios para modo backfill",
        ),
        DeskError::Request(BadRequest::Fields(fields)) => {
            invalid("Some fields are not valid", fields)
        }
        DeskError::NoSuchRun => Problem {
            code: "execution_not_found",
            ..Problem::not_found("Execution not found")
        },
        DeskError::Refused(state) => {
            Problem::conflict("state_forbids", format!("The execution is {state}"))
        }
        DeskError::Blocked(by) => Problem::conflict(
            "overlapping_execution",
            format!("Execution {by} of the same mode is live and its window overlaps"),
        ),
        DeskError::KeyReused => Problem {
            code: "idempotency_key_reused",
            ..invalid(
                "The Idempotency-Key was used for another request",
                &[FieldProblem {
                    field: "Idempotency-Key",
                    detail: "was used for another request".to_owned(),
                }],
            )
        },
        DeskError::UnderWay => Problem::conflict(
            "request_in_flight",
            "The first request with this Idempotency-Key is being answered",
        )
        .retry_after(1),
        DeskError::Repo(error) => repo(error),
    }
}

fn repo(error: &RepoError) -> Problem {
    match error {
        RepoError::Unavailable(cause) => {
            tracing::warn!(error = %cause, "the database cannot be asked");
            Problem::unavailable(
                "database_unavailable",
                "The database is not available right now",
                RETRY_AFTER,
            )
        }
        error @ RepoError::Refused(_) => Problem::internal(error),
    }
}

fn project(error: &ProjectError) -> Problem {
    match error {
        ProjectError::NotJson => Problem::bad_request("invalid_json", "The body is not valid JSON"),
        ProjectError::Fields(fields) => {
            let told = |it: &WrongField| FieldError {
                field: it.field.clone(),
                detail: it.rule.clone(),
            };
            let fields = fields.iter().map(told).collect();
            Problem::invalid_fields("Some fields are not valid", fields)
        }
        ProjectError::NotFound => Problem {
            code: "project_not_found",
            ..Problem::not_found("Project not found")
        },
        ProjectError::SlugTaken => Problem::conflict("slug_taken", "Another project has this slug"),
        ProjectError::ChangedMeanwhile => Problem::new(
            StatusCode::PRECONDITION_FAILED,
            "changed_meanwhile",
            "The integration has been changed since it was read",
        ),
        ProjectError::TooManyTrials(wait) => Problem {
            code: "too_many_trials",
            ..Problem::too_many_requests(
                "Too many client APIs are being tried right now",
                wait.as_secs() + 1,
            )
        },
        ProjectError::Stopping => {
            Problem::unavailable("stopping", "The service is being stopped", RETRY_AFTER)
        }
        ProjectError::Repo(error) => repo(error),
    }
}

fn dead_letters(error: &DeadLetterError) -> Problem {
    match error {
        DeadLetterError::NotFound => Problem {
            code: "dead_letter_not_found",
            ..Problem::not_found("No dead letter has this key")
        },
        DeadLetterError::Busy => Problem::conflict(
            "dead_letters_busy",
            "Another request looks at the dead letters right now",
        )
        .retry_after(1),
        DeadLetterError::Away(why) => {
            tracing::warn!(error = why, "the broker cannot be asked");
            Problem::unavailable(
                "broker_unavailable",
                "RabbitMQ is not available right now; look again before you repeat this",
                RETRY_AFTER,
            )
        }
        DeadLetterError::Unreadable => Problem::conflict(
            "dead_letter_unreadable",
            "The next dead letter has properties that no client can read; dropping all of them is the way past it",
        ),
        DeadLetterError::Refused(why) => Problem::conflict("broker_refused", why.clone()),
        DeadLetterError::PartWay { cause, .. } => dead_letters(cause),
        DeadLetterError::Repo(error) => repo(error),
    }
}

fn invalid(detail: &str, fields: &[FieldProblem]) -> Problem {
    let told = |it: &FieldProblem| FieldError {
        field: it.field.to_owned(),
        detail: it.detail.clone(),
    };
    Problem::invalid_fields(detail, fields.iter().map(told).collect())
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.problem().status
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let problem = self.problem();
        let mut response = problem.error_response();
        let members = self.members();
        if !members.is_empty() {
            let mut body: Map<_, _> =
                serde_json::from_slice(&problem.to_body()).unwrap_or_default();
            body.extend(members);
            response = response.set_body(BoxBody::new(Value::Object(body).to_string()));
        }
        if let Self::Unauthorized(challenges) = self {
            for challenge in challenges.texts() {
                let challenge = header::HeaderValue::from_static(challenge);
                let headers = response.headers_mut();
                headers.append(header::WWW_AUTHENTICATE, challenge);
            }
        }
        response
    }
}

/// What the gateway, and programs that ask for tasks, are answered instead: `{"error": …}`.
#[derive(Debug, thiserror::Error)]
pub enum PlainError {
    /// The secret is missing or wrong.
    #[error("Unauthorized")]
    Unauthorized,
    /// No body, or null.
    #[error("Missing JSON body")]
    MissingBody,
    /// Something else than JSON.
    #[error("Invalid JSON")]
    InvalidJson,
    /// Neither connect nor disconnect.
    #[error("Unknown action: {0}")]
    UnknownAction(String),
    /// Members are missing or of another type: which.
    #[error("Invalid payload")]
    InvalidPayload(Vec<String>),
    /// No stream has this address.
    #[error("Cannot route URL: {0}")]
    CannotRoute(String),
    /// The body is larger than we read.
    #[error("Payload too large")]
    TooLarge,
    /// The client is not taken in.
    #[error("{}", not_let_in(*.0))]
    NotLetIn(NotLetIn),
    /// About a task.
    #[error(transparent)]
    Task(#[from] TaskError),
}

fn not_let_in(why: NotLetIn) -> &'static str {
    match why {
        NotLetIn::Full => "Too many viewers",
        NotLetIn::Gone => "The client has disconnected",
    }
}

impl ResponseError for PlainError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotLetIn(NotLetIn::Full) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Task(TaskError::NotFound) => StatusCode::NOT_FOUND,
            Self::NotLetIn(NotLetIn::Gone)
            | Self::Task(TaskError::Finished | TaskError::Running) => StatusCode::CONFLICT,
            Self::Task(TaskError::Repo(RepoError::Unavailable(_))) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Task(TaskError::Repo(RepoError::Refused(_))) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::MissingBody
            | Self::InvalidJson
            | Self::UnknownAction(_)
            | Self::InvalidPayload(_)
            | Self::CannotRoute(_) => StatusCode::BAD_REQUEST,
        }
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let status = self.status_code();
        let mut response = HttpResponse::build(status);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((header::RETRY_AFTER, RETRY_AFTER));
        }
        response.json(match self {
            Self::InvalidPayload(details) => json!({"error": self.to_string(), "details": details}),
            // What the database said is for the log.
            Self::Task(TaskError::Repo(error)) => {
                tracing::error!(%error, "a task cannot be looked up");
                json!({"error": "The database cannot answer right now"})
            }
            told => json!({"error": told.to_string()}),
        })
    }
}
