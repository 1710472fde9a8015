//! What a run prints: queries, CPU, memory and time between the moments at which its parts ended.

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::accounts::Accounts;
use crate::cli;
use crate::clock::{Nanos, own_cpu};
use crate::meter::as_f64;
use crate::process::Observed;

/// The service, its database and this load at one moment.
pub(super) struct Reading {
    server: Option<u64>,
    resident: Option<u64>,
    own: u64,
    queries: u64,
    transactions: u64,
    at: Nanos,
}

/// The moments at which the parts of a run ended.
pub(super) struct Readings {
    /// One socket of each tenant has the first state of everything, and the counters know.
    pub(super) few_settled: Reading,
    /// And then nothing was written for a while.
    pub(super) few_idle: Reading,
    /// All sockets have their first states.
    pub(super) all_joined: Reading,
    pub(super) all_settled: Reading,
    pub(super) all_idle: Reading,
    /// Every row has arrived.
    pub(super) written: Reading,
}

/// What happened from one moment to another.
struct Part<'a>(&'a Reading, &'a Reading);

impl Reading {
    pub(super) fn now(server: Option<u32>, queries: u64, transactions: u64) -> Self {
        let server = server.map(Observed);
        Self {
            // Walking the page tables of a large process takes a while, of its time and of ours.
            resident: server.and_then(Observed::resident),
            server: server.and_then(Observed::cpu),
            own: own_cpu(),
            queries,
            transactions,
            at: Nanos::now(),
        }
    }
}

impl Part<'_> {
    fn seconds(&self) -> f64 {
        as_f64(self.1.at.since(self.0.at)) / 1e9
    }

    /// CPU of the service, in microseconds.
    fn server_us(&self) -> Option<f64> {
        let (from, to) = self.0.server.zip(self.1.server)?;
        Some(as_f64(to.saturating_sub(from)) / 1e3)
    }

    fn own_us(&self) -> f64 {
        as_f64(self.1.own.saturating_sub(self.0.own)) / 1e3
    }

    fn queries(&self) -> f64 {
        as_f64(self.1.queries.saturating_sub(self.0.queries))
    }

    /// While nothing is written.
    fn idle(&self) -> Value {
        // The reading at the end of it is one transaction too.
        let transactions = self.1.transactions.saturating_sub(self.0.transactions + 1);
        json!({
            "queries_per_second": self.queries() / self.seconds(),
            "transactions_per_second": as_f64(transactions) / self.seconds(),
            "server_cpu_share": self.server_us().map(|us| us / 1e6 / self.seconds()),
        })
    }
}

/// `few` sockets were open before the others.
pub(super) fn of(
    options: &cli::Sockets,
    accounts: &Accounts,
    writes: &Histogram<u64>,
    few: usize,
    at: &Readings,
) -> Value {
    let joins = as_f64((options.connections - few).max(1) as u64);
    let (idle, rows) = (
        Part(&at.all_settled, &at.all_idle),
        Part(&at.all_idle, &at.written),
    );
    let pushes = as_f64(accounts.pushes.len().max(1));
    // What looking and pinging cost goes on while rows are pushed.
    let idle_us = idle.server_us().map(|us| us / idle.seconds());
    let net = rows.server_us().zip(idle_us);
    let hinted = rows.queries() - idle.queries() / idle.seconds() * rows.seconds();
    let grown = at.few_idle.resident.zip(at.all_idle.resident);
    json!({
        "complete": accounts.is_complete(),
        "few_sockets": few,
        "few": Part(&at.few_settled, &at.few_idle).idle(),
        "all": idle.idle(),
        "pushes": accounts.pushes.len(),
        "lost": accounts.lost,
        "repeated": accounts.repeated,
        "states": accounts.states,
        "missing": accounts.missing(),
        "pushes_per_second": pushes / rows.seconds(),
        "queries_per_write": hinted / as_f64(accounts.fired.max(1)),
        "write_ms": quantiles(writes),
        "push_ms": quantiles(&accounts.pushes),
        "last_ms": quantiles(&accounts.last),
        "cpu_us_per_push": net.map(|(us, idle)| (us - idle * rows.seconds()) / pushes),
        "cpu_us_per_connect": Part(&at.few_idle, &at.all_joined).server_us().map(|us| us / joins),
        "server_cpu_share": rows.server_us().map(|us| us / 1e6 / rows.seconds()),
        "loadgen_cpu_share": rows.own_us() / 1e6 / rows.seconds(),
        "resident_bytes_per_socket": grown
            .map(|(before, after)| (as_f64(after) - as_f64(before)) / joins),
    })
}

/// Of nanoseconds, in milliseconds.
fn quantiles(of: &Histogram<u64>) -> Value {
    let at = |quantile| as_f64(of.value_at_quantile(quantile)) / 1e6;
    json!({"p50": at(0.5), "p99": at(0.99), "max": at(1.0)})
}
