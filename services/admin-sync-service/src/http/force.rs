//! POST /sync/force.

use actix_web::http::header;
use actix_web::web::{Data, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use utoipa::ToSchema;

use super::access::Actor;
use super::body::{self, Extracted};
use super::{State, once, query};
use crate::error::ApiError;
use crate::sync::{Forced, Told};

/// Told on an answer that repeats an earlier one.
const REPLAYED: (&str, &str) = ("idempotency-replayed", "true");

/// What is asked for. No body, or `{}`, is an update.
#[derive(Deserialize, ToSchema)]
#[expect(
    dead_code,
    reason = "the schema of a body that sync::ForceRequest reads"
)]
pub struct ForceBody {
    /// `update` (default) or `backfill`.
    #[schema(default = "update", pattern = "^(update|backfill)$")]
    mode: Option<String>,
    /// Where a backfill begins: ISO 8601; without an offset in `SYNC_TIMEZONE`. Not looked at in an update.
    #[schema(example = "2025-07-10T12:00:00")]
    data_ini: Option<String>,
    /// The first instant after it; not in the future, at most 365 days later.
    #[schema(example = "2025-07-10T18:00:00")]
    data_fim: Option<String>,
}

/// Asks for a run.
#[utoipa::path(
    post, path = "/sync/force", tag = "sync",
    params(
        ("overlap" = Option<String>, Query, description = "What a live run of an overlapping window means: `reject` (default) answers 409, `queue` waits for it.", pattern = "^(reject|queue)?$"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition within 24 hours get the first answer.", min_length = 1, max_length = 255),
    ),
    request_body(content = Option<ForceBody>, content_type = "application/json"),
    responses(
        (status = 200, description = "The run is written; the ingestor gets its message now or when the broker is back.", body = Forced,
            headers(("Location" = String, description = "The run: /sync/executions/{id}"))),
        (status = 400, response = super::openapi::Refused),
        (status = 409, response = super::openapi::Refused),
        (status = 413, response = super::openapi::Refused),
        (status = 415, response = super::openapi::Refused),
        (status = 422, response = super::openapi::Refused),
    ),
)]
pub async fn force(
    request: HttpRequest,
    actor: ReqData<Actor>,
    state: Data<State>,
    body: Extracted,
) -> Result<HttpResponse, ApiError> {
    let overlap = query::overlap(&request)?;
    let body = body::json(&request, body)?;
    let once = once::once(&request, overlap, &body)?;
    let told = state.desk.force(&body, overlap, &actor.0, once).await?;
    Ok(answer(told))
}

/// The answer to a request for a run.
pub fn answer(told: Told) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if let Some(id) = told.body["request_id"].as_str() {
        response.insert_header((header::LOCATION, format!("/sync/executions/{id}")));
    }
    if told.replayed {
        response.insert_header(REPLAYED);
    }
    response.json(told.body)
}
