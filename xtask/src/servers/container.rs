//! A server in a container, where nothing is installed and nothing can be.

use std::process::{Command, Stdio};

/// An image that docker-compose.yml uses too.
pub(super) struct Image {
    /// With its tag.
    pub(super) name: &'static str,
    /// Where its server listens.
    pub(super) port: u16,
    /// Where it keeps its data.
    pub(super) data: &'static str,
}

/// A named container of this checkout; its data is a volume of the same name.
pub(super) struct Container {
    name: String,
    throwaway: bool,
}

impl Container {
    /// `name` must be this checkout's own: a container of that name is removed at the start.
    pub(super) fn named(name: String, throwaway: bool) -> Self {
        Self { name, throwaway }
    }

    /// A client without a daemon is no Docker.
    pub(super) fn engine_answers() -> bool {
        quiet(&["info"])
    }

    /// A killed run leaves its container behind, with our name on it.
    pub(super) fn remove(&self) {
        quiet(&["rm", "--force", &self.name]);
    }

    /// Fails silently when there is none.
    pub(super) fn remove_data(&self) {
        quiet(&["volume", "rm", "--force", &self.name]);
    }

    /// In the foreground: the client passes signals on, so it is stopped like a local program. The
    /// values of `variables` are secrets: they go through the environment, not the command line.
    pub(super) fn server(&self, image: &Image, port: u16, variables: &[(&str, &str)]) -> Command {
        let mut docker = Command::new("docker");
        docker.args(["run", "--rm", "--name", &self.name]);
        // RabbitMQ keeps its data under the name of its host.
        docker.args(["--hostname", "farol"]);
        docker.args(["--publish", &format!("127.0.0.1:{port}:{}", image.port)]);
        for (name, value) in variables {
            docker.args(["--env", name]).env(name, value);
        }
        if !self.throwaway {
            docker.args(["--volume", &format!("{}:{}", self.name, image.data)]);
        }
        docker.arg(image.name);
        docker
    }

    /// A program inside the container, with one variable of ours.
    pub(super) fn inside(&self, program: &str, variable: &str) -> Vec<String> {
        ["docker", "exec", "-i", "-e", variable, &self.name, program]
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
