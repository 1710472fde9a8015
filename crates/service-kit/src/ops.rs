//! The ops listener: metrics, health and status, apart from everything public. It is the last thing to stop, so a
//! draining process can still be watched.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use actix_web::{
    App, FromRequest, Handler, HttpResponse, HttpServer, Resource, Responder,
    dev::ServerHandle,
    http::StatusCode,
    web::{self, Data, ServiceConfig},
};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::{
    http::Envelope,
    lifecycle::{Pulse, Readiness},
    metrics::{self, Metrics},
    problem,
    random::Random,
};

/// What `/status` answers: what this service is doing right now.
pub type Status = Arc<dyn Fn() -> Value + Send + Sync>;

/// A running ops listener. It answers until [`Ops::stop`].
#[derive(Debug)]
pub struct Ops {
    address: SocketAddr,
    handle: ServerHandle,
    server: JoinHandle<io::Result<()>>,
}

/// What the listener tells.
#[derive(Clone)]
pub struct Told {
    /// For `/metrics`.
    pub metrics: Metrics,
    /// For `/health/live`.
    pub pulse: Pulse,
    /// For `/health/ready`.
    pub readiness: Readiness,
    /// For `/status`.
    pub status: Status,
    /// The document of the service's public listener, for `/openapi.json`; without one there is no such path.
    pub openapi: Option<Bytes>,
}

/// Serves `listener` on one thread of its own, so that a busy service still answers.
///
/// GET and HEAD of `/metrics` (Prometheus text), `/health/live` (200, or 503 where a runtime stands still),
/// `/health/ready` (200, or 503 with what is missing), `/status` (whatever `status` gives; it is called per request
/// and must not block) and, where there is a document, `/openapi.json`. Everything else is a problem, 404 or 405.
///
/// # Errors
/// Where the listener cannot be used.
#[expect(
    clippy::disallowed_methods,
    reason = "it must outlive the tracked tasks: their drain is watched through it"
)]
pub fn spawn(listener: TcpListener, told: Told) -> io::Result<Ops> {
    let address = listener.local_addr()?;
    let envelope = Envelope::new(&Random::system());
    let server = HttpServer::new(move || {
        App::new()
            .wrap(envelope.clone())
            .app_data(Data::new(told.clone()))
            .configure(|app| routes(app, told.openapi.is_some()))
            .configure(problem::configure)
    })
    .workers(1)
    .disable_signals()
    .shutdown_timeout(1)
    .listen(listener)?
    .run();
    tracing::info!(listener = "ops", %address, "listening");
    Ok(Ops {
        address,
        handle: server.handle(),
        server: tokio::spawn(server),
    })
}

impl Ops {
    /// Where it really listens, also if port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends the listener; open requests get a second. For after
    /// [`run_until_stopped`](crate::lifecycle::Lifecycle::run_until_stopped).
    pub async fn stop(self) {
        self.handle.stop(true).await;
        if let Ok(Err(error)) | Err(error) = self.server.await.map_err(io::Error::from) {
            tracing::warn!(%error, "the ops listener ended badly");
        }
    }
}

fn routes(app: &mut ServiceConfig, described: bool) {
    app.service(readable("/metrics", render_metrics))
        .service(readable("/health/live", live))
        .service(readable("/health/ready", ready))
        .service(readable("/status", report_status));
    if described {
        app.service(readable("/openapi.json", openapi));
    }
}

/// A resource for GET and HEAD: probes use either.
fn readable<F, A>(path: &str, handler: F) -> Resource
where
    F: Handler<A, Output: Responder<Body: 'static>>,
    A: FromRequest + 'static,
{
    web::resource(path)
        .route(web::get().to(handler.clone()))
        .route(web::head().to(handler))
}

async fn render_metrics(told: Data<Told>) -> impl Responder {
    HttpResponse::Ok()
        .content_type(metrics::CONTENT_TYPE)
        .body(told.metrics.render())
}

async fn live(told: Data<Told>) -> impl Responder {
    let (status, word) = if told.pulse.beats().await {
        (StatusCode::OK, "live")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "stuck")
    };
    HttpResponse::build(status).json(json!({"status": word, "checks": {}}))
}

async fn ready(told: Data<Told>) -> impl Responder {
    let report = told.readiness.report();
    let status = if report.is_ready() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    HttpResponse::build(status).json(report)
}

async fn report_status(told: Data<Told>) -> impl Responder {
    web::Json((told.status)())
}

async fn openapi(told: Data<Told>) -> impl Responder {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(told.openapi.clone().unwrap_or_default())
}
