//! The servers that are measured, each started afresh for each run on the server's core and ended
//! with its value.

use super::ground::{Ground, SLUG};
use super::nginx::{Nginx, worker_of};
use crate::failure::{Failure, Outcome};
use crate::ports;
use crate::probe;
use rustix::process::Signal;
use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::time::Duration;

const START_LIMIT: Duration = Duration::from_secs(20);

/// A server under measurement.
pub(super) struct Running<'g> {
    ground: &'g Ground<'g>,
    member: &'static str,
    /// The process that does the work.
    pub(super) pid: u32,
    pub(super) port: u16,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.ground.crew.dismiss(self.member);
    }
}

impl<'g> Running<'g> {
    /// Our service with its default settings, and these beside them.
    pub(super) fn service(ground: &'g Ground<'g>, settings: &[(&str, String)]) -> Outcome<Self> {
        let (port, ops) = (ports::any_free()?, ports::any_free()?);
        let mut command = ground.programs.command("public-service")?;
        command.env("DATABASE_URL", &ground.database_url);
        command
            .env("PORT", port.to_string())
            .env("OPS_PORT", ops.to_string());
        // The client API of a bench is on this machine.
        command
            .env("UPSTREAM_ALLOW_PRIVATE", "true")
            .env("LOG_LEVEL", "warn");
        command.envs(settings.iter().map(|(name, value)| (*name, value)));
        let running = Self::start(ground, "bench-service", port, &mut command)?;
        running.wait(|| probe::status(ops, "/health/ready") == Some(200))?;
        Ok(running)
    }

    pub(super) fn raw(ground: &'g Ground<'g>, connections: usize) -> Outcome<Self> {
        let port = ports::any_free()?;
        let mut command = ground.programs.command("loadgen")?;
        command.args(["raw", "--port", &port.to_string()]);
        command.args(["--connections", &connections.to_string()]);
        let running = Self::start(ground, "bench-raw", port, &mut command)?;
        // To connect would be to take part, so its first line says that it listens.
        let log = ground.crew.checkout.log(running.member);
        running.wait(|| fs::read_to_string(&log).is_ok_and(|text| text.contains("port")))?;
        Ok(running)
    }

    pub(super) fn nginx(
        ground: &'g Ground<'g>,
        nginx: &Nginx,
        connections: usize,
    ) -> Outcome<Self> {
        let port = ports::any_free()?;
        let folder = ground.crew.checkout.state.join("bench-nginx");
        let mut command = nginx.server(&folder, port, connections)?;
        let mut running = Self::start(ground, "bench-nginx", port, &mut command)?;
        running.wait(|| probe::status(port, "/none").is_some())?;
        running.pid = worker_of(running.pid).ok_or_else(|| Failure::new("nginx has no worker"))?;
        Ok(running)
    }

    /// The client API with units that never change, for our service; needs no core of its own.
    pub(super) fn upstream(ground: &'g Ground<'g>) -> Outcome<Self> {
        let port = ports::any_free()?;
        let mut command = ground.programs.command("loadgen")?;
        command.args(["upstream", "--port", &port.to_string()]);
        ground
            .crew
            .start("bench-upstream", &mut command, Signal::KILL)?;
        let running = Self::of(ground, "bench-upstream", port)?;
        running.wait(|| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())?;
        ground.set_upstream(port)?;
        Ok(running)
    }

    fn start(
        ground: &'g Ground<'g>,
        member: &'static str,
        port: u16,
        command: &mut Command,
    ) -> Outcome<Self> {
        // Nothing to finish and nothing to keep: the next run waits for its end.
        ground
            .cores
            .on_server(|| ground.crew.start(member, command, Signal::KILL))?;
        Self::of(ground, member, port)
    }

    fn of(ground: &'g Ground<'g>, member: &'static str, port: u16) -> Outcome<Self> {
        let pid = ground.crew.pid_of(member);
        let pid = pid.ok_or_else(|| Failure::new(format!("{member} has no process")))?;
        Ok(Self {
            ground,
            member,
            pid,
            port,
        })
    }

    fn wait(&self, ready: impl FnMut() -> bool) -> Outcome {
        self.ground.crew.wait_until(self.member, START_LIMIT, ready)
    }

    /// Where the project's status is read.
    pub(super) fn status_url(&self) -> String {
        format!("{}{}", self.url(""), status_path())
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

pub(super) fn status_path() -> String {
    format!("/api/public/{SLUG}/status")
}
