//! The live page: plain files, embedded. Its data comes from the API, with the token that its reader gives.

use actix_web::http::header;
use actix_web::web::Path;
use actix_web::{HttpResponse, Responder, ResponseError as _};
use service_kit::problem::Problem;

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

const fn media_type(name: &str) -> &'static str {
    match name.as_bytes() {
        [.., b'.', b'j', b's'] => "text/javascript; charset=utf-8",
        _ => "text/css; charset=utf-8",
    }
}

/// GET /live: the same page for every tenant.
pub async fn live() -> impl Responder {
    page(
        "text/html; charset=utf-8",
        include_str!("../../assets/live.html"),
    )
}

/// GET /live-assets/{name}
pub async fn asset(name: Path<String>) -> HttpResponse {
    let found = ASSETS.iter().find(|(known, ..)| *known == name.as_str());
    match found {
        Some((_, media_type, content)) => page(media_type, content),
        None => Problem::not_found("Not found").error_response(),
    }
}

fn page(media_type: &'static str, content: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, media_type))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .body(content)
}
