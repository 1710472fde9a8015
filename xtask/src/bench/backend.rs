//! What the benches of the sync services stand on: built programs, a throwaway Postgres with the
//! schema, a throwaway broker.

use crate::cargo::{self, Programs};
use crate::commands::migrate;
use crate::environment;
use crate::failure::{Failure, Outcome};
use crate::probe;
use crate::process::Crew;
use crate::say;
use crate::servers::{Credentials, Instance, Postgres, RabbitMq, Sources};
use rustix::process::Signal;
use std::process::Command;
use std::time::Duration;

const START_LIMIT: Duration = Duration::from_secs(20);
const QUEUE: &str = "bench";

pub(super) struct Backend<'a> {
    pub(super) crew: &'a Crew<'a>,
    pub(super) postgres: Postgres,
    rabbitmq: RabbitMq,
    programs: Programs,
}

/// A program under measurement, ended with its value.
pub(super) struct Running<'b> {
    crew: &'b Crew<'b>,
    member: &'static str,
    pub(super) pid: u32,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.crew.dismiss(self.member);
    }
}

impl<'a> Backend<'a> {
    /// `programs` and the migrations are built, `release` or not.
    pub(super) fn prepare(
        crew: &'a Crew<'a>,
        programs: &[&'static str],
        release: bool,
    ) -> Outcome<Self> {
        let sources = Sources::find(crew.checkout)?;
        let wanted = Instance::throwaway("bench")?;
        say::step("Building, starting a throwaway Postgres and RabbitMQ");
        let mut args = vec!["--bin", "farol-migrate"];
        args.extend(programs.iter().flat_map(|program| ["--bin", program]));
        if release {
            args.push("--release");
        }
        let ((postgres, rabbitmq), programs) = crew.side_by_side(
            || sources.start(crew, &wanted),
            || cargo::build(crew, &args),
        )?;
        migrate::apply(crew, &programs, &postgres.owner_url)?;
        Ok(Self {
            crew,
            postgres,
            rabbitmq,
            programs,
        })
    }

    /// As the service of this role logs in.
    pub(super) fn login(&self, role: &str, secret: &str) -> Outcome<String> {
        let credentials = Credentials::of(&self.crew.checkout.servers_home()?)?;
        self.postgres
            .login(&format!("{role}_login"), role, credentials.get(secret))
    }

    /// A program without settings yet.
    pub(super) fn program(&self, name: &str) -> Outcome<Command> {
        let mut command = self.programs.command(name)?;
        environment::without_cargo_run(&mut command);
        Ok(command)
    }

    /// A service with its own login and ops port, quiet; what else it needs is the caller's.
    pub(super) fn service(&self, name: &str, database_url: &str, ops: u16) -> Outcome<Command> {
        let mut command = self.program(name)?;
        command
            .env("DATABASE_URL", database_url)
            .env("RABBITMQ_URL", &self.rabbitmq.url)
            .env("QUEUE_NAME", QUEUE)
            .env("OPS_PORT", ops.to_string())
            .env("LOG_LEVEL", "warn");
        Ok(command)
    }

    /// Returns when `path` on `port` is answered with 200.
    pub(super) fn start(
        &self,
        member: &'static str,
        command: &mut Command,
        (port, path): (u16, &str),
    ) -> Outcome<Running<'_>> {
        // Nothing to finish and nothing to keep: the next run waits for its end.
        self.crew.start(member, command, Signal::KILL)?;
        let pid = self.crew.pid_of(member);
        let running = Running {
            crew: self.crew,
            member,
            pid: pid.ok_or_else(|| Failure::new(format!("{member} has no process")))?,
        };
        let ready = || probe::status(port, path) == Some(200);
        self.crew.wait_until(member, START_LIMIT, ready)?;
        Ok(running)
    }

    /// The process that all of Postgres's are children of; none where it is not ours.
    pub(super) fn postgres_pid(&self) -> Option<u32> {
        self.crew.pid_of("postgres-bench")
    }

    /// The one row that a statement returns, by columns.
    pub(super) fn row(&self, sql: &str) -> Outcome<Vec<String>> {
        let rows = self.postgres.query(sql)?;
        let row = rows.first().map(String::as_str).unwrap_or_default();
        Ok(row.split('|').map(str::to_owned).collect())
    }
}
