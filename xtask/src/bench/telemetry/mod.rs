//! `cargo xtask bench telemetry`: what thousands of sockets of many tenants cost the telemetry service
//! and its database, and how soon each has a row that was committed. `loadgen` is all sockets, the demo
//! world all devices.

mod options;
mod stage;
mod table;

use super::backend::Backend;
use super::load::{self, Latency};
use super::machine;
use super::pin::Cores;
use crate::environment;
use crate::failure::Outcome;
use crate::process::Crew;
use crate::say;
use serde::Deserialize;
use stage::Stage;

pub(super) use options::{Telemetry, parse};

/// `WS_POLL_SECONDS` of the service, which is its default.
const INTERVAL_SECONDS: u32 = 5;
/// Devices of a tenant in the demo world.
const DEVICES: usize = 10;
const PROGRAMS: &[&str] = &["telemetry-service", "demo-world", "loadgen", "farol-token"];

/// One run of `loadgen sockets`.
#[derive(Debug, Deserialize)]
struct Run {
    /// One socket of each tenant, while nothing is written; and all sockets.
    few: Idle,
    all: Idle,
    pushes_per_second: f64,
    queries_per_write: f64,
    write_ms: Latency,
    push_ms: Latency,
    last_ms: Latency,
    cpu_us_per_push: Option<f64>,
    cpu_us_per_connect: Option<f64>,
    server_cpu_share: Option<f64>,
    loadgen_cpu_share: f64,
    resident_bytes_per_socket: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Idle {
    queries_per_second: f64,
    transactions_per_second: f64,
    server_cpu_share: Option<f64>,
}

/// Measures and returns what to print.
pub(super) fn run(crew: &Crew<'_>, options: &Telemetry) -> Outcome<String> {
    // Both ends of all sockets at once.
    environment::raise_open_files();
    let backend = Backend::prepare(crew, PROGRAMS, !options.smoke)?;
    let mut runs = Vec::new();
    for round in 1..=options.rounds {
        let run = one(crew, &backend, options)?;
        say::step(&format!("round {round}: {}", table::line(&run)));
        runs.push(run);
    }
    Ok(table::telemetry(&machine::described(crew), &runs, options))
}

/// A service and devices of its own for each run.
fn one(crew: &Crew<'_>, backend: &Backend<'_>, options: &Telemetry) -> Outcome<Run> {
    let cores = Cores::find();
    let stage = Stage::set(crew, backend, cores, options)?;
    let mut load = backend.program("loadgen")?;
    load.args(["sockets", "--url", &stage.socket_url()]);
    load.args(["--devices-url", &stage.devices_url()]);
    load.args(["--metrics-url", &stage.metrics_url()]);
    load.arg("--tokens").arg(&stage.tokens);
    load.args(["--connections", &options.sockets.to_string()]);
    load.args(["--devices", &DEVICES.to_string()]);
    load.args(["--changes", &options.changes.to_string()]);
    let rest = u64::from(options.intervals * INTERVAL_SECONDS) * 1_000;
    load.args(["--rest-ms", &rest.to_string()]);
    if options.smoke {
        // Its figures are not looked at.
        load.args(["--settle-ms", "500"]);
    }
    load.args(["--server-pid", &stage.service_pid().to_string()]);
    load::run_command(crew, cores, load)
}
