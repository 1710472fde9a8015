//! Tasks: how one is, to end it, to be rid of it. Bodies are those of older programs.

use actix_web::web::{Data, Json, Path, ReqData};
use serde::Serialize;
use utoipa::ToSchema;

use super::State;
use super::access::Actor;
use super::openapi::PlainProblem;
use crate::error::PlainError;
use crate::live::TaskStatus;

/// It is done.
#[derive(Serialize, ToSchema)]
pub struct Done {
    /// Always true.
    success: bool,
    /// What.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'static str>,
}

/// How a task is.
#[utoipa::path(
    get, path = "/api/tasks/{task_id}/status", operation_id = "task_status", tag = "streams",
    params(("task_id" = String, Path, description = "The task.")),
    responses(
        (status = 200, description = "The task.", body = TaskStatus),
        (status = 404, description = "No such task.", body = PlainProblem),
        (status = 500, description = "The database refuses.", body = PlainProblem),
        (status = 503, description = "The database is away.", body = PlainProblem),
    ),
)]
pub async fn status(id: Path<String>, state: Data<State>) -> Result<Json<TaskStatus>, PlainError> {
    Ok(Json(state.tasks.status(&id).await?))
}

/// Ends a task: at once where it waits, within seconds where it runs.
#[utoipa::path(
    post, path = "/api/tasks/{task_id}/cancel", operation_id = "cancel_task", tag = "streams",
    params(("task_id" = String, Path, description = "The task.")),
    responses(
        (status = 200, description = "It is ending, or has ended.", body = Done),
        (status = 404, description = "No such task.", body = PlainProblem),
        (status = 409, description = "It is over.", body = PlainProblem),
        (status = 500, description = "The database refuses.", body = PlainProblem),
        (status = 503, description = "The database is away.", body = PlainProblem),
    ),
)]
pub async fn cancel(
    id: Path<String>,
    actor: ReqData<Actor>,
    state: Data<State>,
) -> Result<Json<Done>, PlainError> {
    state.tasks.cancel(&id, &actor.0).await?;
    Ok(Json(Done {
        success: true,
        message: Some("Task cancellation requested"),
    }))
}

/// Hides a task that is over. What ran stays in the history.
#[utoipa::path(
    delete, path = "/api/tasks/{task_id}", operation_id = "hide_task", tag = "streams",
    params(("task_id" = String, Path, description = "The task.")),
    responses(
        (status = 200, description = "It is hidden.", body = Done),
        (status = 404, description = "No such task.", body = PlainProblem),
        (status = 409, description = "It is not over.", body = PlainProblem),
        (status = 500, description = "The database refuses.", body = PlainProblem),
        (status = 503, description = "The database is away.", body = PlainProblem),
    ),
)]
pub async fn hide(
    id: Path<String>,
    actor: ReqData<Actor>,
    state: Data<State>,
) -> Result<Json<Done>, PlainError> {
    state.tasks.hide(&id, &actor.0).await?;
    Ok(Json(Done {
        success: true,
        message: None,
    }))
}
