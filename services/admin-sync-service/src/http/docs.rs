//! GET /docs: a page to try the API, made by its own script from /openapi.json. Nothing of it is from elsewhere.

use actix_web::HttpResponse;
use actix_web::web::Path;
use service_kit::page_assets;
use service_kit::pages::{self, Asset};

/// What the page consists of.
const ASSETS: &[Asset] = page_assets!["../../assets": "docs.css", "docs.js"];

/// A page to try all of this.
#[utoipa::path(
    get, path = "/docs", tag = "documents",
    responses((status = 200, description = "The page.", body = String, content_type = "text/html")),
)]
pub async fn page() -> HttpResponse {
    pages::page(include_str!("../../assets/docs.html"))
}

/// What the page consists of.
#[utoipa::path(
    get, path = "/docs/{name}", tag = "documents",
    params(("name" = String, Path, description = "docs.js or docs.css", pattern = "^docs\\.(js|css)$")),
    responses(
        (status = 200, description = "The file.", content((String = "text/javascript"), (String = "text/css"))),
        (status = 404, response = super::openapi::Refused),
    ),
)]
pub async fn asset(name: Path<String>) -> HttpResponse {
    pages::asset(ASSETS, &name)
}
