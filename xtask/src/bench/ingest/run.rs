//! One run of the ingestor, from the row that asks for it to its end. It counts only if every record
//! of the portal arrived.

use super::portal::Portal;
use crate::bench::backend::{Backend, Running};
use crate::bench::usage;
use crate::environment;
use crate::failure::{Failure, Outcome, While};
use crate::ports;
use crate::servers::Credentials;
use std::time::Duration;

/// How often the row is looked at: rarely, since each look is a process that takes a core.
const LOOK: Duration = Duration::from_millis(500);
/// A run that takes longer is not measured but stuck.
const LIMIT: Duration = Duration::from_mins(15);

/// An ingestor that waits for runs.
pub(super) struct Worker<'b> {
    backend: &'b Backend<'b>,
    running: Running<'b>,
}

/// What a run took.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) records: u32,
    pub(super) requests: u32,
    /// Seconds from the claim to the end, by the database's clock.
    pub(super) wall: f64,
    /// CPU seconds of the ingestor.
    pub(super) cpu: Option<f64>,
    /// CPU seconds of Postgres.
    pub(super) postgres_cpu: Option<f64>,
    /// The ingestor's peak, in MiB.
    pub(super) peak_mib: Option<f64>,
}

/// What became of the records of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    AllNew,
    AllUnchanged,
}

impl<'b> Worker<'b> {
    /// On an empty database.
    pub(super) fn start(
        backend: &'b Backend<'b>,
        portal: &Portal<'_>,
        settings: &[(&str, String)],
    ) -> Outcome<Self> {
        backend.postgres.query(
            "TRUNCATE pncp_orgaos, sync_executions RESTART IDENTITY CASCADE; TRUNCATE sync_source;",
        )?;
        let login = backend.login("farol_ingest", Credentials::INGEST)?;
        let ops = ports::any_free()?;
        let mut command = backend.service("ingestor", &login, ops)?;
        command
            .env("PNCP_BASE_URL", portal.base_url())
            .env("PNCP_ITEMS", "off");
        command.envs(settings.iter().map(|(name, value)| (*name, value)));
        let ready = (ops, "/health/ready");
        let running = backend.start("bench-ingestor", &mut command, ready)?;
        Ok(Self { backend, running })
    }

    /// Asks for all that the portal has. No bell is rung: the ingestor looks for itself, and a run is
    /// measured from its claim.
    pub(super) fn run(&self, portal: &Portal<'_>, expected: Expected) -> Outcome<Run> {
        let requests = portal.request_count()?;
        let pid = self.running.pid;
        let postgres = || {
            let pid = self.backend.postgres_pid()?;
            usage::family_cpu_seconds(pid)
        };
        let (cpu, postgres_cpu) = (usage::cpu_seconds(pid), postgres());
        let id = self.ask_for(portal)?;
        let wall = self.until_ended(&id)?;
        let since = |now: Option<f64>, before: Option<f64>| Some(now? - before?);
        let run = Run {
            records: count(portal.keys().len()),
            requests: count(portal.request_count()? - requests),
            wall,
            cpu: since(usage::cpu_seconds(pid), cpu),
            postgres_cpu: since(postgres(), postgres_cpu),
            peak_mib: usage::peak_mib(pid),
        };
        self.check(&id, portal, expected)?;
        Ok(run)
    }

    fn ask_for(&self, portal: &Portal<'_>) -> Outcome<String> {
        let window = portal.window();
        let row = self.backend.row(&format!(
            "INSERT INTO sync_executions (mode, status, state, requested_by, window_start, window_end)
             SELECT 'backfill', 'running', 'queued', 'bench', {window} RETURNING id"
        ))?;
        Ok(row.concat())
    }

    /// Seconds from claim to end.
    fn until_ended(&self, id: &str) -> Outcome<f64> {
        let deadline = environment::now() + LIMIT;
        loop {
            environment::pause(LOOK);
            self.backend.crew.check_alive()?;
            let row = self.backend.row(&format!(
                "SELECT state, extract(epoch FROM finished_at - started_at), error_message
                 FROM sync_executions WHERE id = {id}"
            ))?;
            match row.first().map(String::as_str) {
                Some("queued" | "running" | "retry_wait") if environment::now() < deadline => {}
                Some("success") => {
                    let wall = row.get(1).and_then(|wall| wall.parse().ok());
                    return wall.ok_or_else(|| void("it has no duration"));
                }
                _ => return Err(void(&row.join(", "))),
            }
        }
    }

    fn check(&self, id: &str, portal: &Portal<'_>, expected: Expected) -> Outcome {
        let kept = self
            .backend
            .postgres
            .query("SELECT numero_controle_pncp FROM pncp_contratacoes")?;
        let kept = kept.into_iter().collect();
        let truth = portal.keys();
        let (lost, strange) = (
            truth.difference(&kept).count(),
            kept.difference(truth).count(),
        );
        if lost + strange > 0 {
            return Err(void(&format!("{lost} records are lost, {strange} made up")));
        }
        let sums = self.backend.row(&format!(
            "SELECT sum(inserted), sum(updated), sum(unchanged), sum(quarantined)
             FROM sync_segments WHERE execution_id = {id}"
        ))?;
        let all = truth.len().to_string();
        let wanted = match expected {
            Expected::AllNew => [all.as_str(), "0", "0", "0"],
            Expected::AllUnchanged => ["0", "0", all.as_str(), "0"],
        };
        if sums != wanted {
            return Err(void(&format!(
                "inserted, updated, unchanged, quarantined are {}, not {}",
                sums.join(", "),
                wanted.join(", ")
            )));
        }
        Ok(())
    }
}

/// A run that lost anything has no figures.
pub(super) fn void(why: &str) -> Failure {
    Failure::new("the run is void")
        .why(why)
        .advice("Is the machine busy with something else? Then try again; else look at target/farol/logs/bench-ingestor.log.")
}

/// The text of a trace; none is the portal's own weather.
pub(super) fn trace(path: Option<&std::path::Path>) -> Outcome<String> {
    let text = path.map(|path| {
        std::fs::read_to_string(path).while_doing(|| format!("reading {}", path.display()))
    });
    text.unwrap_or_else(|| Ok(String::new()))
}

fn count<N: TryInto<u32>>(number: N) -> u32 {
    number.try_into().unwrap_or(u32::MAX)
}
