//! The table of routes, and the headers that every answer carries.

use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use actix_web::http::header;
use actix_web::middleware::DefaultHeaders;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use service_kit::problem::{self, Problem};
use service_kit::proxies::TrustedProxies;

use super::{pages, status, stream};
use crate::limits::Client;
use crate::public::Public;

/// What handlers work with.
pub struct State {
    /// What the listener offers.
    pub public: Arc<Public>,
    /// Who is believed about whom.
    pub proxies: TrustedProxies,
    /// Whether `/` lists the projects.
    pub index: bool,
}

impl State {
    /// Who sent `request`.
    pub fn client(&self, request: &HttpRequest) -> Client {
        let peer = request.peer_addr().map(|address| address.ip());
        let lines: Vec<_> = request.headers().get_all("x-forwarded-for").collect();
        let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        self.proxies.client(peer, lines.into_iter()).into()
    }
}

/// On every answer, errors included: nothing is cached (a CDN would keep the 404
/// of a project that is activated a second later), and any page may read it.
pub const PUBLIC_HEADERS: [(&str, &str); 3] = [
    ("cache-control", "no-store"),
    ("access-control-allow-origin", "*"),
    ("access-control-expose-headers", "Retry-After, X-Request-Id"),
];

/// [`PUBLIC_HEADERS`] as the outermost middleware.
pub fn default_headers() -> DefaultHeaders {
    PUBLIC_HEADERS
        .into_iter()
        .fold(DefaultHeaders::new(), DefaultHeaders::add)
}

/// The routes of the public listener.
pub fn configure(state: &State, app: &mut ServiceConfig) {
    // The alias is what shipped viewers use.
    for status_path in ["/api/public/{slug}/status", "/api/status/{slug}"] {
        let readable = web::resource(status_path)
            .route(web::get().to(status::get))
            .route(web::head().to(status::get))
            .route(web::method(actix_web::http::Method::OPTIONS).to(preflight_get))
            .default_service(web::to(|| refuse("GET, HEAD, OPTIONS")));
        let stream = web::resource(format!("{status_path}/stream"))
            .route(web::get().to(stream::get))
            .route(web::head().to(stream::head))
            .route(web::method(actix_web::http::Method::OPTIONS).to(preflight_get))
            .default_service(web::to(|| refuse("GET, HEAD, OPTIONS")));
        let refresh = web::resource(format!("{status_path}/refresh"))
            .route(web::post().to(status::refresh))
            .route(web::method(actix_web::http::Method::OPTIONS).to(preflight_post))
            .default_service(web::to(|| refuse("POST, OPTIONS")));
        app.service(readable).service(stream).service(refresh);
    }
    app.service(page("/viewer/{slug}").route(web::get().to(pages::viewer)))
        .service(page("/viewer-assets/{name}").route(web::get().to(pages::asset)));
    if state.index {
        app.service(page("/").route(web::get().to(pages::index)))
            .service(page("/viewer-index.json").route(web::get().to(pages::list)));
    }
    problem::configure(app);
}

fn page(path: &str) -> actix_web::Resource {
    web::resource(path).default_service(web::to(|| refuse("GET")))
}

fn refuse(allow: &'static str) -> Ready<Problem> {
    ready(Problem::method_not_allowed(allow))
}

async fn preflight_get() -> HttpResponse {
    preflight("GET, HEAD, OPTIONS")
}

async fn preflight_post() -> HttpResponse {
    preflight("POST, OPTIONS")
}

fn preflight(methods: &'static str) -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, methods))
        .insert_header((
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "Content-Type, Cache-Control, Last-Event-ID",
        ))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "86400"))
        .finish()
}
