//! The composition root: settings in, a running service out. Nothing else builds infrastructure.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;

use gateway_client::GatewayError;
use serde_json::json;
use service_kit::broker::UnusableAddress;
use service_kit::http_client::OutboundError;
use service_kit::jwt::UnusableIdentity;
use service_kit::lifecycle::Lifecycle;
use service_kit::metrics::Metrics;
use service_kit::ops::{self, Ops};
use service_kit::pg::{self, PoolOptions};
use service_kit::random::Random;
use service_kit::{COMMIT, VERSION};
use sqlx::PgPool;
use tokio::time::Instant;

use crate::infra::mail::UnusableMail;
use crate::monitor::Board;
use crate::settings::Settings;

mod backstage;
mod bearer;
mod door;
mod live;
mod machinery;
mod neighbours;
mod serve;
mod surface;
mod trials;

use backstage::Backstage;
use machinery::Machinery;

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
    /// `RABBITMQ_URL` cannot be read.
    #[error(transparent)]
    Broker(#[from] UnusableAddress),
    /// No TLS for webhooks.
    #[error("outbound HTTP: {0}")]
    Outbound(#[from] OutboundError),
    /// The gateway cannot be asked.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The settings of tokens contradict each other.
    #[error(transparent)]
    Identity(#[from] UnusableIdentity),
    /// The settings of mail cannot be used.
    #[error(transparent)]
    Mail(#[from] UnusableMail),
}

/// The sockets of the service; whoever starts it owns them, so tests know the ports.
pub struct Listeners {
    /// For operators and their programs.
    pub public: TcpListener,
    /// For whoever runs the service.
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
            public: TcpListener::bind(public)?,
            ops: TcpListener::bind(ops)?,
        })
    }
}

/// A running service.
pub struct App {
    lifecycle: Lifecycle,
    ops: Ops,
    settings: Settings,
    /// Where operators connect.
    pub public_address: SocketAddr,
    /// Where metrics and health are.
    pub ops_address: SocketAddr,
}

impl App {
    /// Puts the service together and starts it.
    ///
    /// # Errors
    /// [`StartError`]; the database or the broker being away is none.
    pub fn start(
        settings: Settings,
        listeners: Listeners,
        lifecycle: Lifecycle,
    ) -> Result<Self, StartError> {
        let started = Instant::now();
        let metrics = Metrics::new("admin-sync-service", VERSION, COMMIT)?;
        let random = Random::system();
        let options = PoolOptions::named("admin-sync-service");
        let pool = pg::connect_lazy(&settings.database, options).map_err(StartError::Database)?;
        let machinery = Machinery {
            settings: &settings,
            pool: pool.clone(),
            metrics: &metrics,
            lifecycle: &lifecycle,
            random: random.clone(),
        };
        let neighbours = machinery.start_neighbours()?;
        let (bell, board, publisher) = machinery.start(&neighbours)?;
        let live = machinery.start_live()?;
        let backstage = Backstage {
            system: machinery.system(neighbours.clone(), board.clone(), started),
            dead_letters: machinery.dead_letters(publisher)?,
            trials: machinery.trials()?,
            neighbours,
        };
        let verifier = machinery.verifier()?;
        let state = surface::state(
            &settings,
            &pool,
            bell,
            live,
            backstage,
            verifier,
            lifecycle.clock(),
        );

        watch_database(pool, random, &lifecycle);

        let (public_address, ops_address) =
            (listeners.public.local_addr()?, listeners.ops.local_addr()?);
        serve::spawn(listeners.public, state, &settings, &lifecycle)?;
        let told = ops::Told {
            metrics,
            pulse: lifecycle.pulse(),
            readiness: lifecycle.readiness(),
            status: status(board, started),
            openapi: None,
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

/// Ready once the schema is there, and as long as it can be asked for.
fn watch_database(pool: PgPool, random: Random, lifecycle: &Lifecycle) {
    let schema = lifecycle.readiness().latch("database");
    let watch = pg::watch_schema(pool, schema, random, lifecycle.stopping());
    lifecycle.tasks().spawn_critical("database.watch", watch);
}

/// What `/status` says: the board, and how long it has been there.
fn status(board: Board, started: Instant) -> ops::Status {
    Arc::new(move || {
        let mut status = board.read();
        status["uptime_seconds"] = json!(started.elapsed().as_secs());
        status
    })
}
