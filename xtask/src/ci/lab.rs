//! What the steps of `ci` share: built programs, throwaway servers, a Python of their own.

use crate::cargo::{self, Programs};
use crate::failure::{Failure, Outcome, While};
use crate::process::{Crew, Task};
use crate::say;
use crate::servers::{Instance, Postgres, RabbitMq, Sources};
use std::cell::Cell;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Lives as long as the steps run; its servers end with the crew.
pub(crate) struct Lab<'a> {
    pub(crate) crew: &'a Crew<'a>,
    programs: Programs,
    postgres: Postgres,
    rabbitmq: RabbitMq,
    remark: Cell<&'static str>,
}

impl<'a> Lab<'a> {
    /// Tests were built with the same features, so after `cargo xtask test` there is little to compile.
    pub(crate) fn open(crew: &'a Crew<'a>) -> Outcome<Self> {
        let sources = Sources::find(crew.checkout)?;
        let wanted = Instance::throwaway("ci")?;
        say::step("Building the services, starting Postgres and RabbitMQ");
        let ((postgres, rabbitmq), programs) = crew.side_by_side(
            || sources.start(crew, &wanted),
            || cargo::build(crew, cargo::EVERYTHING),
        )?;
        Ok(Self {
            crew,
            programs,
            postgres,
            rabbitmq,
            remark: Cell::default(),
        })
    }

    /// For what a step could not look at without failing: stands beside its "passed" in the summary.
    pub(crate) fn remark(&self, remark: &'static str) {
        self.remark.set(remark);
    }

    /// The remark of the step that has just ended; none is empty.
    pub(crate) fn last_remark(&self) -> &'static str {
        self.remark.take()
    }

    /// Runs one program of a check; its exit code is the verdict.
    pub(crate) fn check(&self, name: &'static str, command: &mut Command) -> Outcome {
        self.crew.run_shown(
            &Task {
                name,
                interruptible: true,
            },
            command.current_dir(&self.crew.checkout.root),
        )
    }

    /// A program of the workspace.
    pub(crate) fn program(&self, name: &str) -> Outcome<Command> {
        self.programs.command(name)
    }

    /// Cargo as a check.
    pub(crate) fn cargo(&self, name: &'static str, args: &[&str]) -> Outcome {
        self.check(name, &mut cargo::cargo(self.crew, args))
    }

    /// A Python script of this repository, in the private environment, told where everything is.
    pub(crate) fn python(&self, script: &str) -> Outcome<Command> {
        let mut command = Command::new(self.venv()?);
        command
            .arg(script)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONPATH", self.crew.checkout.root.join("ci"));
        command
            .env("DATABASE_URL", &self.postgres.owner_url)
            .env("RABBITMQ_URL", &self.rabbitmq.url);
        let folder = self
            .programs
            .folder()
            .ok_or_else(|| Failure::new("the workspace builds no program"))?;
        command.env("FAROL_BIN_DIR", folder);
        Ok(command)
    }

    /// `target/farol/venv`, made anew when ci/requirements.txt has changed since.
    fn venv(&self) -> Outcome<PathBuf> {
        let checkout = self.crew.checkout;
        let folder = checkout.state.join("venv");
        let python = folder.join("bin/python");
        let requirements = checkout.root.join("ci/requirements.txt");
        let wanted = fs::read_to_string(&requirements)
            .while_doing(|| format!("reading {}", requirements.display()))?;
        let installed = folder.join("requirements.txt");
        if python.exists() && fs::read_to_string(&installed).is_ok_and(|it| it == wanted) {
            return Ok(python);
        }
        say::note("installing the Python packages of ci/requirements.txt into target/farol/venv");
        let mut venv = Command::new("python3");
        self.check("venv", venv.args(["-m", "venv", "--clear"]).arg(&folder))?;
        let mut pip = Command::new(&python);
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
        ])
        .arg(&requirements);
        self.check("pip", &mut pip)
            .map_err(|failure| failure.advice("Is there a network? pip needs its index."))?;
        fs::write(&installed, wanted).while_doing(|| "noting what was installed".into())?;
        Ok(python)
    }
}
