//! The public listener: its server, its limits, and how it ends.

use std::io;
use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web::Data;
use actix_web::{App, HttpServer};
use service_kit::http::Envelope;
use service_kit::lifecycle::Lifecycle;
use service_kit::random::Random;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::http::{State, configure, default_headers};
use crate::settings::Settings;

/// A client that sends no complete head for this long is dropped.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// An idle connection is kept for this long.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// Threads that answer; the database is what they wait for.
const WORKERS: usize = 2;

/// Serves `listener` until the first stage of a shutdown; open requests are then answered within the drain.
///
/// # Errors
/// When the listener cannot be used.
pub fn spawn(
    listener: TcpListener,
    state: Data<State>,
    settings: &Settings,
    lifecycle: &Lifecycle,
) -> io::Result<()> {
    // One for all workers: identities are unique within the process.
    let envelope = Envelope::new(&Random::system());
    let pulse = lifecycle.pulse();
    let server = HttpServer::new(move || {
        // Each worker has a runtime of its own.
        pulse.also(Handle::current());
        App::new()
            .app_data(state.clone())
            .configure(configure)
            .wrap(envelope.clone())
            .wrap(default_headers())
    })
    .workers(WORKERS)
    .keep_alive(KEEP_ALIVE)
    .client_request_timeout(HEAD_WITHIN)
    .disable_signals()
    .shutdown_timeout(settings.shutdown.hard_stop().as_secs().saturating_sub(1))
    .listen(listener)?
    .run();
    let tasks = lifecycle.tasks();
    tasks.spawn_tracked("http.stop", stop(server.handle(), lifecycle.stopping()));
    tasks.spawn_critical("http.server", server);
    Ok(())
}

async fn stop(server: ServerHandle, stopping: CancellationToken) {
    stopping.cancelled().await;
    server.stop(true).await;
}
