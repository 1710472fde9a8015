//! The ops listener: metrics, health and status, apart from everything public. It is the last thing to stop, so a
//! draining process can still be watched.

use std::{io, net::TcpListener, sync::Arc};

use actix_web::{
    App, HttpResponse, HttpServer, Responder,
    dev::ServerHandle,
    http::StatusCode,
    web::{self, Data},
};
use serde_json::{Value, json};

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
    server: ServerHandle,
}

#[derive(Clone)]
struct Parts {
    metrics: Metrics,
    readiness: Readiness,
    status: Status,
}

/// Serves `listener` on one thread of its own, so that a busy service still answers.
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
            .route("/metrics", web::get().to(render_metrics))
            .route("/health/live", web::get().to(live))
            .route("/health/ready", web::get().to(ready))
            .route("/status", web::get().to(report_status))
            .configure(problem::configure)
    })
    .workers(1)
    .disable_signals()
    .shutdown_timeout(1)
    .listen(listener)?
    .run();
    let handle = server.handle();
    tokio::spawn(server);
    tracing::info!(%address, "ops listener bound");
    Ok(Ops { server: handle })
}

impl Ops {
    /// Ends the listener; open requests get a second.
    pub async fn stop(self) {
        self.server.stop(true).await;
    }
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
