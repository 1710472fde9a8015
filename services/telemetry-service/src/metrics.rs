//! The metrics of this service under `telemetry_`; what each means is its help text.

use std::time::Duration;

use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge};
use service_kit::metrics::Metrics;

use crate::ws::Ending;

/// Queries: from a warm index to the deadline.
const QUERY_BUCKETS: [f64; 11] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];
/// From a commit to a socket: the target is 0.25 s for 99 of 100.
const PUSH_BUCKETS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 5.0];

/// What a source is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Newest readings of devices.
    Telemetry,
    /// Open alerts.
    Alerts,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Telemetry, Self::Alerts];

    /// As labels and `/status` tell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Telemetry => "telemetry",
            Self::Alerts => "alerts",
        }
    }
}

/// The metrics of this service.
#[derive(Clone)]
pub struct TelemetryMetrics {
    /// Open sockets.
    pub sockets_open: IntGauge,
    /// Pushes to sockets, by what they told of.
    pub pushes: Pushes,
    /// Pollers that went on after a bug.
    pub poller_restarts: IntCounter,
    /// Times that the database's hints were lost.
    pub hints_lost: IntCounter,
    /// From a hint of the database to the write of what it hinted at.
    pub commit_to_push: Histogram,
    closed: IntCounterVec,
    queries: IntCounterVec,
    query_seconds: HistogramVec,
}

/// `telemetry_pushes_total`, so that a push looks up no label.
#[derive(Clone)]
pub struct Pushes {
    /// A reading.
    pub device: IntCounter,
    /// The list of open alerts.
    pub alerts: IntCounter,
    /// That a source is away, or back.
    pub state: IntCounter,
}

impl TelemetryMetrics {
    /// Registers everything; `most_sockets` may be open.
    ///
    /// # Errors
    /// On a name that is taken: a bug that every start shows.
    pub fn register(metrics: &Metrics, most_sockets: usize) -> prometheus::Result<Self> {
        metrics.limit("telemetry_sockets_max", "Most open sockets.", most_sockets)?;
        let pushes = metrics.counter_vec(
            "telemetry_pushes_total",
            "Pushes to sockets, by channel.",
            &["channel"],
        )?;
        let this = Self {
            sockets_open: metrics.gauge("telemetry_sockets_open", "Open sockets.")?,
            pushes: Pushes {
                device: pushes.with_label_values(&["device"]),
                alerts: pushes.with_label_values(&["alerts"]),
                state: pushes.with_label_values(&["state"]),
            },
            poller_restarts: metrics.counter(
                "telemetry_poller_restarts_total",
                "Pollers that went on after a bug; anything but 0 is worth a report.",
            )?,
            hints_lost: metrics.counter(
                "telemetry_hints_lost_total",
                "Times that the connection on which the database tells of commits was lost.",
            )?,
            commit_to_push: metrics.histogram(
                "telemetry_commit_to_push_seconds",
                "From the moment the database told of a commit to the write of it to a socket.",
                &PUSH_BUCKETS,
            )?,
            closed: metrics.counter_vec(
                "telemetry_sockets_closed_total",
                "Sockets that ended, by close code, or by what ended them without one.",
                &["code"],
            )?,
            queries: metrics.counter_vec(
                "telemetry_queries_total",
                "Queries on behalf of all who watch a tenant, by what was asked and outcome.",
                &["kind", "outcome"],
            )?,
            query_seconds: metrics.histogram_vec(
                "telemetry_query_duration_seconds",
                "Duration of these queries.",
                &["kind"],
                &QUERY_BUCKETS,
            )?,
        };
        this.show_zeros();
        Ok(this)
    }

    /// A label that has never occurred must be seen as 0, or alarms on it never fire.
    fn show_zeros(&self) {
        for ending in Ending::ALL {
            self.closed.with_label_values(&[ending.label()]);
        }
        for kind in Kind::ALL {
            self.query_seconds.with_label_values(&[kind.as_str()]);
            for outcome in ["ok", "failed"] {
                self.queries.with_label_values(&[kind.as_str(), outcome]);
            }
        }
    }

    /// A socket ended, or was refused.
    pub fn closed(&self, ending: Ending) {
        self.closed.with_label_values(&[ending.label()]).inc();
    }

    /// A source was asked, and it took so long.
    pub fn asked(&self, kind: Kind, ok: bool, took: Duration) {
        let outcome = if ok { "ok" } else { "failed" };
        self.queries
            .with_label_values(&[kind.as_str(), outcome])
            .inc();
        self.query_seconds
            .with_label_values(&[kind.as_str()])
            .observe(took.as_secs_f64());
    }
}
