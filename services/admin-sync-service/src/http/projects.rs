//! Projects: list, make, look, change, end.

use actix_web::http::header;
use actix_web::web::{Data, Json, Path, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use farol_core::status::Slug;
use serde::Deserialize;
use utoipa::ToSchema;

use super::State;
use super::access::Actor;
use super::body::{self, Extracted};
use crate::error::ApiError;
use crate::projects::{NewProject, ProjectChange, ProjectError, ProjectList, ProjectView, Who};

/// A project to be made.
#[derive(Deserialize, ToSchema)]
#[expect(
    dead_code,
    reason = "the schema of a body that projects::NewProject reads"
)]
pub struct ProjectBody {
    /// Its name in addresses; it cannot be changed.
    #[schema(example = "downtown-heights", pattern = "^[a-z][a-z0-9-]{1,99}$")]
    slug: String,
    /// Its name for people, not blank.
    #[schema(example = "Downtown Heights", min_length = 1, max_length = 255)]
    name: String,
    /// More words about it.
    #[schema(max_length = 2000)]
    description: Option<String>,
    /// Whether viewers may see it.
    #[schema(default = true)]
    is_active: Option<bool>,
}

/// What is to be different; what is not named stays.
#[derive(Deserialize, ToSchema)]
#[expect(
    dead_code,
    reason = "the schema of a body that projects::ProjectChange reads"
)]
pub struct ProjectChangeBody {
    /// Its name for people, not blank.
    #[schema(min_length = 1, max_length = 255)]
    name: Option<String>,
    /// More words about it; null takes them away.
    #[schema(max_length = 2000)]
    description: Option<String>,
    /// Whether viewers may see it.
    is_active: Option<bool>,
}

/// Every project, inactive ones too.
#[utoipa::path(
    get, path = "/api/projects", tag = "projects", operation_id = "list_projects",
    responses((status = 200, description = "By name.", body = ProjectList)),
)]
pub async fn list(state: Data<State>) -> Result<Json<ProjectList>, ApiError> {
    Ok(Json(state.projects.list().await?))
}

/// Makes a project.
#[utoipa::path(
    post, path = "/api/projects", tag = "projects", operation_id = "create_project",
    request_body(content = ProjectBody, content_type = "application/json"),
    responses(
        (status = 201, description = "It is made.", body = ProjectView,
            headers(("Location" = String, description = "The project: /api/projects/{slug}"))),
        (status = 400, response = super::openapi::Refused),
        (status = 409, response = super::openapi::Refused),
        (status = 413, response = super::openapi::Refused),
        (status = 415, response = super::openapi::Refused),
        (status = 422, response = super::openapi::Refused),
    ),
)]
pub async fn create(
    request: HttpRequest,
    actor: ReqData<Actor>,
    state: Data<State>,
    body: Extracted,
) -> Result<HttpResponse, ApiError> {
    let body = body::json(&request, body)?;
    let new = NewProject::parse(&body)?;
    let project = state.projects.create(new, &Who::now(&actor.0)).await?;
    let location = format!("/api/projects/{}", project.row.slug);
    let mut created = HttpResponse::Created();
    Ok(created
        .insert_header((header::LOCATION, location))
        .json(project))
}

/// A project.
#[utoipa::path(
    get, path = "/api/projects/{slug}", tag = "projects", operation_id = "find_project",
    params(("slug" = String, Path, description = "The project.")),
    responses(
        (status = 200, description = "The project.", body = ProjectView),
        (status = 404, response = super::openapi::Refused),
    ),
)]
pub async fn find(path: Path<String>, state: Data<State>) -> Result<Json<ProjectView>, ApiError> {
    Ok(Json(state.projects.find(&slug(&path)?).await?))
}

/// Changes a project. One that is no longer active is closed to its viewers within 30 seconds.
#[utoipa::path(
    put, path = "/api/projects/{slug}", tag = "projects", operation_id = "change_project",
    params(("slug" = String, Path, description = "The project.")),
    request_body(content = ProjectChangeBody, content_type = "application/json"),
    responses(
        (status = 200, description = "The project as it is now.", body = ProjectView),
        (status = 400, response = super::openapi::Refused),
        (status = 404, response = super::openapi::Refused),
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
) -> Result<Json<ProjectView>, ApiError> {
    let slug = slug(&path)?;
    let change = ProjectChange::parse(&body::json(&request, body)?)?;
    let who = Who::now(&actor.0);
    Ok(Json(state.projects.change(&slug, &change, &who).await?))
}

/// Ends what viewers see of a project. Nothing is deleted: a PUT with `is_active` brings it back.
#[utoipa::path(
    delete, path = "/api/projects/{slug}", tag = "projects", operation_id = "deactivate_project",
    params(("slug" = String, Path, description = "The project.")),
    responses(
        (status = 204, description = "It is inactive."),
        (status = 404, response = super::openapi::Refused),
    ),
)]
pub async fn deactivate(
    path: Path<String>,
    actor: ReqData<Actor>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let slug = slug(&path)?;
    let (change, who) = (ProjectChange::retirement(), Who::now(&actor.0));
    state.projects.change(&slug, &change, &who).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What is no slug names no project.
pub fn slug(text: &str) -> Result<Slug, ApiError> {
    Slug::parse(text).ok_or(ApiError::Project(ProjectError::NotFound))
}
