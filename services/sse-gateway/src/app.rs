//! The composition root: settings in, a running gateway out. Nothing else builds infrastructure.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;

use service_kit::clock::Clock;
use service_kit::http_client::shown;
use service_kit::lifecycle::Lifecycle;
use service_kit::metrics::Metrics;
use service_kit::ops::{self, Ops};
use service_kit::random::Random;
use service_kit::{COMMIT, VERSION};
use tokio::sync::Semaphore;

use crate::http::{self, Door, Gate};
use crate::infra::backend_api::{BackendApi, BadBackend};
use crate::metrics::GatewayMetrics;
use crate::session::{Limits, Sessions, Style};
use crate::settings::Settings;

/// Sockets of a listener beyond those of streams: sends, probes, and those who are told that all places are taken.
const MORE_SOCKETS: usize = 1_000;

/// Why the gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener cannot be bound or served.
    #[error("cannot listen: {0}")]
    Listen(#[from] io::Error),
    /// A metric is registered twice.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// The backend cannot be called.
    #[error("CALLBACK_URL: {0}")]
    Backend(#[from] BadBackend),
}

/// The sockets of the gateway; whoever starts it owns them, so tests know the ports.
pub struct Listeners {
    /// For clients; for the backend too, unless it has its own.
    pub public: TcpListener,
    /// For the backend.
    pub internal: Option<TcpListener>,
    /// For operators.
    pub ops: TcpListener,
}

impl Listeners {
    /// Binds what the settings say; port 0 takes a free one.
    ///
    /// # Errors
    /// When an address is taken or not ours.
    pub fn bind(settings: &Settings) -> io::Result<Self> {
        let internal = &settings.internal;
        let internal = internal
            .internal_port
            .map(|port| SocketAddr::new(internal.internal_host, port));
        Ok(Self {
            public: http::bind(SocketAddr::new(settings.listen.host, settings.listen.port))?,
            internal: internal.map(http::bind).transpose()?,
            ops: TcpListener::bind((settings.ops.ops_host, settings.ops.ops_port))?,
        })
    }
}

/// A running gateway.
pub struct App {
    lifecycle: Lifecycle,
    ops: Ops,
    sessions: Arc<Sessions>,
    settings: Settings,
    /// Where clients connect.
    pub public_address: SocketAddr,
    /// Where the backend sends.
    pub internal_address: SocketAddr,
    /// Where operators connect.
    pub ops_address: SocketAddr,
}

impl App {
    /// Puts the gateway together and starts it.
    ///
    /// # Errors
    /// [`StartError`]; the backend being away is none.
    pub fn start(
        settings: Settings,
        listeners: Listeners,
        lifecycle: Lifecycle,
    ) -> Result<Self, StartError> {
        let metrics = Metrics::new("sse-gateway", VERSION, COMMIT)?;
        let most = settings.stream.max_connections;
        let gateway_metrics = GatewayMetrics::register(&metrics, most)?;
        let sessions = sessions(&settings, &gateway_metrics, &lifecycle)?;
        let gate = gate(&settings, &sessions, gateway_metrics, &lifecycle);

        let public_address = listeners.public.local_addr()?;
        let ops_address = listeners.ops.local_addr()?;
        let (door, internal_address) = match listeners.internal {
            Some(internal) => {
                let address = internal.local_addr()?;
                serve(internal, Door::Internal, &gate, &lifecycle)?;
                tracing::info!(listener = "internal", %address, "listening");
                (Door::Public, address)
            }
            None => (Door::Both, public_address),
        };
        if door == Door::Both && gate.secret.is_none() && !public_address.ip().is_loopback() {
            tracing::warn!(
                "whoever reaches PORT may list all tokens and send to them: set INTERNAL_PORT or INTERNAL_SECRET"
            );
        }
        serve(listeners.public, door, &gate, &lifecycle)?;
        let counted = Arc::clone(&sessions);
        let started = tokio::time::Instant::now();
        let status = Arc::new(move || status(&counted, started));
        let told = ops::Told {
            metrics,
            pulse: lifecycle.pulse(),
            readiness: lifecycle.readiness(),
            status,
            openapi: None,
        };
        let ops = ops::spawn(listeners.ops, told)?;
        tracing::info!(listener = "public", address = %public_address, "listening");
        Ok(Self {
            lifecycle,
            ops,
            sessions,
            settings,
            public_address,
            internal_address,
            ops_address,
        })
    }

    /// Runs until a signal or a failure, and sees the shutdown through. Exit 1 where a disconnect was told to nobody.
    pub async fn run_until_stopped(self) -> ExitCode {
        let code = self
            .lifecycle
            .run_until_stopped(&self.settings.shutdown)
            .await;
        // Last, so that a drain can be watched.
        self.ops.stop().await;
        match self.sessions.untold() + self.sessions.unsettled() {
            0 => code,
            untold => {
                tracing::error!(
                    untold,
                    "stopped, and the backend does not know of all disconnects"
                );
                ExitCode::FAILURE
            }
        }
    }
}

fn sessions(
    settings: &Settings,
    metrics: &GatewayMetrics,
    lifecycle: &Lifecycle,
) -> Result<Arc<Sessions>, StartError> {
    let url = settings.callback.url();
    let latch = lifecycle.readiness().latch("backend");
    match &url {
        Some(url) => {
            tracing::info!(backend = shown(url.as_str()), "the backend");
            latch.ready();
        }
        None => latch.not_ready("CALLBACK_URL is not set"),
    }
    let limits = Limits {
        timeout: settings.callback.timeout(),
        settle: settings.callback.settle(),
        retry_for: settings.callback.callback_retry_seconds,
        retry_pause: settings.callback.callback_retry_ms,
        send_buffer: settings.stream.send_buffer_bytes,
        most: settings.stream.max_connections,
        drain: settings.shutdown.drain_seconds,
    };
    Ok(Arc::new(Sessions::new(
        BackendApi::new(url.as_ref())?,
        Style(settings.stream.event_format),
        limits,
        metrics.clone(),
        lifecycle,
    )))
}

fn gate(
    settings: &Settings,
    sessions: &Arc<Sessions>,
    metrics: GatewayMetrics,
    lifecycle: &Lifecycle,
) -> Arc<Gate> {
    Arc::new(Gate {
        sessions: Arc::clone(sessions),
        reject: settings.stream.reject_mode,
        heartbeat: settings.stream.heartbeat_interval_seconds,
        secret: settings.internal.internal_secret.clone(),
        access_log: settings.access.access_log,
        drain: settings.shutdown.drain_seconds,
        metrics,
        random: Random::system(),
        clock: Clock::system(),
        stopping: lifecycle.stopping(),
    })
}

fn serve(
    listener: TcpListener,
    door: Door,
    gate: &Arc<Gate>,
    lifecycle: &Lifecycle,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let tasks = lifecycle.tasks();
    let places = Arc::new(Semaphore::new(gate.sessions.limits.most + MORE_SOCKETS));
    let listen = http::listen(listener, door, Arc::clone(gate), places, tasks.clone());
    tasks.spawn_critical("http.listener", listen);
    Ok(())
}

/// `/status` of the ops listener.
fn status(sessions: &Sessions, started: tokio::time::Instant) -> serde_json::Value {
    serde_json::json!({
        "connections": sessions.len(),
        "connecting": sessions.unsettled(),
        "disconnects_pending": sessions.untold(),
        "configured": sessions.is_configured(),
        "uptime_seconds": started.elapsed().as_secs(),
    })
}
