//! The composition root: settings in, a running ingestor out. Nothing else builds infrastructure.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;

use chrono::TimeDelta;
use farol_core::sync::topology::dead_letter_queue;
use serde_json::{Value, json};
use service_kit::broker::{BrokerMetrics, Consumer, Link, Publisher, UnusableAddress};
use service_kit::clock::Clock;
use service_kit::http_client::OutboundError;
use service_kit::lifecycle::Lifecycle;
use service_kit::metrics::Metrics;
use service_kit::ops::{self, Ops};
use service_kit::pg::{self, PoolOptions};
use service_kit::random::Random;
use service_kit::{COMMIT, VERSION};
use sqlx::PgPool;
use tokio::time::Instant;

use crate::consume::caller::Caller;
use crate::consume::consumer::Listener;
use crate::consume::dead_letters::DeadLetters;
use crate::consume::slots::Slots;
use crate::infra::execution_repo::{ExecutionRepo, UpdateReach};
use crate::infra::items_repo::ItemsRepo;
use crate::infra::pncp_api::PncpApi;
use crate::infra::record_repo::RecordRepo;
use crate::infra::segment_repo::SegmentRepo;
use crate::infra::source_repo::SourceRepo;
use crate::ingest::kit::Kit;
use crate::ingest::pace::Pacer;
use crate::metrics::IngestMetrics;
use crate::settings::{ScopeSettings, Settings};
use crate::source;

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The ops listener cannot be bound or served.
    #[error("cannot listen: {0}")]
    Listen(#[from] io::Error),
    /// A metric is registered twice.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// No TLS for the portal.
    #[error("outbound HTTP: {0}")]
    Outbound(#[from] OutboundError),
    /// `DATABASE_URL` cannot be parsed.
    #[error("DATABASE_URL: {0}")]
    Database(sqlx::Error),
    /// `RABBITMQ_URL` cannot be parsed.
    #[error(transparent)]
    Broker(#[from] UnusableAddress),
}

/// A running ingestor.
pub struct App {
    lifecycle: Lifecycle,
    ops: Ops,
    settings: Settings,
    /// Where operators connect.
    pub ops_address: SocketAddr,
}

/// What the parts of the process share.
struct Ground {
    lifecycle: Lifecycle,
    metrics: Metrics,
    random: Random,
    pool: PgPool,
}

impl App {
    /// Binds the ops listener; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address is taken or not ours.
    pub fn bind(settings: &Settings) -> io::Result<TcpListener> {
        TcpListener::bind((settings.ops.ops_host, settings.ops.ops_port))
    }

    /// Puts the service together and starts it.
    ///
    /// # Errors
    /// [`StartError`]; the database, the broker or the portal being away is none.
    pub fn start(
        settings: Settings,
        listener: TcpListener,
        lifecycle: Lifecycle,
    ) -> Result<Self, StartError> {
        let pool = pg::connect_lazy(&settings.database, PoolOptions::named("ingestor"));
        let ground = Ground {
            metrics: Metrics::new("ingestor", VERSION, COMMIT)?,
            random: Random::system(),
            pool: pool.map_err(StartError::Database)?,
            lifecycle: lifecycle.clone(),
        };
        let kit = Arc::new(kit(&settings, &ground)?);
        let slots = Slots::new(settings.run.run_concurrency, kit.metrics.clone());
        watch(&ground, &kit);
        listen(&settings, &ground, &kit, &slots)?;
        let ops_address = listener.local_addr()?;
        let status = status(Arc::clone(&kit), slots);
        let told = ops::Told {
            metrics: ground.metrics,
            pulse: lifecycle.pulse(),
            readiness: lifecycle.readiness(),
            status,
            openapi: None,
        };
        let ops = ops::spawn(listener, told)?;
        Ok(Self {
            lifecycle,
            ops,
            settings,
            ops_address,
        })
    }

    /// Runs until a signal or a failure, and sees the shutdown through: runs under way are parked.
    pub async fn run_until_stopped(self) -> ExitCode {
        let code = self
            .lifecycle
            .run_until_stopped(&self.settings.shutdown)
            .await;
        // Last, so that the parking can be watched.
        self.ops.stop().await;
        code
    }
}

fn kit(settings: &Settings, ground: &Ground) -> Result<Kit, StartError> {
    let pool = &ground.pool;
    let clock = Clock::system();
    Ok(Kit {
        executions: ExecutionRepo::new(pool.clone(), reach(&settings.scope)),
        segments: SegmentRepo::new(pool.clone(), settings.scope.sync_timezone.0),
        records: RecordRepo::new(pool.clone()),
        items: ItemsRepo::new(pool.clone()),
        api: PncpApi::new(&settings.policy)?,
        pacer: Pacer::new(&settings.policy, clock.clone()),
        worker: format!("ingestor-{}", ground.random.hex(6)),
        clock,
        random: ground.random.clone(),
        metrics: IngestMetrics::register(&ground.metrics)?,
        run: settings.run.clone(),
        scope: settings.scope.clone(),
        policy: settings.policy.clone(),
        drain: settings.shutdown.drain_seconds,
    })
}

fn reach(scope: &ScopeSettings) -> UpdateReach {
    UpdateReach {
        rolling: TimeDelta::minutes(i64::from(scope.rolling_window_minutes)),
        catch_up: TimeDelta::days(i64::from(scope.max_catchup_days)),
        modalidades: scope.pncp_modalidades.ids().to_vec(),
    }
}

/// What looks after the process itself.
fn watch(ground: &Ground, kit: &Kit) {
    let (tasks, stopping) = (ground.lifecycle.tasks(), ground.lifecycle.stopping());
    let latch = ground.lifecycle.readiness().latch("database");
    let random = ground.random.clone();
    let schema = pg::watch_schema(ground.pool.clone(), latch, random, stopping.clone());
    tasks.spawn_critical("database.watch", schema);
    let repo = SourceRepo::new(ground.pool.clone());
    let report = source::report(kit.pacer.clone(), repo, kit.metrics.clone(), stopping);
    tasks.spawn_critical("source.report", report);
}

/// Both ends of the broker, and the loop between them and the runs.
fn listen(
    settings: &Settings,
    ground: &Ground,
    kit: &Arc<Kit>,
    slots: &Slots,
) -> Result<(), StartError> {
    let (tasks, stopping) = (ground.lifecycle.tasks(), ground.lifecycle.stopping());
    let metrics = BrokerMetrics::register(&ground.metrics, "ingest")?;
    let link = |name| Link {
        tasks: tasks.clone(),
        stopping: stopping.clone(),
        latch: ground.lifecycle.readiness().latch(name),
        random: ground.random.clone(),
        metrics: metrics.clone(),
    };
    let queue = &settings.queue.queue_name;
    let dead = dead_letter_queue(queue);
    let publisher = Publisher::start(
        &settings.broker,
        &[&dead],
        "ingestor/publisher",
        link("broker.publisher"),
    )?;
    let listener = Listener {
        consumer: Consumer::start(
            &settings.broker,
            queue,
            1,
            "ingestor/consumer",
            link("broker.consumer"),
        )?,
        caller: Caller {
            kit: Arc::clone(kit),
            slots: slots.clone(),
            tasks: tasks.clone(),
            stopping: stopping.clone(),
        },
        dead_letters: DeadLetters {
            publisher,
            queue: dead,
            clock: kit.clock.clone(),
            random: ground.random.clone(),
        },
        random: ground.random.clone(),
    };
    tasks.spawn_critical("consume", listener.run(stopping));
    Ok(())
}

/// What `/status` answers.
fn status(kit: Arc<Kit>, slots: Slots) -> ops::Status {
    let started = Instant::now();
    Arc::new(move || {
        let source = kit.pacer.source();
        json!({
            "uptime_seconds": started.elapsed().as_secs(),
            "worker": kit.worker,
            "free_slots": slots.free(),
            "runs": Value::from(slots.report()),
            "source": {
                "state": source.state.as_str(),
                "since": source.since,
                "breaker": source.breaker.as_str(),
                "pace_per_second": source.pace_per_second,
            },
        })
    })
}
