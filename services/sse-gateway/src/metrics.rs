//! The metrics of this service under `gateway_`; what each means is its help text.

use std::time::Duration;

use prometheus::{HistogramVec, IntCounter, IntCounterVec, IntGauge};
use service_kit::metrics::Metrics;

use crate::session::{Meters, Reason, Sent};

const CALLBACK_BUCKETS: [f64; 10] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];
const WRITE_BUCKETS: [f64; 10] = [
    0.000_02, 0.000_05, 0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.1, 1.0, 10.0,
];
const OUTCOMES: [&str; 9] = [
    "accepted",
    "rejected",
    "failed",
    "timeout",
    "unavailable",
    "lost",
    "not_configured",
    "full",
    "draining",
];

/// The metrics of this service.
#[derive(Clone)]
pub struct GatewayMetrics {
    /// Streams that are open.
    pub open: IntGauge,
    /// Attempts to tell a disconnect again.
    pub retries: IntCounter,
    /// Disconnects that nobody took.
    pub undelivered: IntCounter,
    /// Connects that the backend has not answered yet.
    pub connects_pending: IntGauge,
    /// Disconnects that nobody has taken yet.
    pub disconnects_pending: IntGauge,
    connects: IntCounterVec,
    disconnects: IntCounterVec,
    callback_seconds: HistogramVec,
    sends: Sends,
    meters: Meters,
}

/// `gateway_sends_total`; resolved once, so that a send looks up no label.
#[derive(Clone)]
struct Sends {
    ok: IntCounter,
    buffered: IntCounter,
    not_found: IntCounter,
    failed: IntCounter,
    invalid: IntCounter,
}

impl Sends {
    fn register(metrics: &Metrics) -> prometheus::Result<Self> {
        let sends =
            metrics.counter_vec("gateway_sends_total", "Sends, by outcome.", &["outcome"])?;
        let of = |outcome| sends.with_label_values(&[outcome]);
        Ok(Self {
            ok: of("ok"),
            buffered: of("buffered"),
            not_found: of("not_found"),
            failed: of("failed"),
            invalid: of("invalid"),
        })
    }
}

impl GatewayMetrics {
    /// Registers everything; `most_connections` may be open or opening.
    ///
    /// # Errors
    /// On a name that is taken: a bug that every start shows.
    pub fn register(metrics: &Metrics, most_connections: usize) -> prometheus::Result<Self> {
        let labelled = |name, help, label| metrics.counter_vec(name, help, &[label]);
        let help = "Most streams, open or opening.";
        metrics.limit("gateway_connections_max", help, most_connections)?;
        let this = Self {
            open: metrics.gauge("gateway_connections_open", "Open streams.")?,
            retries: metrics.counter(
                "gateway_callback_retries_total",
                "Disconnects that were told again.",
            )?,
            undelivered: metrics.counter(
                "gateway_disconnects_undelivered_total",
                "Disconnects that the backend did not take in all attempts.",
            )?,
            connects_pending: metrics.gauge(
                "gateway_connects_pending",
                "Connects that the backend has not answered yet.",
            )?,
            disconnects_pending: metrics.gauge(
                "gateway_disconnects_pending",
                "Disconnects that the backend has not taken yet.",
            )?,
            connects: labelled("gateway_connects_total", "Connects, by outcome.", "outcome")?,
            disconnects: labelled(
                "gateway_disconnects_total",
                "Disconnects told to the backend, by reason.",
                "reason",
            )?,
            callback_seconds: metrics.histogram_vec(
                "gateway_callback_duration_seconds",
                "Duration of calls to the backend, by action.",
                &["action"],
                &CALLBACK_BUCKETS,
            )?,
            sends: Sends::register(metrics)?,
            meters: Meters {
                buffered: metrics.gauge(
                    "gateway_buffered_bytes",
                    "Bytes that wait for clients to take them.",
                )?,
                slow: metrics.counter(
                    "gateway_slow_readers_total",
                    "Clients that were disconnected because they let too much pile up.",
                )?,
                to_write: metrics.histogram(
                    "gateway_send_to_write_seconds",
                    "From the arrival of a send to its last byte's write to the client's socket.",
                    &WRITE_BUCKETS,
                )?,
            },
        };
        this.show_zeros();
        Ok(this)
    }

    /// A label that has never occurred must be seen as 0, or alarms on it never fire.
    fn show_zeros(&self) {
        for outcome in OUTCOMES {
            self.connects.with_label_values(&[outcome]);
        }
        for reason in Reason::ALL {
            self.disconnects.with_label_values(&[reason.as_str()]);
        }
        for action in ["connect", "disconnect"] {
            self.callback_seconds.with_label_values(&[action]);
        }
    }

    /// A connect ended in one of [`OUTCOMES`].
    pub fn connected(&self, outcome: &'static str) {
        self.connects.with_label_values(&[outcome]).inc();
    }

    /// The backend will be told of an end.
    pub fn disconnected(&self, reason: Reason) {
        self.disconnects.with_label_values(&[reason.as_str()]).inc();
    }

    /// A call to the backend took so long.
    pub fn called(&self, action: &'static str, took: Duration) {
        self.callback_seconds
            .with_label_values(&[action])
            .observe(took.as_secs_f64());
    }

    /// A sound send.
    pub fn sent(&self, sent: Sent) {
        match sent {
            Sent::Done => self.sends.ok.inc(),
            Sent::Held => self.sends.buffered.inc(),
            Sent::Gone => self.sends.not_found.inc(),
            Sent::Broken => self.sends.failed.inc(),
        }
    }

    /// A send that could not be followed.
    pub fn refused(&self) {
        self.sends.invalid.inc();
    }

    /// What outboxes move.
    pub fn meters(&self) -> Meters {
        self.meters.clone()
    }
}
