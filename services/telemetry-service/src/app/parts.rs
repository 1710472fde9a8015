//! The parts of the service, from settings, and the tasks that keep them going.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use service_kit::clock::Clock;
use service_kit::http_client::{Outbound, OutboundSettings};
use service_kit::jwt::{JwtMetrics, Verifier};
use service_kit::lifecycle::Lifecycle;
use service_kit::metrics::Metrics;
use service_kit::random::Random;
use sqlx::PgPool;
use tokio::time::Instant;

use super::StartError;
use crate::feed::{self, FeedKit, FeedLimits, Feeds, Listening};
use crate::http::{Origins, Reads, State, TenantLimit};
use crate::identity::Gate;
use crate::infra::alert_repo::AlertRepo;
use crate::infra::device_repo::DeviceRepo;
use crate::infra::hint_repo::HintRepo;
use crate::infra::partition_repo::PartitionRepo;
use crate::infra::telemetry_influx_api::InfluxTelemetry;
use crate::infra::telemetry_pg_repo::PgTelemetry;
use crate::infra::ticket_repo::TicketRepo;
use crate::keeper;
use crate::metrics::TelemetryMetrics;
use crate::settings::{Push, Settings, StoreKind};
use crate::store::TelemetryStore;
use crate::tickets::Tickets;
use crate::ws::{Desk, Patience, Seats};

/// Longer than any source takes by its own deadline: the last word against one that forgot it.
const QUERY_WITHIN: Duration = Duration::from_secs(10);

/// What everything is made of.
pub struct Parts<'a> {
    pub settings: &'a Settings,
    pub pool: PgPool,
    pub metrics: &'a Metrics,
    pub lifecycle: &'a Lifecycle,
    pub clock: Clock,
    pub random: Random,
}

/// What the public listener serves, and what `/status` shows of it.
pub struct Surface {
    pub state: Arc<State>,
    pub desk: Arc<Desk>,
    pub overview: Overview,
}

impl Parts<'_> {
    /// Builds everything, and starts the tasks that work in the background.
    pub fn assemble(&self) -> Result<Surface, StartError> {
        let settings = self.settings;
        // Both are the operator's own addresses, often private ones.
        let outbound = Outbound::new(&OutboundSettings {
            upstream_allow_private: true,
            ..OutboundSettings::default()
        })?;
        let gate = self.gate(outbound.clone())?;
        let store = self.store(outbound)?;
        let metrics = TelemetryMetrics::register(self.metrics, settings.limit.max_sockets)?;
        let feeds = self.feeds(Arc::clone(&store), metrics.clone());
        let listening = Listening::default();
        self.start_tasks(&feeds, &listening);
        let tickets = Tickets {
            repo: TicketRepo::new(self.pool.clone()),
        };
        let origins = Origins::new(&settings.socket.allowed_origins);
        let limit = &settings.limit;
        let open = metrics.sockets_open.clone();
        let seats = Seats::new(limit.max_sockets, limit.max_sockets_per_tenant, open);
        let state = Arc::new(State {
            gate: gate.clone(),
            tickets,
            requests: TenantLimit::new(limit.tenant_requests_per_minute as usize),
            reads: Reads::default(),
            // All sockets of a tenant may come back at once after a restart, each for a ticket.
            ticket_requests: TenantLimit::new(limit.max_sockets_per_tenant.saturating_mul(2)),
            origins,
            store,
            devices: DeviceRepo::new(self.pool.clone()),
            alerts: AlertRepo::new(self.pool.clone()),
        });
        let desk = Arc::new(Desk {
            gate,
            feeds: feeds.clone(),
            seats: seats.clone(),
            metrics,
            clock: self.clock.clone(),
            random: self.random.clone(),
            stopping: self.lifecycle.stopping(),
            patience: Patience {
                ping: settings.socket.ws_ping_ms,
                pong: settings.socket.ws_pong_ms,
                write: settings.socket.write_deadline_seconds,
            },
            drain: settings.shutdown.drain_seconds,
            repeats: settings.feed.ws_push == Push::Interval,
        });
        let overview = Overview {
            feeds,
            seats,
            listening,
        };
        Ok(Surface {
            state,
            desk,
            overview,
        })
    }

    fn gate(&self, outbound: Outbound) -> Result<Gate, StartError> {
        let metrics = JwtMetrics::register(self.metrics, "telemetry")?;
        let clock = self.clock.clone();
        let identity = &self.settings.identity;
        let verifier = Verifier::new(identity, outbound, clock, self.lifecycle, metrics)?;
        let keys = self.lifecycle.readiness().latch("keys");
        Ok(Gate::new(verifier.ok_or(StartError::NoIdentity)?, keys))
    }

    fn store(&self, outbound: Outbound) -> Result<Arc<dyn TelemetryStore>, StartError> {
        let settings = &self.settings.store;
        match settings.telemetry_store {
            StoreKind::Postgres => Ok(Arc::new(PgTelemetry::new(self.pool.clone()))),
            StoreKind::Influxdb => {
                let url = settings.influxdb_url.as_ref().ok_or(StartError::NoStore)?;
                let token = settings.influxdb_token.as_ref();
                let influx = InfluxTelemetry::new(outbound, url, token, settings.influxdb_api)?;
                Ok(Arc::new(influx))
            }
        }
    }

    fn feeds(&self, store: Arc<dyn TelemetryStore>, metrics: TelemetryMetrics) -> Feeds {
        let settings = &self.settings.feed;
        Feeds::new(FeedKit {
            store,
            alerts: AlertRepo::new(self.pool.clone()),
            clock: self.clock.clone(),
            random: self.random.clone(),
            tasks: self.lifecycle.tasks(),
            stopping: self.lifecycle.stopping(),
            metrics,
            limits: FeedLimits {
                interval: settings.ws_poll_seconds,
                spacing: settings.ws_hint_ms,
                query_within: QUERY_WITHIN,
                devices: settings.max_watched_devices,
            },
        })
    }

    fn start_tasks(&self, feeds: &Feeds, listening: &Listening) {
        let tasks = self.lifecycle.tasks();
        let hints = HintRepo::new(self.pool.clone());
        let listen = feed::listen(feeds.clone(), hints, listening.clone());
        tasks.spawn_critical("feed.hints", listen);
        if self.settings.store.telemetry_store == StoreKind::Postgres {
            let partitions = PartitionRepo::new(self.pool.clone());
            let latch = self.lifecycle.readiness().latch("partitions");
            let stopping = self.lifecycle.stopping();
            let keep = keeper::keep(partitions, latch, self.random.clone(), stopping);
            tasks.spawn_critical("telemetry.parts", keep);
        }
    }
}

/// What `/status` shows.
#[derive(Clone)]
pub struct Overview {
    feeds: Feeds,
    seats: Seats,
    listening: Listening,
}

impl Overview {
    /// Each tenant that has a socket or is watched, and whether hints are heard.
    pub fn read(&self, started: Instant) -> Value {
        let sockets = self.seats.by_tenant();
        let mut tenants = self.feeds.overview();
        for tenant in sockets.keys() {
            tenants
                .entry(tenant.clone())
                .or_insert_with(feed::unwatched);
        }
        for (tenant, told) in &mut tenants {
            told["sockets"] = json!(sockets.get(tenant).copied().unwrap_or_default());
        }
        json!({
            "uptime_seconds": started.elapsed().as_secs(),
            "sockets": sockets.values().sum::<usize>(),
            "hints": self.listening.overview(),
            "tenants": tenants,
        })
    }
}
