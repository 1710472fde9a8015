//! GET and POST of a project's status (docs/API.md, "Status").

use actix_web::http::header;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use service_kit::openapi::{ComeBack, Refused};

use super::State;
use crate::error::ApiError;
use crate::status::body::StatusBody;

/// The present state of a project. What is fresh is told from memory, what is not is fetched first.
#[utoipa::path(
    get, path = "/api/public/{slug}/status", tag = "status", operation_id = "status",
    params(("slug" = String, Path, description = "The project.", pattern = "^[a-z][a-z0-9-]{1,99}$", example = "garden-court")),
    responses(
        (status = 200, description = "What is known of it.", body = StatusBody),
        (status = 404, response = Refused), (status = 500, response = Refused), (status = 503, response = ComeBack),
    ),
)]
pub async fn get(slug: Path<String>, state: Data<State>) -> Result<HttpResponse, ApiError> {
    state.public.status(&slug).await.map(json)
}

/// Fetches now, past every cache, or joins the fetch that is under way. A body is not read.
#[utoipa::path(
    post, path = "/api/public/{slug}/status/refresh", tag = "status", operation_id = "refresh",
    params(("slug" = String, Path, description = "The project.", pattern = "^[a-z][a-z0-9-]{1,99}$", example = "garden-court")),
    responses(
        (status = 200, description = "What is known of it then.", body = super::openapi::Refreshed),
        (status = 404, response = Refused), (status = 429, response = ComeBack),
        (status = 500, response = Refused), (status = 503, response = ComeBack),
    ),
)]
pub async fn refresh(
    request: HttpRequest,
    slug: Path<String>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let client = state.client(&request);
    state.public.refresh(&slug, client).await.map(json)
}

fn json(body: Bytes) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .body(body)
}
