//! Postgres in a container, where nothing is installed and nothing can be.

use crate::servers::cluster::OWNER;
use std::process::{Command, Stdio};

/// The same image as in docker-compose.yml.
const IMAGE: &str = "postgres:16.9-bookworm";

/// A named container of this checkout; its data is a volume of the same name.
pub(crate) struct Container {
    name: String,
    throwaway: bool,
}

impl Container {
    /// `name` must be this checkout's own: a container of that name is removed at the start.
    pub(crate) fn named(name: String, throwaway: bool) -> Self {
        Self { name, throwaway }
    }

    /// A client without a daemon is no Docker.
    pub(crate) fn engine_answers() -> bool {
        quiet(&["info"])
    }

    /// A killed run leaves its container behind, with our name on it.
    pub(crate) fn remove(&self) {
        quiet(&["rm", "--force", &self.name]);
    }

    /// Fails silently when there is none.
    pub(crate) fn remove_data(&self) {
        quiet(&["volume", "rm", "--force", &self.name]);
    }

    /// In the foreground: the client passes signals on, so it is stopped like a local program.
    pub(crate) fn server(&self, port: u16, password: &str) -> Command {
        let mut docker = Command::new("docker");
        docker.args([
            "run",
            "--rm",
            "--name",
            &self.name,
            "--publish",
            &format!("127.0.0.1:{port}:5432"),
        ]);
        docker.args([
            "--env",
            &format!("POSTGRES_USER={OWNER}"),
            "--env",
            "POSTGRES_PASSWORD",
        ]);
        docker.env("POSTGRES_PASSWORD", password);
        if !self.throwaway {
            docker.args([
                "--volume",
                &format!("{}:/var/lib/postgresql/data", self.name),
            ]);
        }
        docker.args([
            IMAGE,
            "-c",
            "max_connections=400",
            "-c",
            "synchronous_commit=off",
        ]);
        docker
    }

    /// `psql` inside the container, over TCP: the image's set-up phase listens on a socket only.
    pub(crate) fn psql(&self) -> Vec<String> {
        [
            "docker",
            "exec",
            "-i",
            "-e",
            "PGPASSWORD",
            &self.name,
            "psql",
        ]
        .map(str::to_owned)
        .to_vec()
    }
}

/// Whether it went well; what it said interests nobody.
fn quiet(args: &[&str]) -> bool {
    let mut docker = Command::new("docker");
    docker
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    docker.status().is_ok_and(|status| status.success())
}
