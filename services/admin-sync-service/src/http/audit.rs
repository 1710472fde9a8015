//! GET /api/audit: who changed what.

use actix_web::HttpRequest;
use actix_web::web::{Data, Json};
use farol_core::status::Slug;

use super::State;
use super::query::Query;
use crate::error::ApiError;
use crate::projects::{AuditPage, MOST_EVENTS};

/// Events where `limit` is not given.
const USUAL: u16 = 50;

/// Who changed what, newest first. Events hold names of fields and outcomes, never credentials.
#[utoipa::path(
    get, path = "/api/audit", tag = "audit", operation_id = "audit",
    params(
        ("project" = Option<String>, Query, description = "Only what was done to the project of this slug."),
        ("limit" = Option<u16>, Query, description = "Events on a page, 1 to 200; 50 where it is not given.", minimum = 1, maximum = 200),
        ("before" = Option<i64>, Query, description = "The `next_before` of the page before.", minimum = 1),
    ),
    responses(
        (status = 200, description = "A page.", body = AuditPage),
        (status = 422, response = super::openapi::Refused),
    ),
)]
pub async fn list(request: HttpRequest, state: Data<State>) -> Result<Json<AuditPage>, ApiError> {
    let mut query = Query::of(&request);
    let project = query.read("project", "must be the slug of a project", Slug::parse);
    let limit = query.read("limit", "must be 1 to 200", |text| {
        number(text).filter(|it| (1..=MOST_EVENTS).contains(it))
    });
    let before = query.read("before", "must be the next_before of a page", number::<i64>);
    query.finish()?;
    let project = project.as_ref().map(Slug::as_str);
    let page = state.audit.page(project, before, limit.unwrap_or(USUAL));
    Ok(Json(page.await?))
}

/// Digits alone.
fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}
