//! The table of routes, and the headers that every answer carries.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::http::Method;
use actix_web::middleware::{DefaultHeaders, from_fn};
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, Handler, Resource, Responder};
use service_kit::problem::{self, Problem};

use super::{
    Origins, Reads, TenantLimit, alerts, cors, devices, health, pages, readings, ticket, upgrade,
};
use crate::identity::Gate;
use crate::infra::alert_repo::AlertRepo;
use crate::infra::device_repo::DeviceRepo;
use crate::store::TelemetryStore;
use crate::tickets::Tickets;

/// What may be done with what is read.
const METHODS: &str = "GET, HEAD, OPTIONS";

/// What handlers work with. `app` makes one for all workers and hands it to every worker as `Data`.
pub struct State {
    /// Who a token belongs to.
    pub gate: Gate,
    /// What sockets are opened with.
    pub tickets: Tickets,
    /// How often a tenant may read.
    pub requests: TenantLimit,
    /// How many reads of a tenant run at once.
    pub reads: Reads,
    /// How often a tenant may have a ticket. Not the same: all its sockets come back at once after a restart.
    pub ticket_requests: TenantLimit,
    /// Whose pages may read answers.
    pub origins: Origins,
    /// Where readings are.
    pub store: Arc<dyn TelemetryStore>,
    /// Where devices are.
    pub devices: DeviceRepo,
    /// Where alerts are.
    pub alerts: AlertRepo,
}

/// On every answer, errors included: figures are of this moment, and of nobody else's browser.
pub fn default_headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add(("cache-control", "no-store"))
        .add(("referrer-policy", "no-referrer"))
}

/// The routes of the public listener.
pub fn configure(app: &mut ServiceConfig) {
    problem::configure(app);
    let api = web::scope("/api/v2")
        .wrap(from_fn(cors::share))
        .service(get_only("/ws").route(web::get().to(upgrade::upgrade)))
        .service(api("/health", health::get))
        .service(api("/ws-ticket", ticket::get))
        .service(api("/devices", devices::list))
        .service(api("/devices/{id}", devices::one))
        .service(api("/devices/{id}/telemetry", readings::range))
        .service(api("/devices/{id}/telemetry/latest", readings::latest))
        .service(api("/alerts", alerts::list))
        .service(api("/alerts/{id}", alerts::one))
        .default_service(web::to(|| ready(Problem::not_found("Not found"))));
    app.service(api)
        .service(get_only("/live").route(web::get().to(pages::live)))
        .service(get_only("/live-assets/{name}").route(web::get().to(pages::asset)));
}

/// A path that is read; other origins are told so first, as browsers ask.
fn api<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::resource(path)
        .route(web::get().to(handler.clone()))
        .route(web::head().to(handler))
        .route(web::method(Method::OPTIONS).to(cors::preflight))
        .default_service(web::to(|| refuse(METHODS)))
}

fn get_only(path: &str) -> Resource {
    web::resource(path).default_service(web::to(|| refuse("GET")))
}

fn refuse(allow: &'static str) -> Ready<Problem> {
    ready(Problem::method_not_allowed(allow))
}
