//! GET and POST of a project's status (docs/API.md, "Status").

use actix_web::http::header;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use super::State;
use crate::error::ApiError;

/// GET …/status
pub async fn get(slug: Path<String>, state: Data<State>) -> Result<HttpResponse, ApiError> {
    state.public.status(&slug).await.map(json)
}

/// POST …/status/refresh
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
