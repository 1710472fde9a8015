//! The reference viewer: plain files, embedded. Its data comes from the public API.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, Responder};
use serde::Serialize;
use service_kit::openapi::{ComeBack, Refused};
use service_kit::page_assets;
use service_kit::pages::{self, Asset};
use utoipa::ToSchema;

use super::State;
use crate::error::ApiError;

/// What the pages consist of.
const ASSETS: &[Asset] = page_assets!["../../assets":
    "board.css",
    "board.js",
    "connection.js",
    "floors.js",
    "index.css",
    "index.js",
    "keyboard.js",
    "latest.js",
    "legend.js",
    "statuses.css",
    "stream.js",
    "units.js",
    "viewer.css",
    "viewer.js",
    "words.js",
];

/// The reference viewer. It is the same for every project, and asks for its data itself.
#[utoipa::path(
    get, path = "/viewer/{slug}", tag = "pages", operation_id = "viewer",
    params(("slug" = String, Path, description = "The project; any text.", example = "garden-court")),
    responses((status = 200, description = "A page.", body = String, content_type = "text/html")),
)]
pub async fn viewer() -> impl Responder {
    pages::page(include_str!("../../assets/viewer.html"))
}

/// A list of the projects, only with `VIEWER_INDEX=true`.
#[utoipa::path(
    get, path = "/", tag = "pages", operation_id = "index",
    responses(
        (status = 200, description = "A page.", body = String, content_type = "text/html"),
        (status = 404, response = Refused),
    ),
)]
pub async fn index() -> impl Responder {
    pages::page(include_str!("../../assets/index.html"))
}

/// Scripts and styles of the pages.
#[utoipa::path(
    get, path = "/viewer-assets/{name}", tag = "pages", operation_id = "viewer_asset",
    params(("name" = String, Path, description = "Of the file.", example = "viewer.js")),
    responses(
        (status = 200, description = "The file.", content((String = "text/javascript"), (String = "text/css"))),
        (status = 404, response = Refused),
    ),
)]
pub async fn asset(name: Path<String>) -> HttpResponse {
    pages::asset(ASSETS, &name)
}

/// The same list as JSON, only with `VIEWER_INDEX=true`.
#[utoipa::path(
    get, path = "/viewer-index.json", tag = "pages", operation_id = "index_json",
    responses(
        (status = 200, description = "The active projects, at most 500.", body = Index),
        (status = 404, response = Refused), (status = 500, response = Refused), (status = 503, response = ComeBack),
    ),
)]
pub async fn list(state: Data<State>) -> Result<impl Responder, ApiError> {
    let listed = state.public.list().await?;
    let projects = listed
        .into_iter()
        .map(|(slug, name)| Listed { slug, name })
        .collect();
    Ok(Json(Index { projects }))
}

/// The active projects.
#[derive(Serialize, ToSchema)]
#[schema(as = ProjectList)]
pub struct Index {
    /// At most 500.
    projects: Vec<Listed>,
}

/// One of them.
#[derive(Serialize, ToSchema)]
#[schema(as = ListedProject)]
pub struct Listed {
    /// In addresses.
    slug: String,
    /// For people.
    name: String,
}
