//! The reference viewer: plain files, embedded. Its data comes from the public API.

use actix_web::http::header;
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, Responder};
use serde::Serialize;
use service_kit::problem::Problem;

use super::State;
use crate::error::ApiError;

/// Nothing from elsewhere, no inline script or style.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// Name, media type, content.
type Asset = (&'static str, &'static str, &'static str);

macro_rules! assets {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, media_type($name), include_str!(concat!("../../assets/", $name)))),+]
    };
}

const ASSETS: &[Asset] = assets![
    "board.css",
    "board.js",
    "connection.js",
    "farol.css",
    "floors.js",
    "index.css",
    "index.js",
    "keyboard.js",
    "latest.js",
    "legend.js",
    "stream.js",
    "units.js",
    "viewer.css",
    "viewer.js",
    "words.js",
];

const fn media_type(name: &str) -> &'static str {
    match name.as_bytes() {
        [.., b'.', b'j', b's'] => "text/javascript; charset=utf-8",
        [.., b'.', b'c', b's', b's'] => "text/css; charset=utf-8",
        _ => "text/html; charset=utf-8",
    }
}

/// GET /viewer/{slug}: the same page for every project; it asks for its data itself.
pub async fn viewer() -> impl Responder {
    page(
        "text/html; charset=utf-8",
        include_str!("../../assets/viewer.html"),
    )
}

/// GET / where `VIEWER_INDEX` is on.
pub async fn index() -> impl Responder {
    page(
        "text/html; charset=utf-8",
        include_str!("../../assets/index.html"),
    )
}

/// GET /viewer-assets/{name}
pub async fn asset(name: Path<String>) -> HttpResponse {
    let found = ASSETS.iter().find(|(known, ..)| *known == name.as_str());
    match found {
        Some((_, media_type, content)) => page(media_type, content),
        None => actix_web::ResponseError::error_response(&Problem::not_found("Not found")),
    }
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

fn page(media_type: &'static str, content: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, media_type))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .body(content)
}
