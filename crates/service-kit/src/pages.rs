//! Pages that a service has embedded: their files, the policy that they come with, and the one style sheet that all of
//! them begin with. What a page shows is its service's business.

use actix_web::http::header;
use actix_web::{HttpResponse, ResponseError as _};

use crate::problem::Problem;

/// Nothing from elsewhere, no inline script or style.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A file of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asset {
    /// Its name in the page's address, which tells what it is.
    pub name: &'static str,
    /// What is in it.
    pub content: &'static str,
}

/// Colours (light and dark), type and small parts of all pages.
pub const SHEET: Asset = Asset {
    name: "farol.css",
    content: include_str!("../assets/farol.css"),
};

/// The files `$folder/$name`, relative to the caller's, behind [`SHEET`].
#[macro_export]
macro_rules! page_assets {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        &[
            $crate::pages::SHEET,
            $($crate::pages::Asset { name: $name, content: include_str!(concat!($folder, "/", $name)) }),+
        ]
    };
}

/// The file `name`, or 404.
pub fn asset(assets: &[Asset], name: &str) -> HttpResponse {
    match assets.iter().find(|asset| asset.name == name) {
        Some(asset) => told(media_type(asset.name), asset.content, POLICY),
        None => Problem::not_found("Not found").error_response(),
    }
}

/// A page under [`POLICY`].
pub fn page(content: &'static str) -> HttpResponse {
    page_under(content, POLICY)
}

/// A page under a policy of its own.
pub fn page_under(content: &'static str, policy: &str) -> HttpResponse {
    told("text/html; charset=utf-8", content, policy)
}

fn told(media_type: &'static str, content: &'static str, policy: &str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, media_type))
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .body(content)
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        _ => "text/plain; charset=utf-8",
    }
}
