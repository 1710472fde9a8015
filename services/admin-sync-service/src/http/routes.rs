//! The table of routes, and the headers that every answer carries.

use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr};

use actix_web::HttpRequest;
use actix_web::guard::{self, GuardContext};
use actix_web::http::header::ACCEPT;
use actix_web::middleware::{DefaultHeaders, from_fn};
use actix_web::web::{self, PayloadConfig, ServiceConfig};
use service_kit::problem::{self, BODY_LIMIT, Problem};
use service_kit::proxies::TrustedProxies;

use super::{
    Access, CallbackSecret, Console, access, audit, callback, console, dead_letters, deployments,
    docs, estimate, executions, force, integrations, openapi, projects, read, system, tasks,
};
use crate::dead_letters::DeadLetters;
use crate::live::{Lobby, Tasks, Versions};
use crate::neighbours::System;
use crate::projects::{Audit, Integrations, Projects};
use crate::sync::{Coverage, Dashboard, Desk, Estimator, History};

/// What handlers work with. `app` makes one for all workers and hands it to every worker as `Data`.
pub struct State {
    /// Who may come in.
    pub access: Access,
    /// What the console is shown with.
    pub console: Console,
    /// Who is believed about whom.
    pub proxies: TrustedProxies,
    /// What operators do, and single runs.
    pub desk: Desk,
    /// What a run would be.
    pub estimator: Estimator,
    /// What ran.
    pub history: History,
    /// How it goes.
    pub dashboard: Dashboard,
    /// What is proven.
    pub coverage: Coverage,
    /// What the gateway must know.
    pub callback_secret: CallbackSecret,
    /// Who watches.
    pub lobby: Lobby,
    /// What they watch.
    pub tasks: Tasks,
    /// What pages should be.
    pub versions: Versions,
    /// What viewers may look at.
    pub projects: Projects,
    /// How client APIs are asked.
    pub integrations: Integrations,
    /// Who changed what.
    pub audit: Audit,
    /// The present of everything.
    pub system: System,
    /// Messages that nobody could read.
    pub dead_letters: DeadLetters,
}

impl State {
    /// The address behind `request`.
    pub fn client(&self, request: &HttpRequest) -> IpAddr {
        let lines: Vec<_> = request.headers().get_all("x-forwarded-for").collect();
        self.proxies.client(peer(request), lines.into_iter())
    }

    /// Whether a proxy of ours says that the client spoke TLS to it; this service itself has none.
    pub fn is_over_tls(&self, request: &HttpRequest) -> bool {
        let lines = request.headers().get_all("x-forwarded-proto");
        self.proxies.over_tls(peer(request), lines)
    }
}

fn peer(request: &HttpRequest) -> IpAddr {
    let peer = request.peer_addr().map(|address| address.ip());
    peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

/// On every answer, errors included: figures are of this moment, and of nobody else's browser.
pub fn default_headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add(("cache-control", "no-store"))
        .add(("referrer-policy", "no-referrer"))
}

/// The routes of the public listener. Everything but the gateway's way in and the console's shell is behind one door: what
/// does not exist is 401 too for whoever has no credentials.
pub fn configure(app: &mut ServiceConfig) {
    problem::configure(app);
    app.app_data(PayloadConfig::new(BODY_LIMIT));
    open(app);
    let behind_the_door = web::scope("")
        .wrap(from_fn(access::door))
        .service(get("/sync/status", web::get().to(read::status)))
        .service(post("/sync/force", web::post().to(force::force)))
        .service(post("/sync/estimate", web::post().to(estimate::estimate)))
        .service(get("/sync/history", web::get().to(read::history)))
        .service(get("/sync/dashboard", web::get().to(read::dashboard)))
        .service(get("/sync/coverage", web::get().to(read::coverage)))
        .service(get(
            "/sync/executions/{id}",
            web::get().to(executions::find),
        ))
        .service(post(
            "/sync/executions/{id}/cancel",
            web::post().to(executions::cancel),
        ))
        .service(post(
            "/sync/executions/{id}/retry",
            web::post().to(executions::retry),
        ))
        .service(get(
            "/api/tasks/{task_id}/status",
            web::get().to(tasks::status),
        ))
        .service(post(
            "/api/tasks/{task_id}/cancel",
            web::post().to(tasks::cancel),
        ))
        .service(
            web::resource("/api/tasks/{task_id}")
                .route(web::delete().to(tasks::hide))
                .default_service(web::to(|| refuse("DELETE"))),
        )
        .service(post(
            "/api/deployments/version",
            web::post().to(deployments::announce),
        ))
        .configure(of_projects)
        .configure(of_the_system)
        .service(get("/openapi.json", web::get().to(openapi::document)))
        .service(get("/docs", web::get().to(docs::page)))
        .service(get("/docs/{name}", web::get().to(docs::asset)))
        .default_service(web::to(|| ready(Problem::not_found("Not found"))));
    app.service(behind_the_door);
}

fn of_projects(app: &mut ServiceConfig) {
    app.service(
        web::resource("/api/projects")
            .route(web::get().to(projects::list))
            .route(web::post().to(projects::create))
            .default_service(web::to(|| refuse("GET, POST"))),
    )
    .service(
        web::resource("/api/projects/{slug}")
            .route(web::get().to(projects::find))
            .route(web::put().to(projects::change))
            .route(web::delete().to(projects::deactivate))
            .default_service(web::to(|| refuse("GET, PUT, DELETE"))),
    )
    .service(
        web::resource("/api/projects/{slug}/integration")
            .route(web::get().to(integrations::find))
            .route(web::put().to(integrations::change))
            .default_service(web::to(|| refuse("GET, PUT"))),
    )
    .service(
        web::resource("/api/projects/{slug}/integration/credentials")
            .route(web::delete().to(integrations::forget_credentials))
            .default_service(web::to(|| refuse("DELETE"))),
    )
    .service(post(
        "/api/projects/{slug}/integration/test",
        web::post().to(integrations::test),
    ))
    .service(post(
        "/api/projects/{slug}/integration/map-status",
        web::post().to(integrations::map_status),
    ))
    .service(get("/api/audit", web::get().to(audit::list)));
}

fn of_the_system(app: &mut ServiceConfig) {
    app.service(get("/api/system", web::get().to(system::system)))
        .service(get(
            "/api/system/dead-letters",
            web::get().to(dead_letters::list),
        ))
        .service(post(
            "/api/system/dead-letters/requeue",
            web::post().to(dead_letters::requeue_all),
        ))
        .service(post(
            "/api/system/dead-letters/drop",
            web::post().to(dead_letters::discard_all),
        ))
        .service(post(
            "/api/system/dead-letters/{key}/requeue",
            web::post().to(dead_letters::requeue),
        ))
        .service(post(
            "/api/system/dead-letters/{key}/drop",
            web::post().to(dead_letters::discard),
        ));
}

/// What needs no credentials: it holds nothing, or judges who asks by itself.
fn open(app: &mut ServiceConfig) {
    app.service(post(
        "/api/sse/callback",
        web::post().to(callback::callback),
    ))
    .service(
        web::resource("/console/session")
            .route(web::get().to(console::session))
            .route(web::post().to(console::sign_in))
            .route(web::delete().to(console::sign_out))
            .default_service(web::to(|| refuse("GET, POST, DELETE"))),
    )
    .service(get("/console", web::get().to(console::shell)))
    .service(get("/console/{page:.*}", web::get().to(console::page)))
    .service(get(
        "/console-assets/{name:.+}",
        web::get().to(console::asset),
    ))
    .service(
        web::resource("/")
            .guard(guard::Get())
            .guard(guard::fn_guard(shows_pages))
            .to(console::home),
    );
}

/// Programs that ask for anything, or for JSON, are no browsers.
fn shows_pages(asked: &GuardContext<'_>) -> bool {
    let accepted = asked.head().headers().get_all(ACCEPT);
    let mut accepted = accepted.filter_map(|it| it.to_str().ok());
    accepted.any(|it| it.contains("text/html"))
}

fn get(path: &str, route: actix_web::Route) -> actix_web::Resource {
    web::resource(path)
        .route(route)
        .default_service(web::to(|| refuse("GET")))
}

fn post(path: &str, route: actix_web::Route) -> actix_web::Resource {
    web::resource(path)
        .route(route)
        .default_service(web::to(|| refuse("POST")))
}

fn refuse(allow: &'static str) -> Ready<Problem> {
    ready(Problem::method_not_allowed(allow))
}
