//! The public listener: its socket options, and what serves its connections with
//! and without TLS.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, KeepAlive};
use actix_server::{GracefulShutdownSignal, ServerBuilder};
use actix_service::{IntoServiceFactory as _, ServiceFactory, map_config};
use actix_web::dev::AppConfig;
use actix_web::web::Data;
use service_kit::http::Envelope;
use service_kit::lifecycle::Pulse;
use service_kit::settings::TlsSettings;
use service_kit::tls::UnusableCertificate;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::runtime::Handle;
use tokio_rustls::TlsAcceptor;

use crate::connection::Pace;
use crate::http::{State, configure, default_headers};
use crate::settings::StreamSettings;
use crate::wire::{Connection, Door, Socketed, SplitFactory};

/// Connections that the kernel keeps for us while we are busy: a reconnect storm.
const BACKLOG: i32 = 4096;
/// An idle connection is kept for this long.
pub const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Binds the public listener. Connections inherit its options.
///
/// # Errors
/// When the address is taken or not ours.
pub fn bind(address: SocketAddr, settings: &StreamSettings) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_send_buffer_size(settings.stream_sndbuf_bytes)?;
    socket.set_tcp_nodelay(true)?;
    #[cfg(target_os = "linux")]
    {
        // The kernel takes a frame when all before it are on their way: a reader
        // that stands still is seen at its second frame, and old ones are not hoarded.
        socket.set_tcp_notsent_lowat(1)?;
        // For readers that vanished, and for the connections that actix writes: it
        // does not poll a body while its own buffer is full.
        socket.set_tcp_user_timeout(Some(settings.write_deadline_seconds))?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// What serves the connections.
pub struct Served {
    /// For actix.
    pub state: Arc<State>,
    /// For our stream writer, and in front of both.
    pub door: Arc<Door>,
    /// Looks after the workers.
    pub pulse: Pulse,
}

impl Served {
    /// Serves `listener`: streams over plain HTTP/1.1 by our own writer, everything
    /// else by actix.
    ///
    /// # Errors
    /// When the listener cannot be used.
    pub fn on(self, builder: ServerBuilder, listener: TcpListener) -> io::Result<ServerBuilder> {
        let address = listener.local_addr()?;
        let signal = builder.graceful_shutdown_signal();
        let Self { state, door, pulse } = self;
        builder.listen("public", listener, move || {
            // Each worker has a runtime of its own.
            pulse.also(Handle::current());
            SplitFactory {
                http: http_service(&state, door.head_within, address, signal.clone()),
                door: Arc::clone(&door),
            }
        })
    }
}

/// actix's HTTP service over the routes.
fn http_service(
    state: &Arc<State>,
    head_within: Duration,
    address: SocketAddr,
    signal: GracefulShutdownSignal,
) -> impl ServiceFactory<
    Connection,
    Config = (),
    Response = (),
    Error = DispatchError,
    InitError = (),
    Service: 'static,
    Future: 'static,
> + use<> {
    let state = Arc::clone(state);
    let app = actix_web::App::new()
        .app_data(Data::from(Arc::clone(&state)))
        .configure(|app| configure(&state, app))
        .wrap(Envelope::new(state.public.random()))
        .wrap(default_headers())
        .wrap(Pace);
    HttpService::build()
        .keep_alive(KeepAlive::Timeout(KEEP_ALIVE))
        .client_request_timeout(head_within)
        .client_disconnect_timeout(Duration::from_secs(1))
        // The default keeps a stream alive after the client's FIN.
        .h1_allow_half_closed(false)
        .graceful_shutdown_signal(move || {
            let signal = signal.clone();
            async move { signal.notified().await }
        })
        .local_addr(address)
        .on_connect_ext(|io: &Socketed, data| {
            data.insert(io.traffic().clone());
        })
        .finish(map_config(app.into_factory(), |()| AppConfig::default()))
}

/// The certificate of the settings, if there is one.
///
/// # Errors
/// When its files cannot be read or used.
pub fn tls(settings: &TlsSettings) -> Result<Option<TlsAcceptor>, UnusableCertificate> {
    let config = service_kit::tls::server(settings, &[b"h2", b"http/1.1"])?;
    Ok(config.map(TlsAcceptor::from))
}
