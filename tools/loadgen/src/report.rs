//! What a run of streams came to, as it is printed.

use serde::Serialize;

use crate::audience::Audience;
use crate::cli::{self, Slow};
use crate::ledger::Ledger;
use crate::meter::{Usage, as_f64};

/// One run. It counts only if it is complete.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Everybody who had to got every change, once and in order.
    pub(crate) complete: bool,
    connections: usize,
    changes: u64,
    deliveries: u64,
    missing: u64,
    lost: u64,
    repeated: u64,
    /// Of events, without the transfer coding, for each delivery.
    frame_bytes: f64,
    latency_us: Latency,
    /// From a change to its last delivery.
    last_ms: Last,
    usage: Usage,
    slow: SlowReport,
}

#[derive(Debug, Serialize)]
struct Latency {
    p50: f64,
    p99: f64,
    max: f64,
}

#[derive(Debug, Serialize)]
struct Last {
    median: f64,
    max: f64,
}

#[derive(Debug, Serialize)]
struct SlowReport {
    connections: usize,
    /// Not at the newest version in the end.
    behind: usize,
    /// Versions older than one already sent.
    backward: u64,
    /// The fewest versions that a slow stream was sent: below `changes`, the rest was folded.
    fewest_versions: Option<u64>,
}

impl Report {
    /// `bytes_before` is what the fast streams had got before the first change.
    pub(crate) fn of(
        options: &cli::Streams,
        audience: &Audience,
        usage: Usage,
        bytes_before: u64,
    ) -> Self {
        let ledger = &audience.ledger;
        let slow = SlowReport::of(audience);
        let slow_failed =
            options.slow == Slow::MustConverge && (slow.behind > 0 || slow.backward > 0);
        let deliveries = ledger.deliveries();
        let bytes = audience.fast_bytes() - bytes_before;
        Self {
            complete: ledger.is_complete()
                && ledger.lost == 0
                && ledger.repeated == 0
                && !slow_failed,
            connections: options.connections,
            changes: ledger.fired(),
            deliveries,
            missing: ledger.missing(),
            lost: ledger.lost,
            repeated: ledger.repeated,
            frame_bytes: as_f64(bytes) / as_f64(deliveries.max(1)),
            latency_us: Latency::of(ledger),
            last_ms: Last::of(&ledger.until_last()),
            usage,
            slow,
        }
    }
}

impl Latency {
    fn of(ledger: &Ledger) -> Self {
        let at = |quantile| as_f64(ledger.latency_at(quantile)) / 1e3;
        Self {
            p50: at(0.5),
            p99: at(0.99),
            max: at(1.0),
        }
    }
}

impl Last {
    /// Of spans in nanoseconds, shortest first.
    fn of(spans: &[u64]) -> Self {
        let at = |index: usize| as_f64(spans.get(index).copied().unwrap_or(0)) / 1e6;
        Self {
            median: at(spans.len() / 2),
            max: at(spans.len().saturating_sub(1)),
        }
    }
}

impl SlowReport {
    fn of(audience: &Audience) -> Self {
        let (connections, fewest_versions) = audience.slow_seen();
        Self {
            connections,
            behind: audience.slow_behind(),
            backward: audience.backward(),
            fewest_versions,
        }
    }
}
