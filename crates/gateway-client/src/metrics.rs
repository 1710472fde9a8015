//! The metrics of a gateway's backend; what each means is its help text.

use std::time::Duration;

use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge};
use service_kit::metrics::Metrics;

/// A send on the same machine up to the time that is waited for one.
const SEND_BUCKETS: [f64; 10] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.0,
];

/// What happened to a connection, as the label `action`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    Connect,
    /// Told by the gateway.
    Disconnect,
    /// By a newer one, where there is room for one.
    Replace,
    /// Not taken in.
    Refuse,
    /// The gateway answered a send with 404.
    Purge,
    /// The gateway did not list it.
    Reconcile,
    /// A disconnect of what was not current.
    Stale,
}

/// How an event to one client ended, as the label `status`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Status {
    Success,
    Error,
    Gone,
    NoConnection,
}

/// The figures of one manager. What came (connect) less what left (disconnect, replace, purge, reconcile) is what is
/// active.
#[derive(Clone, Debug)]
pub(crate) struct ClientMetrics {
    connections: IntCounterVec,
    events: IntCounterVec,
    duration: Histogram,
    active: IntGauge,
    service: String,
}

impl ClientMetrics {
    pub(crate) fn register(metrics: &Metrics, service: &str) -> prometheus::Result<Self> {
        let connections = metrics.counter_vec(
            "sse_gateway_connections_total",
            "Connections of the gateway: connect, disconnect, replace, purge and reconcile change what is current; refuse and stale do not.",
            &["service", "action"],
        )?;
        let events = metrics.counter_vec(
            "sse_gateway_events_sent_total",
            "Events handed to the gateway, by client and outcome; no_connection where nobody was there.",
            &["service", "status"],
        )?;
        let duration = metrics.histogram_vec(
            "sse_gateway_send_duration_seconds",
            "One call of the gateway that sends, to its answer or deadline.",
            &["service"],
            &SEND_BUCKETS,
        )?;
        let active = metrics.gauge_vec(
            "sse_gateway_active_connections",
            "Connections of the gateway that are current here.",
            &["service"],
        )?;
        for action in Action::ALL {
            connections.with_label_values(&[service, action.as_str()]);
        }
        for status in Status::ALL {
            events.with_label_values(&[service, status.as_str()]);
        }
        Ok(Self {
            duration: duration.with_label_values(&[service]),
            active: active.with_label_values(&[service]),
            connections,
            events,
            service: service.to_owned(),
        })
    }

    pub(crate) fn count(&self, action: Action, times: usize) {
        let labels = [&*self.service, action.as_str()];
        add(&self.connections.with_label_values(&labels), times);
    }

    pub(crate) fn sent(&self, status: Status, times: usize) {
        let labels = [&*self.service, status.as_str()];
        add(&self.events.with_label_values(&labels), times);
    }

    pub(crate) fn took(&self, duration: Duration) {
        self.duration.observe(duration.as_secs_f64());
    }

    pub(crate) fn active(&self, connections: usize) {
        self.active
            .set(i64::try_from(connections).unwrap_or(i64::MAX));
    }
}

fn add(counter: &IntCounter, times: usize) {
    counter.inc_by(u64::try_from(times).unwrap_or(u64::MAX));
}

impl Action {
    const ALL: [Self; 7] = [
        Self::Connect,
        Self::Disconnect,
        Self::Replace,
        Self::Refuse,
        Self::Purge,
        Self::Reconcile,
        Self::Stale,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Disconnect => "disconnect",
            Self::Replace => "replace",
            Self::Refuse => "refuse",
            Self::Purge => "purge",
            Self::Reconcile => "reconcile",
            Self::Stale => "stale",
        }
    }
}

impl Status {
    const ALL: [Self; 4] = [Self::Success, Self::Error, Self::Gone, Self::NoConnection];

    fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error => "error",
            Self::Gone => "gone",
            Self::NoConnection => "no_connection",
        }
    }
}
