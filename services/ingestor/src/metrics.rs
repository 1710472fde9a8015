//! The metrics of this service; what each means is its help text. The broker's own are registered by its room.

use std::time::Duration;

use farol_core::sync::{Endpoint, Mode, SegmentState, State};
use prometheus::{Gauge, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec};
use service_kit::metrics::Metrics;

use crate::ingest::fault::FaultClass;
use crate::ingest::pace::SourceState;

/// Runs: from an update that found nothing to a backfill of a year.
const RUN_BUCKETS: [f64; 10] = [
    1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 43_200.0, 172_800.0,
];
/// Waiting in the queue: from a doorbell heard at once to a run behind a long one.
const WAIT_BUCKETS: [f64; 9] = [0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0, 3_600.0, 14_400.0];
/// Records of one run.
const RECORD_BUCKETS: [f64; 8] = [
    0.0,
    10.0,
    100.0,
    1_000.0,
    10_000.0,
    50_000.0,
    100_000.0,
    1_000_000.0,
];
/// Requests to the portal: it answers in 1.5 s on a good day and in 30 s when its database is ill.
const REQUEST_BUCKETS: [f64; 10] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// States in which a worker can leave a run.
const LEFT: [State; 6] = [
    State::Success,
    State::Incomplete,
    State::Error,
    State::Cancelled,
    State::Queued,
    State::RetryWait,
];
/// States in which a segment can end.
const ENDS: [SegmentState; 4] = [
    SegmentState::Complete,
    SegmentState::Incomplete,
    SegmentState::Failed,
    SegmentState::SuspectedOutage,
];
/// What can become of a message.
const MESSAGES: [&str; 5] = ["claimed", "busy", "blocked", "stale", "dead"];

/// The metrics of this service. Clones share them.
#[derive(Clone)]
pub struct IngestMetrics {
    runs: IntCounterVec,
    run_seconds: Histogram,
    run_records: Histogram,
    queue_wait: Histogram,
    records: IntCounterVec,
    segments: IntCounterVec,
    last_success: IntGaugeVec,
    /// Leases that this worker lost.
    pub lease_lost: IntCounter,
    /// Times that a run or a message waited for a database that was away.
    pub database_waits: IntCounter,
    /// Runs under way.
    busy: IntGaugeVec,
    messages: IntCounterVec,
    portal: PortalMetrics,
}

/// What is said to the portal, and what it says.
#[derive(Clone)]
struct PortalMetrics {
    requests: IntCounterVec,
    seconds: HistogramVec,
    pace: Gauge,
    breaker: IntGaugeVec,
}

impl PortalMetrics {
    fn register(metrics: &Metrics) -> prometheus::Result<Self> {
        Ok(Self {
            requests: metrics.counter_vec(
                "pncp_requests_total",
                "Requests to the portal, by list and outcome.",
                &["endpoint", "outcome"],
            )?,
            seconds: metrics.histogram_vec(
                "pncp_request_duration_seconds",
                "Duration of requests to the portal, answer included.",
                &["endpoint"],
                &REQUEST_BUCKETS,
            )?,
            pace: metrics.float_gauge(
                "pncp_pace_per_second",
                "Requests a second that the pacer allows now.",
            )?,
            breaker: metrics.gauge_vec(
                "pncp_breaker_state",
                "1 for the state that the breaker is in.",
                &["state"],
            )?,
        })
    }
}

impl IngestMetrics {
    /// Registers everything.
    ///
    /// # Errors
    /// On a name that is taken: a bug that every start shows.
    pub fn register(metrics: &Metrics) -> prometheus::Result<Self> {
        let this = Self {
            runs: metrics.counter_vec(
                "sync_runs_total",
                "Runs that this worker let go of, by mode and the state it left them in.",
                &["mode", "state"],
            )?,
            run_seconds: metrics.histogram(
                "sync_run_duration_seconds",
                "From the claim of a run to its end, in one worker.",
                &RUN_BUCKETS,
            )?,
            run_records: metrics.histogram(
                "sync_run_records",
                "Records that a run saved or confirmed unchanged.",
                &RECORD_BUCKETS,
            )?,
            queue_wait: metrics.histogram(
                "sync_queue_wait_seconds",
                "From the request of a run to its first claim.",
                &WAIT_BUCKETS,
            )?,
            records: metrics.counter_vec(
                "sync_records_total",
                "Records committed, by what became of them.",
                &["op"],
            )?,
            segments: metrics.counter_vec(
                "sync_segments_total",
                "Segments that ended, by state.",
                &["state"],
            )?,
            last_success: metrics.gauge_vec(
                "sync_last_success_timestamp_seconds",
                "When this worker last ended a run as success, in Unix time; 0 = not since the start.",
                &["mode"],
            )?,
            lease_lost: metrics.counter(
                "sync_lease_expired_total",
                "Runs that this worker had to drop because its lease was gone.",
            )?,
            database_waits: metrics.counter(
                "ingest_database_waits_total",
                "Times that a run or a message waited a moment for a database that was away.",
            )?,
            busy: metrics.gauge_vec("ingest_runs_busy", "Runs under way.", &["mode"])?,
            messages: metrics.counter_vec(
                "ingest_messages_total",
                "Messages taken from the queue, by what they led to.",
                &["outcome"],
            )?,
            portal: PortalMetrics::register(metrics)?,
        };
        this.show_zeros();
        Ok(this)
    }

    /// A label that has never occurred must be seen as 0, or alarms on it never fire.
    fn show_zeros(&self) {
        for mode in Mode::ALL {
            self.last_success.with_label_values(&[mode.as_str()]);
            self.busy.with_label_values(&[mode.as_str()]);
            for state in LEFT {
                self.runs
                    .with_label_values(&[mode.as_str(), state.as_str()]);
            }
        }
        for op in ["insert", "update", "unchanged", "quarantined"] {
            self.records.with_label_values(&[op]);
        }
        for state in ENDS {
            self.segments.with_label_values(&[state.as_str()]);
        }
        for outcome in MESSAGES {
            self.messages.with_label_values(&[outcome]);
        }
        for endpoint in Endpoint::ALL {
            let endpoint = endpoint.as_str();
            self.portal.seconds.with_label_values(&[endpoint]);
            self.portal.requests.with_label_values(&[endpoint, "ok"]);
            for class in FaultClass::ALL {
                self.portal
                    .requests
                    .with_label_values(&[endpoint, class.as_str()]);
            }
        }
    }

    /// A message was taken; one of `claimed`, `busy`, `blocked`, `stale`, `dead`.
    pub fn message(&self, outcome: &'static str) {
        self.messages.with_label_values(&[outcome]).inc();
    }

    /// A run was claimed for the first time, `waited` after it was asked for.
    pub fn claimed(&self, waited: Duration) {
        self.queue_wait.observe(waited.as_secs_f64());
    }

    /// A run begins (`1`) or ends (`-1`) in this process.
    pub fn busy(&self, mode: Mode, by: i64) {
        self.busy.with_label_values(&[mode.as_str()]).add(by);
    }

    /// This worker let go of a run and left it in `state`.
    pub fn left(&self, mode: Mode, state: State, took: Duration) {
        let labels = [mode.as_str(), state.as_str()];
        self.runs.with_label_values(&labels).inc();
        self.run_seconds.observe(took.as_secs_f64());
    }

    /// A run ended with so many records; `at` is Unix time.
    pub fn succeeded(&self, mode: Mode, at: i64) {
        self.last_success
            .with_label_values(&[mode.as_str()])
            .set(at);
    }

    /// A run came to its end with so many records.
    pub fn records_of_run(&self, records: u32) {
        self.run_records.observe(f64::from(records));
    }

    /// A page was committed.
    pub fn committed(&self, op: &'static str, records: u32) {
        self.records
            .with_label_values(&[op])
            .inc_by(u64::from(records));
    }

    /// A segment ended.
    pub fn segment(&self, state: SegmentState) {
        self.segments.with_label_values(&[state.as_str()]).inc();
    }

    /// The portal was asked; `outcome` is `ok` or a class of faults.
    pub fn asked(&self, endpoint: Endpoint, outcome: &'static str, took: Duration) {
        let endpoint = endpoint.as_str();
        self.portal
            .requests
            .with_label_values(&[endpoint, outcome])
            .inc();
        let seconds = self.portal.seconds.with_label_values(&[endpoint]);
        seconds.observe(took.as_secs_f64());
    }

    /// How the portal is doing.
    pub fn source(&self, source: &SourceState) {
        self.portal.pace.set(source.pace_per_second);
        for state in ["closed", "open", "half_open"] {
            let is = i64::from(source.breaker.as_str() == state);
            self.portal.breaker.with_label_values(&[state]).set(is);
        }
    }
}
