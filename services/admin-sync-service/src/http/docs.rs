//! GET /docs: a page to try the API, made by its own script from /openapi.json. Nothing of it is from elsewhere.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Path;
use service_kit::problem::Problem;

/// Nothing from elsewhere, no inline script or style.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A page to try all of this.
#[utoipa::path(
    get, path = "/docs", tag = "documents",
    responses((status = 200, description = "The page.", body = String, content_type = "text/html")),
)]
pub async fn page() -> HttpResponse {
    told(
        "text/html; charset=utf-8",
        include_str!("../../assets/docs.html"),
    )
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
    match name.as_str() {
        "docs.js" => told(
            "text/javascript; charset=utf-8",
            include_str!("../../assets/docs.js"),
        ),
        "docs.css" => told(
            "text/css; charset=utf-8",
            include_str!("../../assets/docs.css"),
        ),
        _ => actix_web::ResponseError::error_response(&Problem::not_found("Not found")),
    }
}

fn told(media_type: &'static str, content: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, media_type))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .body(content)
}
