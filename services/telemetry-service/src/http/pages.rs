//! The live page: plain files, embedded. Its data comes from the API, with the token that its reader gives.

use actix_web::web::Path;
use actix_web::{HttpResponse, Responder};
use service_kit::openapi::Refused;
use service_kit::page_assets;
use service_kit::pages::{self, Asset};

/// What the page consists of.
const ASSETS: &[Asset] = page_assets!["../../assets":
    "alerts.js",
    "api.js",
    "base.css",
    "cards.css",
    "devices.js",
    "history.js",
    "key.js",
    "link.js",
    "live.css",
    "live.js",
    "metrics.js",
    "socket.js",
    "sparkline.js",
    "token.js",
    "words.js",
];

/// The live page, the same for every tenant.
#[utoipa::path(
    get, path = "/live", tag = "page", operation_id = "live",
    responses((status = 200, description = "A page.", body = String, content_type = "text/html")),
)]
pub async fn live() -> impl Responder {
    pages::page(include_str!("../../assets/live.html"))
}

/// Scripts and styles of the live page.
#[utoipa::path(
    get, path = "/live-assets/{name}", tag = "page", operation_id = "live_asset",
    params(("name" = String, Path, description = "Of the file.", example = "live.js")),
    responses(
        (status = 200, description = "The file.", content(
            (String = "text/javascript"), (String = "text/css"),
        )),
        (status = 404, response = Refused),
    ),
)]
pub async fn asset(name: Path<String>) -> HttpResponse {
    pages::asset(ASSETS, &name)
}
