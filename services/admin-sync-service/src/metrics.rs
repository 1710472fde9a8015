//! The metrics of this service; what each means is its help text.

use chrono::{DateTime, Utc};
use farol_core::sync::Mode;
use prometheus::{Gauge, Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};
use service_kit::metrics::Metrics;

use crate::neighbours::{Sight, State};

/// Waits of runs for a worker: from at once to the length of a backfill before it.
const WAIT_BUCKETS: [f64; 11] = [
    0.1, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0, 43_200.0,
];

/// What is done for runs. Clones share the figures.
#[derive(Clone, Debug)]
pub struct KeeperMetrics {
    leader: IntGauge,
    moves: IntCounterVec,
    leases_expired: IntCounter,
}

/// What is told to people. Clones share the figures.
#[derive(Clone, Debug)]
pub struct AlertMetrics {
    open: IntGauge,
    notices: IntCounterVec,
}

/// What operators did with dead letters. Clones share the figures.
#[derive(Clone, Debug)]
pub struct DeadLetterMetrics(IntCounterVec);

/// How the other services are. Clones share the figures.
#[derive(Clone, Debug)]
pub struct NeighbourMetrics(IntGaugeVec);

/// What is read from the database and the broker again and again. Clones share the figures.
#[derive(Clone, Debug)]
pub struct MonitorMetrics {
    /// Messages not yet confirmed.
    pub outbox_pending: IntGauge,
    /// Age of the oldest of them.
    pub outbox_oldest_age: Gauge,
    /// Messages that nobody could read.
    pub dead_letters: IntGauge,
    /// How long runs waited for a worker.
    pub queue_wait: Histogram,
    last_success: IntGaugeVec,
}

impl KeeperMetrics {
    /// Registers them.
    ///
    /// # Errors
    /// On a name that is taken.
    pub fn register(metrics: &Metrics) -> prometheus::Result<Self> {
        let moves = metrics.counter_vec(
            "admin_keeper_moves_total",
            "Runs that were moved because nobody else would have, by what was done.",
            &["move"],
        )?;
        for kept in [
            "rescued",
            "lost",
            "cancelled",
            "due",
            "announced",
            "scheduled",
        ] {
            moves.with_label_values(&[kept]);
        }
        Ok(Self {
            leader: metrics.gauge("admin_leader", "1 while this replica looks after runs.")?,
            moves,
            leases_expired: metrics.counter(
                "sync_lease_expired_total",
                "Runs taken from workers that had fallen silent.",
            )?,
        })
    }

    /// Whether this replica leads.
    pub fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// So many runs were moved.
    pub fn moved(&self, kept: &'static str, runs: usize) {
        self.moves.with_label_values(&[kept]).inc_by(runs as u64);
    }

    /// So many leases had expired.
    pub fn leases_expired(&self, leases: usize) {
        self.leases_expired.inc_by(leases as u64);
    }
}

impl AlertMetrics {
    /// Registers them.
    ///
    /// # Errors
    /// On a name that is taken.
    pub fn register(metrics: &Metrics) -> prometheus::Result<Self> {
        let notices = metrics.counter_vec(
            "admin_notices_total",
            "Notices handed to channels, by what became of them.",
            &["channel", "outcome"],
        )?;
        for channel in ["email", "webhook"] {
            for outcome in ["taken", "failed"] {
                notices.with_label_values(&[channel, outcome]);
            }
        }
        Ok(Self {
            open: metrics.gauge("admin_incidents_open", "Incidents that are not over.")?,
            notices,
        })
    }

    /// So many incidents are open.
    pub fn open_incidents(&self, incidents: usize) {
        self.open.set(i64::try_from(incidents).unwrap_or(i64::MAX));
    }

    /// A channel was handed a notice.
    pub fn noticed(&self, channel: &'static str, taken: bool) {
        let outcome = if taken { "taken" } else { "failed" };
        self.notices.with_label_values(&[channel, outcome]).inc();
    }
}

impl DeadLetterMetrics {
    /// Registers them.
    ///
    /// # Errors
    /// On a name that is taken.
    pub fn register(metrics: &Metrics) -> prometheus::Result<Self> {
        let moved = metrics.counter_vec(
            "admin_dead_letters_total",
            "Dead letters that an operator gave back to the ingestor, or threw away.",
            &["outcome"],
        )?;
        for outcome in ["requeued", "dropped"] {
            moved.with_label_values(&[outcome]);
        }
        Ok(Self(moved))
    }

    /// So many are in their queue again.
    pub fn requeued(&self, letters: u32) {
        let requeued = self.0.with_label_values(&["requeued"]);
        requeued.inc_by(u64::from(letters));
    }

    /// So many are gone.
    pub fn dropped(&self, letters: u32) {
        let dropped = self.0.with_label_values(&["dropped"]);
        dropped.inc_by(u64::from(letters));
    }
}

impl NeighbourMetrics {
    /// Registers them.
    ///
    /// # Errors
    /// On a name that is taken.
    pub fn register(metrics: &Metrics) -> prometheus::Result<Self> {
        let found = Self(metrics.gauge_vec(
            "admin_neighbours",
            "Ops listeners of the other services, by how they were found.",
            &["state"],
        )?);
        found.count(&[]);
        Ok(found)
    }

    /// So they all are.
    pub fn count(&self, sights: &[Sight]) {
        for (label, state) in [
            ("ready", State::Ready),
            ("not_ready", State::NotReady),
            ("away", State::Away),
        ] {
            let many = sights.iter().filter(|it| it.state == state).count();
            let many = i64::try_from(many).unwrap_or(i64::MAX);
            self.0.with_label_values(&[label]).set(many);
        }
    }
}

impl MonitorMetrics {
    /// Registers them.
    ///
    /// # Errors
    /// On a name that is taken.
    pub fn register(metrics: &Metrics) -> prometheus::Result<Self> {
        let last_success = metrics.gauge_vec(
            "sync_last_success_timestamp_seconds",
            "When the newest complete run ended, epoch seconds; 0 = never.",
            &["mode"],
        )?;
        for mode in Mode::ALL {
            last_success.with_label_values(&[mode.as_str()]);
        }
        Ok(Self {
            outbox_pending: metrics.gauge(
                "outbox_pending",
                "Messages that the broker has not confirmed yet.",
            )?,
            outbox_oldest_age: metrics.float_gauge(
                "outbox_oldest_age_seconds",
                "Age of the oldest message that the broker has not confirmed yet.",
            )?,
            dead_letters: metrics.gauge(
                "dead_letters",
                "Messages that nobody could read, in their queue.",
            )?,
            queue_wait: metrics.histogram(
                "sync_queue_wait_seconds",
                "From the request of a run to its first worker.",
                &WAIT_BUCKETS,
            )?,
            last_success,
        })
    }

    /// When the newest complete run of a mode ended.
    pub fn succeeded(&self, mode: &str, at: DateTime<Utc>) {
        self.last_success
            .with_label_values(&[mode])
            .set(at.timestamp());
    }
}
