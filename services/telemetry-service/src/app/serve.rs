//! The public listener: its server, its limits, and how it ends.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_http::{HttpService, KeepAlive};
use actix_server::{ServerBuilder, ServerHandle};
use actix_service::{IntoServiceFactory as _, map_config};
use actix_web::dev::AppConfig;
use actix_web::web::Data;
use service_kit::http::Envelope;
use service_kit::lifecycle::Lifecycle;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::StartError;
use super::parts::Surface;
use crate::http::{FrontFactory, UpgradeFactory, configure, default_headers};
use crate::listen::{self, HEAD_WITHIN, KEEP_ALIVE};
use crate::settings::Settings;

/// Connections beside the sockets: REST, and those who are told that all places are taken.
const MORE_CONNECTIONS: usize = 1_000;

/// Serves `listener` until the first stage of a shutdown; sockets and open requests then end within the drain.
pub fn spawn(
    listener: TcpListener,
    surface: Surface,
    settings: &Settings,
    lifecycle: &Lifecycle,
) -> Result<(), StartError> {
    let (address, tls) = (listener.local_addr()?, listen::tls(&settings.tls)?);
    let builder = ServerBuilder::new()
        .disable_signals()
        .max_concurrent_connections(settings.limit.max_sockets + MORE_CONNECTIONS)
        .shutdown_timeout(settings.shutdown.hard_stop().as_secs().saturating_sub(1));
    let signal = builder.graceful_shutdown_signal();
    let (state, desk) = (surface.state, surface.desk);
    // One for all workers: identities are unique within the process.
    let envelope = Envelope::new(&desk.random);
    let pulse = lifecycle.pulse();
    let server = builder.listen("public", listener, move || {
        // Each worker has a runtime of its own.
        pulse.also(Handle::current());
        // Twice per worker: for requests, and for those that ask for an upgrade.
        let app = || {
            let app = actix_web::App::new()
                .app_data(Data::from(Arc::clone(&state)))
                .app_data(Data::from(Arc::clone(&desk)))
                .configure(configure)
                .wrap(envelope.clone())
                .wrap(default_headers());
            map_config(app.into_factory(), |()| AppConfig::default())
        };
        let signal = signal.clone();
        let http = HttpService::build()
            .keep_alive(KeepAlive::Timeout(KEEP_ALIVE))
            .client_request_timeout(HEAD_WITHIN)
            .client_disconnect_timeout(Duration::from_secs(1))
            // The default keeps a connection alive after the client's FIN.
            .h1_allow_half_closed(false)
            .graceful_shutdown_signal(move || {
                let signal = signal.clone();
                async move { signal.notified().await }
            })
            .local_addr(address)
            .upgrade(UpgradeFactory {
                app: app(),
                desk: Arc::clone(&desk),
                within: HEAD_WITHIN,
            })
            .h1(app());
        FrontFactory {
            http,
            tls: tls.clone(),
            within: HEAD_WITHIN,
        }
    })?;
    let server = server.run();
    let tasks = lifecycle.tasks();
    tasks.spawn_tracked("http.stop", stop(server.handle(), lifecycle.stopping()));
    tasks.spawn_critical("http.server", server);
    Ok(())
}

/// The listener closes at the first stage of a shutdown; each socket draws its own moment by the same token.
async fn stop(server: ServerHandle, stopping: CancellationToken) {
    stopping.cancelled().await;
    server.stop(true).await;
}
