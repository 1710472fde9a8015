//! What works in the background: relay, duties of the leader, crier, monitor. Built here, each with its own ways out.

use std::time::Duration;

use service_kit::broker::{BrokerMetrics, Link};
use service_kit::http_client::{Outbound, OutboundSettings};
use service_kit::lifecycle::Lifecycle;
use service_kit::metrics::Metrics;
use service_kit::random::Random;
use service_kit::settings::Secret;
use sqlx::PgPool;

use super::StartError;
use crate::alerts::{Channel, Crier, Watch, WatchRules};
use crate::infra::figure_repo::FigureRepo;
use crate::infra::finding_repo::FindingRepo;
use crate::infra::incident_repo::IncidentRepo;
use crate::infra::keeper_repo::KeeperRepo;
use crate::infra::leader_repo::LeaderRepo;
use crate::infra::mail::Mail;
use crate::infra::outbox_repo::OutboxRepo;
use crate::infra::publisher::Publisher;
use crate::infra::schedule_repo::ScheduleRepo;
use crate::infra::sweep_repo::SweepRepo;
use crate::infra::sync_state_repo::SyncStateRepo;
use crate::infra::webhook_api::Webhook;
use crate::metrics::{AlertMetrics, KeeperMetrics, MonitorMetrics};
use crate::monitor::{Board, Monitor};
use crate::neighbours::{Neighbours, SyncState};
use crate::outbox::{Bell, Relay};
use crate::settings::{AlertSettings, Settings};
use crate::sync::{Duties, Reaper, Reconciler, Schedule};

/// Figures are never older than this.
const FIGURES_EVERY: Duration = Duration::from_secs(5);

/// What every part is built from.
pub struct Machinery<'a> {
    /// All settings.
    pub settings: &'a Settings,
    /// The database.
    pub pool: PgPool,
    /// Where figures go.
    pub metrics: &'a Metrics,
    /// Where tasks run.
    pub lifecycle: &'a Lifecycle,
    /// Spreads attempts.
    pub random: Random,
}

impl Machinery<'_> {
    /// Starts all of it. Gives the bell of the relay, the board that `/status` reads, and the way to the broker.
    ///
    /// # Errors
    /// Settings that cannot be used.
    pub fn start(&self, neighbours: &Neighbours) -> Result<(Bell, Board, Publisher), StartError> {
        let (tasks, stopping) = (self.lifecycle.tasks(), self.lifecycle.stopping());
        let outbox = OutboxRepo::new(self.pool.clone());
        let bell = Bell::new(outbox.clone());
        let publisher = self.publisher()?;
        let board = Board::default();
        let relay = Relay {
            outbox: outbox.clone(),
            publisher: publisher.clone(),
            bell: bell.clone(),
            random: self.random.clone(),
        };
        let monitor = Monitor {
            figures: FigureRepo::new(self.pool.clone()),
            outbox,
            publisher: publisher.clone(),
            metrics: MonitorMetrics::register(self.metrics)?,
            board: board.clone(),
            every: FIGURES_EVERY.min(self.settings.keeper.keeper_tick_ms),
        };
        tasks.spawn_critical("outbox.relay", relay.run(stopping.clone()));
        tasks.spawn_critical(
            "sync.duties",
            self.duties(publisher.clone(), &bell, neighbours.clone())?
                .run(stopping.clone()),
        );
        tasks.spawn_critical("alerts.crier", self.crier()?.run(stopping.clone()));
        tasks.spawn_critical("monitor", monitor.run(stopping));
        Ok((bell, board, publisher))
    }

    fn publisher(&self) -> Result<Publisher, StartError> {
        let link = Link {
            tasks: self.lifecycle.tasks(),
            stopping: self.lifecycle.stopping(),
            latch: self.lifecycle.readiness().latch("broker"),
            random: self.random.clone(),
            metrics: BrokerMetrics::register(self.metrics, "admin")?,
        };
        let queue = &self.settings.queue.queue_name;
        Ok(Publisher::start(&self.settings.broker, queue, link)?)
    }

    fn duties(
        &self,
        publisher: Publisher,
        bell: &Bell,
        neighbours: Neighbours,
    ) -> Result<Duties, StartError> {
        let (settings, pool) = (self.settings, &self.pool);
        let (queue, zone) = (
            settings.queue.queue_name.clone(),
            settings.sync.sync_timezone.0,
        );
        let keeper = KeeperRepo::new(pool.clone(), queue.clone(), zone);
        let metrics = KeeperMetrics::register(self.metrics)?;
        let minutes = u64::from(settings.sync.sync_interval_minutes);
        Ok(Duties {
            seat: LeaderRepo::new(pool.clone()),
            reaper: Reaper {
                repo: keeper.clone(),
                sweep: SweepRepo::new(pool.clone()),
                retention_days: settings.keeper.retention_days,
                max_rescues: settings.keeper.max_rescues,
                cancel_after: settings.keeper.cancel_seconds,
                metrics: metrics.clone(),
            },
            reconciler: Reconciler {
                repo: keeper,
                after: settings.keeper.requeue_seconds,
                metrics: metrics.clone(),
            },
            schedule: Schedule {
                repo: ScheduleRepo::new(pool.clone(), queue, zone),
                every: (minutes > 0).then(|| Duration::from_secs(60 * minutes)),
                metrics: metrics.clone(),
            },
            watch: Watch {
                findings: FindingRepo::new(pool.clone()),
                incidents: IncidentRepo::new(pool.clone()),
                publisher,
                rules: WatchRules {
                    no_progress_minutes: settings.alert.alert_no_progress_minutes,
                    no_update_minutes: settings.alert.alert_no_update_minutes,
                },
                emptied: false,
            },
            sync_state: SyncState {
                neighbours,
                repo: SyncStateRepo::new(pool.clone()),
                every: settings.neighbour.sync_state_ms,
                due: None,
                fails: false,
            },
            bell: bell.clone(),
            tick: settings.keeper.keeper_tick_ms,
            metrics,
        })
    }

    fn crier(&self) -> Result<Crier, StartError> {
        let alert = &self.settings.alert;
        let channels = channels(alert)?;
        let each = alert
            .alert_timeout_ms
            .saturating_mul(u32::try_from(channels.len()).unwrap_or(1));
        Ok(Crier {
            incidents: IncidentRepo::new(self.pool.clone()),
            channels,
            queue: self.settings.queue.queue_name.clone(),
            retry: alert.alert_retry_ms,
            // A batch is told one after the other.
            hold: each.saturating_mul(10) + Duration::from_secs(5),
            random: self.random.clone(),
            metrics: AlertMetrics::register(self.metrics)?,
        })
    }
}

fn channels(alert: &AlertSettings) -> Result<Vec<Channel>, StartError> {
    let within = alert.alert_timeout_ms;
    let mut channels = Vec::new();
    if let (Some(server), Some(from)) = (&alert.smtp_url, &alert.alert_email_from) {
        channels.push(Channel::Mail(Box::new(Mail::new(
            server,
            from,
            &alert.alert_email_to,
            within,
        )?)));
    }
    if let Some(url) = &alert.alert_webhook_url {
        // The operator's own address: it may well be a private one.
        let rules = OutboundSettings {
            upstream_allow_private: true,
            ..OutboundSettings::default()
        };
        let key: Option<Secret> = alert.alert_webhook_secret.clone();
        channels.push(Channel::Webhook(Webhook::new(
            Outbound::new(&rules)?,
            url.clone(),
            key,
            within,
        )));
    }
    Ok(channels)
}
