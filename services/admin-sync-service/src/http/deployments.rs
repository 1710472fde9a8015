//! POST /api/deployments/version: a new frontend is out.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use farol_core::sync::FieldProblem;
use gateway_client::Identifier;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::State;
use super::body::{self, Extracted};
use crate::error::ApiError;
use crate::live::{Announced, Announcement, VERSION};
use crate::sync::{BadRequest, DeskError};

/// Characters of a version.
const LONGEST_VERSION: usize = 200;
/// Bytes of a changelog: it goes to every page.
const LONGEST_CHANGELOG: usize = 64 * 1024;

/// What is announced.
#[derive(Deserialize, ToSchema)]
#[expect(
    dead_code,
    reason = "the schema of a body that is judged member by member"
)]
pub struct VersionBody {
    /// The version, at most 200 characters.
    #[schema(example = "1.4.2", min_length = 1, max_length = 200)]
    version: String,
    /// What is new, at most 64 KiB.
    changelog: Option<String>,
    /// Only for the page with this request id; it is kept for 10 minutes.
    request_id: Option<String>,
}

/// Tells open pages that there is a new version.
#[utoipa::path(
    post, path = "/api/deployments/version", tag = "streams",
    request_body(content = VersionBody, content_type = "application/json"),
    responses(
        (status = 202, description = "Told, or kept until a page comes.", body = Announcement),
        (status = 400, response = super::openapi::Refused),
        (status = 413, response = super::openapi::Refused),
        (status = 415, response = super::openapi::Refused),
        (status = 422, response = super::openapi::Refused),
    ),
)]
pub async fn announce(
    request: HttpRequest,
    state: Data<State>,
    body: Extracted,
) -> Result<HttpResponse, ApiError> {
    let body = body::json(&request, body)?;
    let (announced, page) = read(&body)?;
    let announcement = match page {
        Some(page) => state.versions.announce_to(&page, announced).await,
        None => state.versions.announce(announced).await,
    };
    Ok(HttpResponse::Accepted().json(announcement))
}

fn read(body: &[u8]) -> Result<(Announced, Option<Identifier>), ApiError> {
    let body: Value = serde_json::from_slice(body)
        .map_err(|_| ApiError::Desk(DeskError::Request(BadRequest::NotJson)))?;
    let empty = Map::new();
    let members = body.as_object().unwrap_or(&empty);
    let mut wrong = Vec::new();
    let version = member(members, "version", |it| {
        !it.is_empty() && it.chars().count() <= LONGEST_VERSION
    });
    let changelog = member(members, "changelog", |it| it.len() <= LONGEST_CHANGELOG);
    let page = member(members, "request_id", |it| {
        Identifier::new(VERSION, it).is_ok()
    });
    let mut refuse = |field: &'static str, rule: &str| {
        let detail = rule.to_owned();
        wrong.push(FieldProblem { field, detail });
    };
    if !matches!(version, Ok(Some(_))) {
        refuse("version", "must be a text of 1 to 200 characters");
    }
    if changelog.is_err() {
        refuse("changelog", "must be a text of at most 64 KiB");
    }
    if page.is_err() {
        refuse("request_id", "must be a text of 1 to 248 bytes without ':'");
    }
    match (version, changelog, page) {
        (Ok(Some(version)), Ok(changelog), Ok(page)) => {
            let page = page.and_then(|it| Identifier::new(VERSION, &it).ok());
            Ok((Announced { version, changelog }, page))
        }
        _ => Err(ApiError::Fields(wrong)),
    }
}

/// Null is not there.
fn member(
    members: &Map<String, Value>,
    name: &str,
    fits: impl Fn(&str) -> bool,
) -> Result<Option<String>, ()> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if fits(text) => Ok(Some(text.clone())),
        Some(_) => Err(()),
    }
}
