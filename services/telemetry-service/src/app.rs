//! The composition root: settings in, a running service out. Nothing else builds infrastructure.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;

use service_kit::clock::Clock;
use service_kit::http_client::OutboundError;
use service_kit::jwt::UnusableIdentity;
use service_kit::lifecycle::Lifecycle;
use service_kit::metrics::Metrics;
use service_kit::ops::{self, Ops};
use service_kit::pg::{self, PoolOptions};
use service_kit::random::Random;
use service_kit::tls::UnusableCertificate;
use service_kit::{COMMIT, VERSION};

use crate::infra::influx_api::UnusableToken;
use crate::listen;
use crate::settings::Settings;

mod parts;
mod serve;

use parts::Parts;

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener cannot be bound or served.
    #[error("cannot listen: {0}")]
    Listen(#[from] io::Error),
    /// A metric is registered twice.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// `DATABASE_URL` cannot be parsed.
    #[error("DATABASE_URL: {0}")]
    Database(sqlx::Error),
    /// No TLS for the key server or the store.
    #[error("outbound HTTP: {0}")]
    Outbound(#[from] OutboundError),
    /// Nobody's tokens can be believed.
    #[error(transparent)]
    Identity(#[from] UnusableIdentity),
    /// No settings say whose tokens are believed.
    #[error("whose tokens are believed? KEYCLOAK_PUBLIC_URL, JWT_JWKS_URL or JWT_HS256_SECRET")]
    NoIdentity,
    /// `TELEMETRY_STORE` is influxdb, and there is no `INFLUXDB_URL`.
    #[error("INFLUXDB_URL is required where TELEMETRY_STORE is influxdb")]
    NoStore,
    /// `INFLUXDB_TOKEN` cannot be sent.
    #[error("INFLUXDB_TOKEN: {0}")]
    Token(#[from] UnusableToken),
    /// `TLS_CERT_FILE` and `TLS_KEY_FILE` cannot be used.
    #[error("TLS: {0}")]
    Tls(#[from] UnusableCertificate),
}

/// The sockets of the service; whoever starts it owns them, so tests know the ports.
pub struct Listeners {
    /// For clients.
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
        Ok(Self {
            public: listen::bind(public, &settings.socket)?,
            ops: TcpListener::bind((settings.ops.ops_host, settings.ops.ops_port))?,
        })
    }
}

/// A running service.
pub struct App {
    lifecycle: Lifecycle,
    ops: Ops,
    settings: Settings,
    /// Where clients connect.
    pub public_address: SocketAddr,
    /// Where operators connect.
    pub ops_address: SocketAddr,
}

impl App {
    /// Puts the service together and starts it.
    ///
    /// # Errors
    /// [`StartError`]; the database, the store or the key server being away is none.
    pub fn start(
        settings: Settings,
        listeners: Listeners,
        lifecycle: Lifecycle,
    ) -> Result<Self, StartError> {
        let metrics = Metrics::new("telemetry-service", VERSION, COMMIT)?;
        let options = PoolOptions::named("telemetry-service");
        let pool = pg::connect_lazy(&settings.database, options).map_err(StartError::Database)?;
        let parts = Parts {
            settings: &settings,
            pool: pool.clone(),
            metrics: &metrics,
            lifecycle: &lifecycle,
            clock: Clock::system(),
            random: Random::system(),
        };
        let surface = parts.assemble()?;
        let schema = lifecycle.readiness().latch("database");
        let watch = pg::watch_schema(pool, schema, Random::system(), lifecycle.stopping());
        lifecycle.tasks().spawn_critical("database.watch", watch);

        let (public_address, ops_address) =
            (listeners.public.local_addr()?, listeners.ops.local_addr()?);
        let overview = surface.overview.clone();
        serve::spawn(listeners.public, surface, &settings, &lifecycle)?;
        let started = tokio::time::Instant::now();
        let status = Arc::new(move || overview.read(started));
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
