//! What a run prints: CPU, memory and time between the moments at which its parts ended.

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::cli;
use crate::clock::{Nanos, own_cpu};
use crate::meter::as_f64;
use crate::process::Observed;

/// The gateway and this load at one moment.
pub(super) struct Reading {
    server: Option<u64>,
    resident: Option<u64>,
    own: u64,
    at: Nanos,
}

impl Reading {
    pub(super) fn now(server: Option<u32>) -> Self {
        let server = server.map(Observed);
        Self {
            // Walking the page tables of a large process takes a while, of its time and of ours.
            resident: server.and_then(Observed::resident),
            server: server.and_then(Observed::cpu),
            own: own_cpu(),
            at: Nanos::now(),
        }
    }
}

/// The moments at which the parts of a run ended.
pub(super) struct Readings {
    /// One stream is open, so that everything that is made once exists.
    pub(super) one: Reading,
    pub(super) all: Reading,
    /// Each stream got one event.
    pub(super) warm: Reading,
    /// And those that are measured.
    pub(super) sent: Reading,
    /// Everybody has left, and the backend was told.
    pub(super) left: Reading,
}

pub(super) fn of(
    options: &cli::Gateway,
    latency: &Histogram<u64>,
    at: &Readings,
    complete: bool,
) -> Value {
    let joins = as_f64(options.connections.saturating_sub(1).max(1) as u64);
    let senders = options.senders.max(1) as u64;
    let sends = as_f64(options.sends / senders * senders);
    let quantile = |quantile| as_f64(latency.value_at_quantile(quantile)) / 1e3;
    let grown = at.one.resident.zip(at.warm.resident);
    json!({
        "complete": complete,
        "connects_per_second": joins / seconds(&at.one, &at.all),
        "cpu_us_per_connect": server_us(&at.one, &at.all).map(|us| us / joins),
        "sends_per_second": sends / seconds(&at.warm, &at.sent),
        "cpu_us_per_send": server_us(&at.warm, &at.sent).map(|us| us / sends),
        "latency_us": {"p50": quantile(0.5), "p99": quantile(0.99)},
        "server_cpu_share": server_us(&at.warm, &at.sent)
            .map(|us| us / 1e6 / seconds(&at.warm, &at.sent)),
        "loadgen_cpu_share": as_f64(at.sent.own - at.warm.own) / 1e9 / seconds(&at.warm, &at.sent),
        "cpu_us_per_disconnect": server_us(&at.sent, &at.left)
            .map(|us| us / as_f64(options.connections as u64)),
        "resident_bytes_per_stream": grown
            .map(|(before, after)| (as_f64(after) - as_f64(before)) / joins),
    })
}

fn seconds(from: &Reading, to: &Reading) -> f64 {
    as_f64(to.at.since(from.at)) / 1e9
}

/// CPU of the gateway between two moments.
fn server_us(from: &Reading, to: &Reading) -> Option<f64> {
    let (from, to) = from.server.zip(to.server)?;
    Some(as_f64(to.saturating_sub(from)) / 1e3)
}
