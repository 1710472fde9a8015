//! The live page: plain files, embedded. Its data comes from the API, with the token that its reader gives.

use actix_web::web::Path;
use actix_web::{HttpResponse, Responder};
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

/// GET /live: the same page for every tenant.
pub async fn live() -> impl Responder {
    pages::page(include_str!("../../assets/live.html"))
}

/// GET /live-assets/{name}
pub async fn asset(name: Path<String>) -> HttpResponse {
    pages::asset(ASSETS, &name)
}
