//! `cargo xtask bench history`: how long operators wait for a page of a million executions, and for a
//! forced run, over real HTTP with a password on keep-alive connections.

mod looks;
mod options;
mod past;
mod table;

use super::backend::Backend;
use super::http::Http;
use super::machine;
use crate::failure::{Failure, Outcome};
use crate::ports;
use crate::process::Crew;
use crate::say;
use crate::servers::Credentials;
use looks::Look;
use std::time::Duration;

pub(super) use options::{History, parse};

/// `bench:bench` in base64.
const AUTH: &str = "Authorization: Basic YmVuY2g6YmVuY2g=\r\n";
const SETTINGS: &[(&str, &str)] = &[
    ("ADMIN_USERNAME", "bench"),
    ("ADMIN_PASSWORD", "bench"),
    // Runs are asked for here and by nobody else.
    ("SYNC_INTERVAL_MINUTES", "0"),
    ("ALERT_NO_UPDATE_MINUTES", "0"),
];

/// How long requests took, in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Latency {
    p50: f64,
    p99: f64,
    count: usize,
}

/// What a round gave.
struct Round {
    /// In the order of the looks.
    looks: Vec<Latency>,
    force: Latency,
}

impl Latency {
    fn of(mut took: Vec<Duration>) -> Outcome<Self> {
        took.sort_unstable();
        let at = |percent: usize| {
            let place = (took.len() * percent).div_ceil(100).saturating_sub(1);
            took.get(place).map(|took| took.as_secs_f64() * 1e3)
        };
        let (p50, p99) = at(50)
            .zip(at(99))
            .ok_or_else(|| Failure::new("no request was made"))?;
        let count = took.len();
        Ok(Self { p50, p99, count })
    }
}

/// Measures and returns what to print.
pub(super) fn run(crew: &Crew<'_>, options: &History) -> Outcome<String> {
    let backend = Backend::prepare(crew, &["admin-sync-service"], !options.smoke)?;
    past::write(&backend, options.executions)?;
    let (port, ops) = (ports::any_free()?, ports::any_free()?);
    let login = backend.login("farol_admin", Credentials::ADMIN)?;
    let mut command = backend.service("admin-sync-service", &login, ops)?;
    command
        .env("PORT", port.to_string())
        .envs(SETTINGS.iter().copied());
    let _service = backend.start("bench-admin", &mut command, (ops, "/health/ready"))?;

    let mut http = Http::connect(port, AUTH)?;
    counted(&mut http, options.executions)?;
    let looks = looks::all(&looks::middle(&mut http, &backend, options.executions)?);
    let mut rounds = Vec::new();
    for round in 1..=options.rounds {
        say::step(&format!("Round {round}"));
        rounds.push(measured(&looks, port, options)?);
    }
    Ok(table::history(
        &machine::described(crew),
        &looks,
        &rounds,
        options,
    ))
}

fn counted(http: &mut Http, executions: u32) -> Outcome {
    let told = http.get("/sync/history?limit=1")?.json()?;
    if told["total_count"] == executions {
        return Ok(());
    }
    let why = format!("total_count is {}, not {executions}", told["total_count"]);
    Err(Failure::new("the run is void").why(why))
}

fn measured(looks: &[Look], port: u16, options: &History) -> Outcome<Round> {
    let mut latencies = Vec::new();
    for look in looks {
        let latency = looks::repeat(look, port, AUTH, options)?;
        say::note(&format!("{}: {}", look.name, table::line(latency)));
        latencies.push(latency);
    }
    let force = forced(port, options.forces)?;
    say::note(&format!("POST /sync/force: {}", table::line(force)));
    Ok(Round {
        looks: latencies,
        force,
    })
}

/// One after the other, each cancelled so that it is not in the way of the next.
fn forced(port: u16, times: usize) -> Outcome<Latency> {
    let mut http = Http::connect(port, AUTH)?;
    let mut took = Vec::new();
    for _ in 0..times {
        let answer = http.post("/sync/force", r#"{"mode": "update"}"#)?;
        took.push(answer.took);
        let told = answer.json()?;
        if told["dispatch"] != "published" {
            return Err(Failure::new("the run is void: a forced run was not published").why(told));
        }
        let id = told["request_id"].as_str().unwrap_or_default();
        let cancelled = http.post(&format!("/sync/executions/{id}/cancel"), "")?;
        if cancelled.status != 202 {
            let why = format!("{} to the cancel of {id}", cancelled.status);
            return Err(Failure::new("the run is void").why(why));
        }
    }
    Latency::of(took)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_99th_of_a_hundred_is_the_p99() {
        let latency = Latency::of((1..=100).map(Duration::from_millis).collect()).unwrap();
        assert!((latency.p50 - 50.0).abs() < 1e-9 && (latency.p99 - 99.0).abs() < 1e-9);
        assert!(Latency::of(Vec::new()).is_err());
    }
}
