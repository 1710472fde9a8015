//! Integrations of projects: look, change, try.

use std::collections::BTreeMap;

use actix_web::http::header;
use actix_web::web::{Data, Json, Path, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use farol_core::sync::FieldProblem;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::State;
use super::access::Actor;
use super::body::{self, Extracted};
use super::projects::slug;
use crate::error::ApiError;
use crate::projects::{IntegrationDraft, IntegrationView, Match, Shown, TrialView, Who};

/// Characters of a word that is looked up.
const LONGEST_WORD: usize = 1000;

/// What is to be different; what is not named stays, null is the default.
#[derive(Deserialize, ToSchema)]
#[expect(
    dead_code,
    reason = "the schema of a body that projects::IntegrationDraft reads"
)]
pub struct IntegrationBody {
    /// Where the client API is: http or https, without user, query and fragment.
    #[schema(example = "https://api.example.com/v1", max_length = 500)]
    api_base_url: Option<String>,
    /// What is asked there: a path, and a query where one is needed.
    #[schema(example = "/units", max_length = 255, pattern = "^/")]
    status_endpoint: Option<String>,
    /// How to be let in.
    #[schema(pattern = "^(none|bearer|api_key|basic)$")]
    auth_type: Option<String>,
    /// `{token}`, `{api_key, api_key_header?}` or `{username, password}`; null or `{}` takes stored ones away, and
    /// where it is not named they stay. Never answered.
    #[schema(write_only)]
    auth_credentials: Option<Map<String, Value>>,
    /// The client's words by status.
    status_mapping: Option<BTreeMap<String, Vec<String>>>,
    /// What words become that nobody mapped.
    #[schema(pattern = "^(available|reserved|sold|hidden|unreleased)$")]
    unmapped_status: Option<String>,
    /// `polling`.
    #[schema(pattern = "^polling$")]
    update_method: Option<String>,
    /// Between two polls.
    #[schema(minimum = 1, maximum = 300, default = 30)]
    polling_interval_seconds: Option<i32>,
    /// Of one request.
    #[schema(minimum = 1, maximum = 60, default = 10)]
    timeout_seconds: Option<i32>,
    /// Further attempts of a failed request.
    #[schema(minimum = 0, maximum = 10, default = 3)]
    retry_count: Option<i32>,
}

/// How a project's client API is asked; the defaults where nobody has said.
#[utoipa::path(
    get, path = "/api/projects/{slug}/integration", tag = "integrations", operation_id = "find_integration",
    params(("slug" = String, Path, description = "The project.")),
    responses(
        (status = 200, description = "Everything but the credentials.", body = IntegrationView,
            headers(("ETag" = String, description = "Of what it shows, for If-Match."))),
        (status = 404, response = super::openapi::Refused),
    ),
)]
pub async fn find(path: Path<String>, state: Data<State>) -> Result<HttpResponse, ApiError> {
    Ok(answer(state.integrations.find(&slug(&path)?).await?))
}

/// Changes how a project's client API is asked. Viewers have it within 30 seconds.
#[utoipa::path(
    put, path = "/api/projects/{slug}/integration", tag = "integrations", operation_id = "change_integration",
    params(
        ("slug" = String, Path, description = "The project."),
        ("If-Match" = Option<String>, Header, description = "The ETag of what the client has seen: 412 where it is no longer so."),
    ),
    request_body(content = IntegrationBody, content_type = "application/json"),
    responses(
        (status = 200, description = "As it is now.", body = IntegrationView,
            headers(("ETag" = String, description = "Of what it shows, for If-Match."))),
        (status = 400, response = super::openapi::Refused),
        (status = 404, response = super::openapi::Refused),
        (status = 412, response = super::openapi::Refused),
        (status = 413, response = super::openapi::Refused),
        (status = 415, response = super::openapi::Refused),
        (status = 422, response = super::openapi::Refused),
    ),
)]
pub async fn change(
    request: HttpRequest,
    path: Path<String>,
    actor: ReqData<Actor>,
    state: Data<State>,
    body: Extracted,
) -> Result<HttpResponse, ApiError> {
    let slug = slug(&path)?;
    let draft = IntegrationDraft::parse(&body::json(&request, body)?)?;
    let tags = request.headers().get_all(header::IF_MATCH);
    // What is no text is no tag of ours.
    let tags: Vec<&str> = tags.map(|it| it.to_str().unwrap_or("?")).collect();
    let tags = (!tags.is_empty()).then(|| tags.join(","));
    let who = Who::now(&actor.0);
    let changed = state
        .integrations
        .change(&slug, draft, tags.as_deref(), &who);
    Ok(answer(changed.await?))
}

/// Takes stored credentials away.
#[utoipa::path(
    delete, path = "/api/projects/{slug}/integration/credentials", tag = "integrations", operation_id = "forget_credentials",
    params(("slug" = String, Path, description = "The project.")),
    responses(
        (status = 204, description = "There are none."),
        (status = 404, response = super::openapi::Refused),
    ),
)]
pub async fn forget_credentials(
    path: Path<String>,
    actor: ReqData<Actor>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let (slug, who) = (slug(&path)?, Who::now(&actor.0));
    state.integrations.forget_credentials(&slug, &who).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Asks the client API once, with what the body says laid over what is stored; nothing of it is stored. Stored
/// credentials go to the stored origin only. A client API that fails is an answer, too: `success` is false.
#[utoipa::path(
    post, path = "/api/projects/{slug}/integration/test", tag = "integrations", operation_id = "test_integration",
    params(("slug" = String, Path, description = "The project.")),
    request_body(content = Option<IntegrationBody>, content_type = "application/json"),
    responses(
        (status = 200, description = "What came of it.", body = TrialView),
        (status = 400, response = super::openapi::Refused),
        (status = 404, response = super::openapi::Refused),
        (status = 413, response = super::openapi::Refused),
        (status = 415, response = super::openapi::Refused),
        (status = 422, response = super::openapi::Refused),
    ),
)]
pub async fn test(
    request: HttpRequest,
    path: Path<String>,
    actor: ReqData<Actor>,
    state: Data<State>,
    body: Extracted,
) -> Result<Json<TrialView>, ApiError> {
    let slug = slug(&path)?;
    let draft = IntegrationDraft::parse(&body::json(&request, body)?)?;
    let who = Who::now(&actor.0);
    Ok(Json(state.integrations.test(&slug, draft, &who).await?))
}

/// What viewers are shown for a word of the client API.
#[utoipa::path(
    post, path = "/api/projects/{slug}/integration/map-status", tag = "integrations", operation_id = "map_status",
    params(
        ("slug" = String, Path, description = "The project."),
        ("client_status" = String, Query, description = "The word; empty: no status was sent.", max_length = 1000),
    ),
    responses(
        (status = 200, description = "What it becomes.", body = Match),
        (status = 404, response = super::openapi::Refused),
        (status = 422, response = super::openapi::Refused),
    ),
)]
pub async fn map_status(
    request: HttpRequest,
    path: Path<String>,
    state: Data<State>,
) -> Result<Json<Match>, ApiError> {
    let word = client_status(&request)?;
    Ok(Json(
        state.integrations.map_status(&slug(&path)?, &word).await?,
    ))
}

fn answer(shown: Shown) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((header::ETAG, shown.etag));
    response.json(shown.view)
}

/// An empty one counts, unlike other parameters: it stands for a unit without a status.
fn client_status(request: &HttpRequest) -> Result<String, ApiError> {
    let pairs = form_urlencoded::parse(request.query_string().as_bytes());
    let mut words = pairs.filter(|(name, _)| name == "client_status");
    match (words.next(), words.next()) {
        (Some((_, word)), None) if word.chars().count() <= LONGEST_WORD => Ok(word.into_owned()),
        _ => Err(ApiError::Fields(vec![FieldProblem {
            field: "client_status",
            detail: format!("is required once: a text of at most {LONGEST_WORD} characters"),
        }])),
    }
}
