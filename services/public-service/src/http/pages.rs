//! The reference viewer: plain files, embedded. Its data comes from the public API.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, Responder};
use serde::Serialize;
use service_kit::page_assets;
use service_kit::pages::{self, Asset};

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

/// GET /viewer/{slug}: the same page for every project; it asks for its data itself.
pub async fn viewer() -> impl Responder {
    pages::page(include_str!("../../assets/viewer.html"))
}

/// GET / where `VIEWER_INDEX` is on.
pub async fn index() -> impl Responder {
    pages::page(include_str!("../../assets/index.html"))
}

/// GET /viewer-assets/{name}
pub async fn asset(name: Path<String>) -> HttpResponse {
    pages::asset(ASSETS, &name)
}

/// GET /viewer-index.json where `VIEWER_INDEX` is on.
pub async fn list(state: Data<State>) -> Result<impl Responder, ApiError> {
    let listed = state.public.list().await?;
    let projects = listed
        .into_iter()
        .map(|(slug, name)| Listed { slug, name })
        .collect();
    Ok(Json(Index { projects }))
}

#[derive(Serialize)]
struct Index {
    projects: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    slug: String,
    name: String,
}
