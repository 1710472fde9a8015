//! Single runs: look, cancel, retry.

use actix_web::web::{Data, Json, Path, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::ToSchema;

use super::access::Actor;
use super::{State, force, once, query};
use crate::error::ApiError;
use crate::sync::{Asked, DeskError, Forced, NewRun, RunDetail};

/// A run that is ending, or has ended.
#[derive(Serialize, ToSchema)]
pub struct Cancelled {
    /// The run.
    id: i32,
    /// `cancelled`, or `cancelling` until its worker notices.
    #[schema(example = "cancelling")]
    state: String,
}

/// A run with its segments and events.
#[utoipa::path(
    get, path = "/sync/executions/{id}", tag = "executions",
    params(("id" = i32, Path, description = "The run.", minimum = 1)),
    responses(
        (status = 200, description = "The run.", body = RunDetail),
        (status = 404, response = super::openapi::Refused),
    ),
)]
pub async fn find(id: Path<String>, state: Data<State>) -> Result<Json<RunDetail>, ApiError> {
    Ok(Json(state.desk.find(number(&id)?).await?))
}

/// Ends a run: at once where it waits, within seconds where it runs. What it has committed stays.
#[utoipa::path(
    post, path = "/sync/executions/{id}/cancel", tag = "executions",
    params(("id" = i32, Path, description = "The run.", minimum = 1)),
    responses(
        (status = 202, description = "It is ending, or has ended.", body = Cancelled),
        (status = 404, response = super::openapi::Refused),
        (status = 409, response = super::openapi::Refused),
    ),
)]
pub async fn cancel(
    id: Path<String>,
    actor: ReqData<Actor>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let id = number(&id)?;
    let moved = state.desk.cancel(id, &actor.0).await?;
    let state = moved.to_string();
    Ok(HttpResponse::Accepted().json(Cancelled { id, state }))
}

/// Asks for a new run over the window of one that did not end well, as far as it is not complete.
#[utoipa::path(
    post, path = "/sync/executions/{id}/retry", tag = "executions",
    params(
        ("id" = i32, Path, description = "The run to repeat.", minimum = 1),
        ("overlap" = Option<String>, Query, description = "As of POST /sync/force.", pattern = "^(reject|queue)?$"),
        ("Idempotency-Key" = Option<String>, Header, description = "As of POST /sync/force.", min_length = 1, max_length = 255),
    ),
    responses(
        (status = 200, description = "The new run is written.", body = Forced,
            headers(("Location" = String, description = "The new run: /sync/executions/{id}"))),
        (status = 404, response = super::openapi::Refused),
        (status = 409, response = super::openapi::Refused),
        (status = 422, response = super::openapi::Refused),
    ),
)]
pub async fn retry(
    request: HttpRequest,
    id: Path<String>,
    actor: ReqData<Actor>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let parent = number(&id)?;
    let overlap = query::overlap(&request)?;
    let run = NewRun {
        asked: Asked::Again { parent },
        overlap,
        requested_by: actor.0.clone(),
        once: once::once(&request, overlap, b"")?,
    };
    Ok(force::answer(state.desk.enqueue(run).await?))
}

/// What is no number of a run names no run.
fn number(text: &str) -> Result<i32, ApiError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let id = text.parse().ok().filter(|id| digits && *id > 0);
    id.ok_or(ApiError::Desk(DeskError::NoSuchRun))
}
