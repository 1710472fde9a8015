//! `cargo xtask bench gateway`: what a send, a connect and an open stream cost the SSE gateway, and how
//! soon a client has what its backend sent. `loadgen` is the backend and all clients.

use super::figures::median;
use super::load::{self, Latency};
use super::machine;
use super::options::{number, unknown};
use super::pin::Cores;
use super::table::{Limit, shown, verdicts};
use crate::cargo::{self, Programs};
use crate::environment;
use crate::failure::{Failure, Outcome};
use crate::ports;
use crate::probe;
use crate::process::Crew;
use crate::say;
use rustix::process::Signal;
use serde::Deserialize;
use std::fmt::Write;
use std::time::Duration;

const START_LIMIT: Duration = Duration::from_secs(20);
const MEMBER: &str = "bench-gateway";
const PROGRAMS: &[&str] = &["--bin", "sse-gateway", "--bin", "loadgen"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gateway {
    connections: Vec<usize>,
    sends: u64,
    rounds: usize,
    smoke: bool,
}

/// One run of `loadgen gateway`.
#[derive(Debug, Deserialize)]
struct Run {
    connects_per_second: f64,
    cpu_us_per_connect: Option<f64>,
    sends_per_second: f64,
    cpu_us_per_send: Option<f64>,
    latency_us: Latency,
    server_cpu_share: Option<f64>,
    loadgen_cpu_share: f64,
    cpu_us_per_disconnect: Option<f64>,
    resident_bytes_per_stream: Option<f64>,
}

type Figure = fn(&Run) -> Option<f64>;

const SEND: Figure = |run| run.cpu_us_per_send;
const P99: Figure = |run| Some(run.latency_us.p99 / 1e3);
const CONNECT: Figure = |run| run.cpu_us_per_connect;
const MEMORY: Figure = |run| run.resident_bytes_per_stream.map(|bytes| bytes / 1024.0);
/// What one core would do that does nothing else: here a core waits for the load at times.
const PER_CORE: Figure = |run| run.cpu_us_per_send.map(|cpu| 1e6 / cpu);

/// The rows: name with unit, digits behind the point, figure.
const ROWS: &[(&str, usize, Figure)] = &[
    ("CPU per send, us", 1, SEND),
    ("sends a second, as loaded", 0, |run| {
        Some(run.sends_per_second)
    }),
    ("sends a second and core of the gateway", 0, PER_CORE),
    ("send to client p50, ms", 2, |run| {
        Some(run.latency_us.p50 / 1e3)
    }),
    ("send to client p99, ms", 2, P99),
    ("CPU per connect with its callback, us", 0, CONNECT),
    ("connects a second, as loaded", 0, |run| {
        Some(run.connects_per_second)
    }),
    ("CPU per disconnect with its callback, us", 0, |run| {
        run.cpu_us_per_disconnect
    }),
    ("resident per stream, KiB", 1, MEMORY),
    ("gateway's core in use while sending, %", 0, |run| {
        run.server_cpu_share.map(|share| share * 100.0)
    }),
    ("(loadgen's core in use, %)", 0, |run| {
        Some(run.loadgen_cpu_share * 100.0)
    }),
];

const TARGETS: &[(&str, Figure, Limit)] = &[
    ("CPU per send <= 30 us", SEND, Limit::AtMost(30.0)),
    (
        "sends a second and core >= 30000",
        PER_CORE,
        Limit::AtLeast(30_000.0),
    ),
    ("send to client p99 < 3 ms", P99, Limit::Below(3.0)),
    ("CPU per connect <= 130 us", CONNECT, Limit::AtMost(130.0)),
    ("resident per stream <= 14 KiB", MEMORY, Limit::AtMost(14.0)),
];

/// `None` is a question for help.
pub(super) fn parse<'a>(mut words: impl Iterator<Item = &'a str>) -> Outcome<Option<Gateway>> {
    let mut options = Gateway {
        connections: vec![2_000, 5_000],
        sends: 200_000,
        rounds: 3,
        smoke: false,
    };
    while let Some(word) = words.next() {
        match word {
            "--connections" => {
                let list = words.next().unwrap_or_default().split(',');
                let list = list.map(|one| number(word, Some(one)));
                options.connections = list.collect::<Outcome<_>>()?;
            }
            "--sends" => options.sends = number(word, words.next())?,
            "--rounds" => options.rounds = number(word, words.next())?,
            "--smoke" => {
                options = Gateway {
                    connections: vec![200],
                    sends: 5_000,
                    rounds: 1,
                    smoke: true,
                }
            }
            "--help" | "-h" => return Ok(None),
            _ => return Err(unknown(word)),
        }
    }
    Ok(Some(options))
}

/// Measures and returns what to print.
pub(super) fn run(crew: &Crew<'_>, options: &Gateway) -> Outcome<String> {
    // Both ends of all streams at once.
    environment::raise_open_files();
    let profile: &[&str] = if options.smoke { &[] } else { &["--release"] };
    say::step("Building the gateway and the load");
    let programs = cargo::build(crew, &[PROGRAMS, profile].concat())?;
    let mut text = format!(
        "{}; {} sends a run over 8 connections, {} rounds, medians; every event and callback arrived\n",
        machine::described(crew),
        options.sends,
        options.rounds
    );
    for connections in &options.connections {
        let mut runs = Vec::new();
        for round in 1..=options.rounds {
            let run = one(crew, &programs, *connections, options.sends)?;
            let (send, connect) = (shown(SEND(&run), 1), shown(CONNECT(&run), 0));
            let p99 = shown(P99(&run), 2);
            say::step(&format!(
                "{connections} streams, round {round}: {send} us a send, p99 {p99} ms, {connect} us a connect"
            ));
            runs.push(run);
        }
        let _ = write!(text, "\n{}", table(*connections, &runs, options.smoke));
    }
    Ok(text)
}

/// A gateway of its own for each run.
fn one(crew: &Crew<'_>, programs: &Programs, connections: usize, sends: u64) -> Outcome<Run> {
    let cores = Cores::find();
    let [port, ops, callback] = [ports::any_free()?, ports::any_free()?, ports::any_free()?];
    let mut gateway = programs.command("sse-gateway")?;
    environment::without_cargo_run(&mut gateway)
        .env("HOST", "127.0.0.1")
        .env("PORT", port.to_string())
        .env("OPS_PORT", ops.to_string())
        .env("CALLBACK_URL", format!("http://127.0.0.1:{callback}/"))
        .env("LOG_LEVEL", "warn");
    // Nothing to finish and nothing to keep: the next run waits for its end.
    cores.on_server(|| crew.start(MEMBER, &mut gateway, Signal::KILL))?;
    let ready = || probe::status(ops, "/health/ready") == Some(200);
    let ran = crew.wait_until(MEMBER, START_LIMIT, ready).and_then(|()| {
        let pid = crew.pid_of(MEMBER);
        let pid = pid.ok_or_else(|| Failure::new("the gateway has no process"))?;
        let mut load = programs.command("loadgen")?;
        load.args(["gateway", "--url", &format!("http://127.0.0.1:{port}")]);
        load.args(["--callback-port", &callback.to_string()]);
        load.args(["--connections", &connections.to_string()]);
        load.args(["--sends", &sends.to_string()]);
        load.args(["--server-pid", &pid.to_string()]);
        load::run_command(crew, cores, load)
    });
    crew.dismiss(MEMBER);
    ran
}

fn table(connections: usize, runs: &[Run], smoke: bool) -> String {
    let of = |figure: Figure| median(runs.iter().filter_map(figure));
    let mut text = format!("| N = {connections} | gateway |\n|---|---:|\n");
    for (name, digits, figure) in ROWS {
        let _ = writeln!(text, "| {name} | {} |", shown(of(*figure), *digits));
    }
    if !smoke {
        let rows = TARGETS
            .iter()
            .map(|(name, figure, limit)| (*name, of(*figure), *limit));
        let _ = write!(text, "\n{}", verdicts(rows, 1));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_understood_and_nonsense_is_refused() {
        let parsed = |line: &str| parse(line.split(' '));
        let options = parsed("--connections 10,20 --sends 5").unwrap().unwrap();
        assert_eq!((options.connections, options.sends), (vec![10, 20], 5));
        assert!(parsed("--smoke").unwrap().unwrap().smoke);
        assert!(parsed("-h").unwrap().is_none());
        assert!(parsed("--sends").is_err() && parsed("--fast").is_err());
    }
}
