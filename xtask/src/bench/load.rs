//! Runs `loadgen` and reads what it prints.

use super::ground::Ground;
use super::pin::Cores;
use crate::failure::{Failure, Outcome, While};
use crate::process::{Crew, Task};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::io::Read;
use std::process::{ChildStdout, Command};

/// One run of `loadgen streams`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Streams {
    pub(super) complete: bool,
    pub(super) frame_bytes: f64,
    pub(super) latency_us: Latency,
    pub(super) last_ms: Last,
    pub(super) usage: Usage,
    pub(super) slow: Slow,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Latency {
    pub(super) p50: f64,
    pub(super) p99: f64,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Last {
    pub(super) median: f64,
    pub(super) max: f64,
}

/// Figures of the server; missing where the system does not tell them.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Usage {
    pub(super) cpu_us_per_delivery: Option<f64>,
    pub(super) cpu_us_per_connect: Option<f64>,
    pub(super) cpu_us_per_idle_beat: Option<f64>,
    pub(super) resident_bytes_per_stream: Option<f64>,
    pub(super) loadgen_cpu_us_per_delivery: f64,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Slow {
    pub(super) fewest_versions: Option<u64>,
}

/// One run of `loadgen gets`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Gets {
    pub(super) requests_per_second: f64,
    pub(super) latency_us: Latency,
    pub(super) body_bytes: u64,
    pub(super) server_cpu_share: Option<f64>,
    pub(super) loadgen_cpu_share: f64,
}

/// Runs `loadgen` with these arguments on its own core. What it complains about goes to the terminal.
pub(super) fn run<T: DeserializeOwned>(ground: &Ground<'_>, args: &[String]) -> Outcome<T> {
    let mut command = ground.programs.command("loadgen")?;
    command.args(args);
    run_command(ground.crew, ground.cores, command)
}

/// The same without a ground to stand on.
pub(super) fn run_command<T: DeserializeOwned>(
    crew: &Crew<'_>,
    cores: Cores,
    mut command: Command,
) -> Outcome<T> {
    let task = Task {
        name: "loadgen",
        interruptible: true,
    };
    let read = |mut stdout: ChildStdout| {
        let mut text = String::new();
        stdout.read_to_string(&mut text).map(|_| text)
    };
    let (status, text) = cores.on_load(|| crew.run(&task, &mut command, read))?;
    let text = text.while_doing(|| "reading what loadgen printed".into())?;
    if !status.success() {
        return Err(void(&text));
    }
    serde_json::from_str(&text).while_doing(|| "reading what loadgen printed".into())
}

/// A run that lost anything has no figures.
pub(super) fn void(report: &str) -> Failure {
    let why = if report.is_empty() {
        "what it said is above"
    } else {
        report.trim_end()
    };
    Failure::new("the run is void: not every stream got every change")
        .why(why)
        .advice("Is the machine busy with something else? Then try again; else look at the logs in target/farol/logs.")
}
