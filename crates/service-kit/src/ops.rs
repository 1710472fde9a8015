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
    web::{self, Data},
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::{
    http::Envelope,
    lifecycle::Readiness,
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

#[derive(Clone)]
struct Parts {
    metrics: Metrics,
    readiness: Readiness,
    status: Status,
}

/// Serves `listener` on one thread of its own, so that a busy service still answers.
///
/// GET and HEAD of `/metrics` (Prometheus text), `/health/live` (200 as long as the process answers at all),
/// `/health/ready` (200, or 503 with what is missing) and `/status` (whatever `status` gives; it is called per request
/// and must not block). Everything else is a problem, 404 or 405.
///
/// # Errors
/// Where the listener cannot be used.
#[expect(
    clippy::disallowed_methods,
    reason = "it must outlive the tracked tasks: their drain is watched through it"
)]
pub fn spawn(
    listener: TcpListener,
    metrics: Metrics,
    readiness: Readiness,
    status: Status,
) -> io::Result<Ops> {
    let address = listener.local_addr()?;
    let parts = Parts {
        metrics,
        readiness,
        status,
    };
    let envelope = Envelope::new(&Random::system());
    let server = HttpServer::new(move || {
        App::new()
            .wrap(envelope.clone())
            .app_data(Data::new(parts.clone()))
            .service(readable("/metrics", render_metrics))
            .service(readable("/health/live", live))
            .service(readable("/health/ready", ready))
            .service(readable("/status", report_status))
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

async fn render_metrics(parts: Data<Parts>) -> impl Responder {
    HttpResponse::Ok()
        .content_type(metrics::CONTENT_TYPE)
        .body(parts.metrics.render())
}

async fn live() -> impl Responder {
    web::Json(json!({"status": "live", "checks": {}}))
}

async fn ready(parts: Data<Parts>) -> impl Responder {
    let report = parts.readiness.report();
    let status = if report.is_ready() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    HttpResponse::build(status).json(report)
}

async fn report_status(parts: Data<Parts>) -> impl Responder {
    web::Json((parts.status)())
}
