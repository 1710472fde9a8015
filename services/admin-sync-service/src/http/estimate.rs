//! POST /sync/estimate.

use actix_web::HttpRequest;
use actix_web::web::{Data, Json};

use super::State;
use super::body::{self, Extracted};
use super::force::ForceBody;
use crate::error::ApiError;
use crate::sync::Estimate;

/// What a forced run would be, by what was read before. Nothing is written, and the portal is not asked.
#[utoipa::path(
    post, path = "/sync/estimate", tag = "sync",
    request_body(content = Option<ForceBody>, content_type = "application/json"),
    responses(
        (status = 200, description = "About so much, and the live run that would be in its way.", body = Estimate),
        (status = 400, response = super::openapi::Refused),
        (status = 413, response = super::openapi::Refused),
        (status = 415, response = super::openapi::Refused),
        (status = 422, response = super::openapi::Refused),
    ),
)]
pub async fn estimate(
    request: HttpRequest,
    state: Data<State>,
    body: Extracted,
) -> Result<Json<Estimate>, ApiError> {
    let body = body::json(&request, body)?;
    Ok(Json(state.estimator.estimate(&body).await?))
}
