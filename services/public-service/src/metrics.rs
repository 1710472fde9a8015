//! The metrics of this service under `public_`; what each means is its help text.

use std::time::Duration;

use client_api::FetchError;
use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};
use service_kit::metrics::Metrics;

use crate::limits::NoSeat;
use crate::status::{Closing, DataState, EventKind, Mode, StatusFrame};

/// Upstream requests: from a quick local API to the longest timeout.
const REQUEST_BUCKETS: [f64; 10] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];
/// Fan-out: from microseconds to a laggard's catching up.
const WRITE_BUCKETS: [f64; 12] = [
    0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0,
];

/// The metrics of this service.
#[derive(Clone)]
pub struct StatusMetrics {
    /// Open streams.
    pub streams_open: IntGauge,
    /// Frames that stood for more than one missed change.
    pub folds: IntCounter,
    /// Pollers that went on after a bug.
    pub poller_restarts: IntCounter,
    frames: FrameCounters,
    closed: IntCounterVec,
    refused: IntCounterVec,
    resumes: IntCounterVec,
    refreshes: IntCounterVec,
    change_to_write: Histogram,
    projects: IntGaugeVec,
    source: SourceMetrics,
}

/// `public_frames_total`; the busiest events apart, so that a delivery looks up no label.
#[derive(Clone)]
struct FrameCounters {
    connected: IntCounter,
    status_update: IntCounter,
    bulk_update: IntCounter,
    other: IntCounterVec,
}

/// What is said to client APIs, and what they say.
#[derive(Clone)]
struct SourceMetrics {
    requests: IntCounterVec,
    request_seconds: Histogram,
    unmapped: IntCounter,
}

impl FrameCounters {
    fn register(metrics: &Metrics) -> prometheus::Result<Self> {
        let help = "Frames written to streams, by event.";
        let frames = metrics.counter_vec("public_frames_total", help, &["event"])?;
        Ok(Self {
            connected: frames.with_label_values(&[EventKind::Connected.as_str()]),
            status_update: frames.with_label_values(&[EventKind::StatusUpdate.as_str()]),
            bulk_update: frames.with_label_values(&[EventKind::BulkUpdate.as_str()]),
            other: frames,
        })
    }
}

impl SourceMetrics {
    fn register(metrics: &Metrics) -> prometheus::Result<Self> {
        Ok(Self {
            requests: metrics.counter_vec(
                "public_upstream_requests_total",
                "Requests to client APIs, by outcome.",
                &["outcome"],
            )?,
            request_seconds: metrics.histogram(
                "public_upstream_duration_seconds",
                "Duration of requests to client APIs, answer included.",
                &REQUEST_BUCKETS,
            )?,
            unmapped: metrics.counter(
                "public_unmapped_total",
                "Units read with a status that no mapping knows.",
            )?,
        })
    }
}

impl StatusMetrics {
    /// Registers everything; `most_streams` may be open.
    ///
    /// # Errors
    /// On a name that is taken: a bug that every start shows.
    pub fn register(metrics: &Metrics, most_streams: usize) -> prometheus::Result<Self> {
        let labelled = |name, help, label| metrics.counter_vec(name, help, &[label]);
        let frames = FrameCounters::register(metrics)?;
        metrics.limit("public_streams_max", "Most open streams.", most_streams)?;
        let this = Self {
            streams_open: metrics.gauge("public_streams_open", "Open streams.")?,
            folds: metrics.counter(
                "public_folds_total",
                "Frames that brought a lagging viewer several changes at once.",
            )?,
            poller_restarts: metrics.counter(
                "public_poller_restarts_total",
                "Pollers that went on after a bug; anything but 0 is worth a report.",
            )?,
            frames,
            closed: labelled(
                "public_streams_closed_total",
                "Streams that ended, by reason.",
                "reason",
            )?,
            refused: labelled(
                "public_streams_refused_total",
                "Streams for which there was no place, by reason.",
                "reason",
            )?,
            resumes: labelled(
                "public_resumes_total",
                "Viewers that came back with a Last-Event-ID, by what they were given.",
                "result",
            )?,
            refreshes: labelled(
                "public_refresh_total",
                "Forced refreshes, by outcome.",
                "outcome",
            )?,
            change_to_write: metrics.histogram(
                "public_change_to_write_seconds",
                "From the moment a change was known to its write to a viewer.",
                &WRITE_BUCKETS,
            )?,
            projects: metrics.gauge_vec(
                "public_projects",
                "Projects known to this process, by state of their data.",
                &["state"],
            )?,
            source: SourceMetrics::register(metrics)?,
        };
        this.show_zeros();
        Ok(this)
    }

    /// A label that has never occurred must be seen as 0, or alarms on it never fire.
    fn show_zeros(&self) {
        for closing in Closing::ALL {
            self.closed.with_label_values(&[closing.as_str()]);
        }
        for no in NoSeat::ALL {
            self.refused.with_label_values(&[no.as_str()]);
        }
        for result in ["delta", "snapshot"] {
            self.resumes.with_label_values(&[result]);
        }
        for outcome in ["ok", "not_modified"] {
            self.source.requests.with_label_values(&[outcome]);
        }
        for outcome in FetchError::OUTCOMES {
            self.source.requests.with_label_values(&[outcome]);
        }
        for outcome in ["ok", "failed", "limited"] {
            self.refreshes.with_label_values(&[outcome]);
        }
        for event in EventKind::ALL {
            self.frames.other.with_label_values(&[event.as_str()]);
        }
        for state in DataState::ALL {
            self.projects.with_label_values(&[state.as_str()]);
        }
    }

    /// A client API was asked, and it took so long; `outcome` is `ok`,
    /// `not_modified` or one of [`FetchError::OUTCOMES`].
    pub fn asked(&self, outcome: &'static str, took: Duration) {
        self.source.requests.with_label_values(&[outcome]).inc();
        self.source.request_seconds.observe(took.as_secs_f64());
    }

    /// So many units had an unmapped status.
    pub fn unmapped(&self, units: usize) {
        self.source.unmapped.inc_by(units as u64);
    }

    /// A frame that many get went out to one viewer.
    pub fn sent(&self, frame: &StatusFrame, mode: Mode) {
        if frame.is_whole(mode) {
            self.frames.status_update.inc();
        } else if frame.is_bulk() {
            self.frames.bulk_update.inc();
            self.change_to_write
                .observe(frame.made_at.elapsed().as_secs_f64());
        }
        if let Some(event) = frame.other_event() {
            self.frames.other.with_label_values(&[event]).inc();
        }
    }

    /// A stream said hello with a `connected` frame.
    pub fn said_hello(&self) {
        self.frames.connected.inc();
    }

    /// A stream said goodbye with a `closed` frame.
    pub fn said_goodbye(&self) {
        let closed = EventKind::Closed.as_str();
        self.frames.other.with_label_values(&[closed]).inc();
    }

    /// A stream ended.
    pub fn closed(&self, closing: Closing) {
        self.closed.with_label_values(&[closing.as_str()]).inc();
    }

    /// A stream found no place.
    pub fn refused(&self, no: NoSeat) {
        self.refused.with_label_values(&[no.as_str()]).inc();
    }

    /// A viewer came back; `replayed` if it only gets what it missed.
    pub fn resumed(&self, replayed: bool) {
        let result = if replayed { "delta" } else { "snapshot" };
        self.resumes.with_label_values(&[result]).inc();
    }

    /// A forced refresh: `ok`, `failed` or `limited`.
    pub fn refreshed(&self, outcome: &'static str) {
        self.refreshes.with_label_values(&[outcome]).inc();
    }

    /// How many projects are in each state now.
    pub fn count_projects(&self, states: impl Iterator<Item = DataState>) {
        let mut counts = DataState::ALL.map(|state| (state, 0));
        for state in states {
            for (counted, count) in &mut counts {
                *count += i64::from(*counted == state);
            }
        }
        for (state, count) in counts {
            self.projects
                .with_label_values(&[state.as_str()])
                .set(count);
        }
    }
}
