//! The portal look-alike of a run: started, told what goes wrong, and asked for the truth afterwards.

use super::pauses::Seen;
use crate::bench::backend::{Backend, Running};
use crate::bench::http::Http;
use crate::failure::{Failure, Outcome, While};
use crate::ports;
use serde::Deserialize;
use std::collections::BTreeSet;

/// A portal in which nothing moves.
pub(super) struct Portal<'b> {
    _running: Running<'b>,
    port: u16,
    /// The first and the last day of what it has.
    days: (String, String),
    keys: BTreeSet<String>,
}

/// What it says about itself.
#[derive(Deserialize)]
struct Described {
    first_day: Option<String>,
    last_day: Option<String>,
    requests: u64,
    replay_left: usize,
}

#[derive(Deserialize)]
struct Keys {
    keys: BTreeSet<String>,
}

impl<'b> Portal<'b> {
    pub(super) fn start(backend: &'b Backend<'_>, records: u32) -> Outcome<Self> {
        let (port, other) = (ports::any_free()?, ports::any_free()?);
        let mut command = backend.program("demo-world")?;
        command.args(["--log-level", "warn", "serve"]);
        command.args(["--port", &other.to_string()]);
        command.args(["--pncp-port", &port.to_string()]);
        command.args(["--pncp-records", &records.to_string()]);
        let running = backend.start("bench-portal", &mut command, (port, "/health"))?;
        let mut this = Self {
            _running: running,
            port,
            days: (String::new(), String::new()),
            keys: BTreeSet::new(),
        };
        let told = this.described()?;
        let days = told.first_day.zip(told.last_day);
        this.days = days.ok_or_else(|| Failure::new("the portal has no records"))?;
        // All that there is: 5,000 days are 13 years.
        let Keys { keys } = this.ask("/_control/keys?from=2020-01-01&to=2040-01-01")?;
        this.keys = keys;
        Ok(this)
    }

    /// What `PNCP_BASE_URL` takes.
    pub(super) fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}/api/consulta", self.port)
    }

    /// Of all records: the truth that a run is compared with.
    pub(super) fn keys(&self) -> &BTreeSet<String> {
        &self.keys
    }

    /// The whole days of its records as two SQL expressions.
    pub(super) fn window(&self) -> String {
        let (first, last) = &self.days;
        let midnight = |day: &str| format!("({day})::timestamp AT TIME ZONE 'America/Sao_Paulo'");
        let first = midnight(&format!("date '{first}'"));
        format!("{first}, {}", midnight(&format!("date '{last}' + 1")))
    }

    pub(super) fn request_count(&self) -> Outcome<u64> {
        Ok(self.described()?.requests)
    }

    /// Every answer is so late from now on.
    pub(super) fn slow_down(&self, milliseconds: u32) -> Outcome {
        let rule = format!(r#"{{"fault": {{"kind": "slow", "ms": {milliseconds}}}}}"#);
        self.post("/_control/faults", &rule)
    }

    /// Plays a trace, the portal's own weather if it is empty; returns how many steps it has.
    pub(super) fn replay(&self, trace: &str, speed: u32) -> Outcome<usize> {
        self.post(&format!("/_control/replay?speed={speed}"), trace)?;
        Ok(self.described()?.replay_left)
    }

    /// The last requests, in the order in which they came.
    pub(super) fn seen(&self) -> Outcome<Vec<Seen>> {
        self.ask("/_control/requests")
    }

    fn described(&self) -> Outcome<Described> {
        self.ask("/_control")
    }

    fn ask<T: serde::de::DeserializeOwned>(&self, path: &str) -> Outcome<T> {
        let told = Http::connect(self.port, "")?.get(path)?.json()?;
        serde_json::from_value(told).while_doing(|| format!("reading the portal's {path}"))
    }

    fn post(&self, path: &str, body: &str) -> Outcome {
        let told = Http::connect(self.port, "")?.post(path, body)?;
        told.json().map(drop)
    }
}
