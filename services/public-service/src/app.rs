//! The composition root: settings in, a running service out. Nothing else
//! builds infrastructure.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use actix_server::{Server, ServerBuilder};
use client_api::ClientApi;
use service_kit::clock::Clock;
use service_kit::http_client::{Outbound, OutboundError};
use service_kit::lifecycle::Lifecycle;
use service_kit::metrics::Metrics;
use service_kit::ops::{self, Ops};
use service_kit::pg::{self, PoolOptions};
use service_kit::proxies::TrustedProxies;
use service_kit::random::Random;
use service_kit::tls::UnusableCertificate;
use service_kit::{COMMIT, VERSION};

use crate::http::State;
use crate::infra::project_repo::ProjectRepo;
use crate::limits::{RefreshLimit, Seats};
use crate::listen::{self, Served};
use crate::metrics::StatusMetrics;
use crate::public::{Public, PublicLimits};
use crate::reload;
use crate::settings::Settings;
use crate::status::{Kit, ProjectLimits};
use crate::wire::Door;

/// A client that sends no complete head for this long is dropped.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// Pause before a poller that died of a bug goes on.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener cannot be bound or served.
    #[error("cannot listen: {0}")]
    Listen(#[from] io::Error),
    /// A metric is registered twice.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// No TLS for client APIs.
    #[error("outbound HTTP: {0}")]
    Outbound(#[from] OutboundError),
    /// `DATABASE_URL` cannot be parsed.
    #[error("DATABASE_URL: {0}")]
    Database(sqlx::Error),
    /// `TLS_CERT_FILE` and `TLS_KEY_FILE` cannot be used.
    #[error("TLS: {0}")]
    Tls(#[from] UnusableCertificate),
}

/// The sockets of the service; whoever starts it owns them, so tests know the ports.
pub struct Listeners {
    /// For viewers.
    pub public: TcpListener,
    /// For operators.
    pub ops: TcpListener,
}

impl Listeners {
    /// Binds what the settings say; port 0 takes a free one.
    ///
    /// # Errors
    /// When an address is taken or not ours.
    pub fn bind(settings: &Settings) -> io::Result<Self> {
        let public = SocketAddr::new(settings.listen.host, settings.listen.port);
        let ops = SocketAddr::new(settings.ops.ops_host, settings.ops.ops_port);
        Ok(Self {
            public: listen::bind(public, &settings.stream)?,
            ops: TcpListener::bind(ops)?,
        })
    }
}

/// A running service.
pub struct App {
    lifecycle: Lifecycle,
    ops: Ops,
    settings: Settings,
    /// Where viewers connect.
    pub public_address: SocketAddr,
    /// Where operators connect.
    pub ops_address: SocketAddr,
}

impl App {
    /// Puts the service together and starts it.
    ///
    /// # Errors
    /// [`StartError`]; the database being away is none.
    pub fn start(
        settings: Settings,
        listeners: Listeners,
        lifecycle: Lifecycle,
    ) -> Result<Self, StartError> {
        let metrics = Metrics::new("public-service", VERSION, COMMIT)?;
        let (clock, random) = (Clock::system(), Random::system());
        let options = PoolOptions {
            read_only: true,
            ..PoolOptions::named("public-service")
        };
        let pool = pg::connect_lazy(&settings.database, options).map_err(StartError::Database)?;
        let kit = kit(&settings, &metrics, &lifecycle, clock, random.clone())?;
        let repo = ProjectRepo::new(pool.clone());
        let limits = PublicLimits {
            seats: Seats::new(
                settings.limit.max_streams,
                settings.limit.max_streams_per_ip,
            ),
            refreshes: RefreshLimit::new(settings.limit.refresh_per_minute),
            drain_window: settings.shutdown.drain_seconds,
        };
        let public = Arc::new(Public::new(repo, kit, limits));

        let tasks = lifecycle.tasks();
        let schema = lifecycle.readiness().latch("database");
        let watch = pg::watch_schema(pool, schema, random, lifecycle.stopping());
        tasks.spawn_critical("database.watch", watch);
        let every = settings.source.settings_reload_seconds;
        let reload = reload::run(Arc::clone(&public), every, lifecycle.stopping());
        tasks.spawn_critical("status.reload", reload);

        let (public_address, ops_address) =
            (listeners.public.local_addr()?, listeners.ops.local_addr()?);
        let server = serve(&settings, listeners.public, &public, &lifecycle)?;
        let stop = stop_listening(server.handle(), Arc::clone(&public), lifecycle.clone());
        tasks.spawn_tracked("http.stop", stop);
        tasks.spawn_critical("http.server", server);
        let started = tokio::time::Instant::now();
        let status = Arc::new(move || public.overview(started));
        let told = ops::Told {
            metrics,
            pulse: lifecycle.pulse(),
            readiness: lifecycle.readiness(),
            status,
            openapi: Some(crate::http::document().into()),
        };
        let ops = ops::spawn(listeners.ops, told)?;
        tracing::info!(listener = "public", address = %public_address, "listening");
        Ok(Self {
            lifecycle,
            ops,
            settings,
            public_address,
            ops_address,
        })
    }

    /// Runs until a signal or a failure, and sees the shutdown through.
    pub async fn run_until_stopped(self) -> ExitCode {
        let code = self
            .lifecycle
            .run_until_stopped(&self.settings.shutdown)
            .await;
        // Last, so that a drain can be watched.
        self.ops.stop().await;
        code
    }
}

fn kit(
    settings: &Settings,
    metrics: &Metrics,
    lifecycle: &Lifecycle,
    clock: Clock,
    random: Random,
) -> Result<Arc<Kit>, StartError> {
    let outbound = Outbound::new(&settings.outbound)?;
    Ok(Arc::new(Kit {
        client_api: ClientApi::new(outbound, clock.clone()),
        metrics: StatusMetrics::register(metrics, settings.limit.max_streams)?,
        clock,
        random,
        tasks: lifecycle.tasks(),
        stopping: lifecycle.stopping(),
        limits: ProjectLimits {
            cache_ttl: settings.source.cache_ttl_seconds,
            linger: settings.source.poll_linger_seconds,
            ping: settings.stream.ping_seconds,
            restart_pause: RESTART_PAUSE,
            refresh_min: settings.limit.refresh_min_seconds,
            replay: settings.stream.replay_ring,
            drain: settings.shutdown.drain_seconds,
        },
        reading: settings.integration.reading(),
    }))
}

fn serve(
    settings: &Settings,
    listener: TcpListener,
    public: &Arc<Public>,
    lifecycle: &Lifecycle,
) -> Result<Server, StartError> {
    let proxies = TrustedProxies::new(&settings.limit.trusted_proxies);
    let served = Served {
        pulse: lifecycle.pulse(),
        state: Arc::new(State {
            public: Arc::clone(public),
            proxies: proxies.clone(),
            index: settings.page.viewer_index,
        }),
        door: Arc::new(Door {
            public: Arc::clone(public),
            proxies,
            tls: listen::tls(&settings.tls)?,
            write_deadline: settings.stream.write_deadline_seconds,
            head_within: HEAD_WITHIN,
            idle: listen::KEEP_ALIVE,
            stopping: lifecycle.stopping(),
        }),
    };
    let builder = ServerBuilder::new()
        .disable_signals()
        .max_concurrent_connections(settings.limit.max_streams + 1_000)
        // Whoever takes nothing cannot be told to leave, and must not turn a
        // drain into a failure: actix lets go of them before the hard stop.
        .shutdown_timeout(settings.shutdown.hard_stop().as_secs().saturating_sub(1));
    Ok(served.on(builder, listener)?.run())
}

/// At the first stage of a shutdown: the listener closes first, then the streams
/// are told; a viewer that reconnects at once is refused by the kernel.
async fn stop_listening(
    server: actix_server::ServerHandle,
    public: Arc<Public>,
    lifecycle: Lifecycle,
) {
    lifecycle.stopping().cancelled().await;
    let stopped = server.stop(true);
    public.projects.drain();
    stopped.await;
}
