//! Dead letters: look, give back, throw away; one by its key, or all.

use actix_web::HttpRequest;
use actix_web::web::{Data, Json, Path, ReqData};

use super::State;
use super::access::Actor;
use super::query::Query;
use crate::dead_letters::{DeadLetterList, Dropped, Requeued};
use crate::error::ApiError;
use crate::projects::Who;

/// Messages where `limit` is not given.
const USUAL: u32 = 20;
/// Messages on one page.
const MOST: u32 = 100;

/// Messages that nobody could read, oldest first.
#[utoipa::path(
    get, path = "/api/system/dead-letters", tag = "system", operation_id = "dead_letters",
    params(("limit" = Option<u32>, Query, description = "Messages to show, 1 to 100; 20 where it is not given.", minimum = 1, maximum = 100)),
    responses(
        (status = 200, description = "The oldest of them.", body = DeadLetterList),
        (status = 409, response = super::openapi::Refused),
        (status = 422, response = super::openapi::Refused),
    ),
)]
pub async fn list(
    request: HttpRequest,
    state: Data<State>,
) -> Result<Json<DeadLetterList>, ApiError> {
    let mut query = Query::of(&request);
    let limit = query.read("limit", "must be 1 to 100", |text| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse()
            .ok()
            .filter(|it| digits && (1..=MOST).contains(it))
    });
    query.finish()?;
    Ok(Json(state.dead_letters.list(limit.unwrap_or(USUAL)).await?))
}

/// Gives one back to the ingestor's queue, as it was before it was put aside.
#[utoipa::path(
    post, path = "/api/system/dead-letters/{key}/requeue", tag = "system", operation_id = "requeue_dead_letter",
    params(("key" = String, Path, description = "`key` of a message.")),
    responses(
        (status = 200, description = "It is in its queue again.", body = Requeued),
        (status = 404, response = super::openapi::Refused),
        (status = 409, response = super::openapi::Refused),
    ),
)]
pub async fn requeue(
    key: Path<String>,
    actor: ReqData<Actor>,
    state: Data<State>,
) -> Result<Json<Requeued>, ApiError> {
    let who = Who::now(&actor.0);
    Ok(Json(state.dead_letters.requeue(&key, &who).await?))
}

/// Gives all back that are there when it begins, up to 500.
#[utoipa::path(
    post, path = "/api/system/dead-letters/requeue", tag = "system", operation_id = "requeue_dead_letters",
    responses(
        (status = 200, description = "They are in their queue again.", body = Requeued),
        (status = 409, response = super::openapi::Refused),
    ),
)]
pub async fn requeue_all(
    actor: ReqData<Actor>,
    state: Data<State>,
) -> Result<Json<Requeued>, ApiError> {
    let who = Who::now(&actor.0);
    Ok(Json(state.dead_letters.requeue_all(&who).await?))
}

/// Throws one away for good.
#[utoipa::path(
    post, path = "/api/system/dead-letters/{key}/drop", tag = "system", operation_id = "drop_dead_letter",
    params(("key" = String, Path, description = "`key` of a message.")),
    responses(
        (status = 200, description = "It is gone.", body = Dropped),
        (status = 404, response = super::openapi::Refused),
        (status = 409, response = super::openapi::Refused),
    ),
)]
pub async fn discard(
    key: Path<String>,
    actor: ReqData<Actor>,
    state: Data<State>,
) -> Result<Json<Dropped>, ApiError> {
    let who = Who::now(&actor.0);
    Ok(Json(state.dead_letters.drop_one(&key, &who).await?))
}

/// Throws all away for good that are there when it begins, those that cannot be shown included.
#[utoipa::path(
    post, path = "/api/system/dead-letters/drop", tag = "system", operation_id = "drop_dead_letters",
    responses(
        (status = 200, description = "They are gone.", body = Dropped),
        (status = 409, response = super::openapi::Refused),
    ),
)]
pub async fn discard_all(
    actor: ReqData<Actor>,
    state: Data<State>,
) -> Result<Json<Dropped>, ApiError> {
    let who = Who::now(&actor.0);
    Ok(Json(state.dead_letters.drop_all(&who).await?))
}
