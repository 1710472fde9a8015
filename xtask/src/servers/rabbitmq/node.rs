//! A private `RabbitMQ` node on disk: its folder, its settings, and the commands that run it and
//! its port mapper. Nothing of the system's own node is read or written.

use super::scripts::Scripts;
use crate::checkout::write_private;
use crate::environment;
use crate::failure::{Failure, Outcome, While};
use crate::ports::ServerPorts;
use crate::servers::account::Account;
use crate::servers::instance::Instance;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The user of a private node, with all rights.
pub(super) const OWNER: &str = "farol";
/// Erlang closes every descriptor that it may have before it starts another program. Where it may
/// have a billion, as in some containers, that takes minutes; this shell becomes the program.
const FEWER_DESCRIPTORS: &str = r#"ulimit -S -n 65536 2>/dev/null; exec "$0" "$@""#;

/// A data folder and the programs that can read it.
pub(super) struct Node {
    scripts: Scripts,
    account: Account,
    /// Distinct among the nodes of one port mapper, and part of the names of files.
    name: String,
    ports: ServerPorts,
    data: PathBuf,
    /// Beside the data, where only we can write.
    settings: PathBuf,
}

impl Node {
    /// A folder per version: another `RabbitMQ` never meets data that it cannot read.
    pub(super) fn at(home: &Path, wanted: &Instance, scripts: Scripts) -> Outcome<Self> {
        let stem = format!("rabbitmq-{}-{}", scripts.version, wanted.name);
        Ok(Self {
            account: Account::of("rabbitmq")?,
            name: format!("farol-{}@localhost", wanted.name),
            ports: wanted.ports,
            data: home.join(&stem),
            settings: home.join(format!("{stem}.conf")),
            scripts,
        })
    }

    /// The server must not run.
    pub(super) fn remove(&self) -> Outcome {
        match fs::remove_dir_all(&self.data) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Failure::new(format!("cannot remove {}", self.data.display())).why(error))
            }
            _ => Ok(()),
        }
    }

    /// The node makes its data itself, with this user, when the folder is empty.
    pub(super) fn prepare(&self, password: &str) -> Outcome {
        fs::create_dir_all(&self.data).while_doing(|| format!("making {}", self.data.display()))?;
        let settings = format!(
            "listeners.tcp.default = 127.0.0.1:{}\n\
             default_user = {OWNER}\n\
             default_pass = {password}\n",
            self.ports.amqp
        );
        write_private(&self.settings, &settings)?;
        self.account.hand_over(&self.settings)?;
        self.account.hand_over(&self.data)
    }

    /// In the foreground, so that it ends with us: started by a node it would be a daemon.
    pub(super) fn epmd(&self) -> Command {
        let mut epmd = self.program(&self.scripts.epmd);
        epmd.args(["-port", &self.ports.epmd.to_string()]);
        epmd
    }

    /// The server: TCP on this machine only, also between nodes. It logs to standard output.
    pub(super) fn server(&self) -> Command {
        let mut server = self.program(&self.scripts.server);
        server
            .env("RABBITMQ_NODENAME", &self.name)
            .env("RABBITMQ_DIST_PORT", self.ports.dist.to_string())
            .env("RABBITMQ_CONFIG_FILE", &self.settings)
            .env("RABBITMQ_MNESIA_BASE", self.data.join("mnesia"))
            .env("RABBITMQ_LOG_BASE", self.data.join("log"))
            .env("RABBITMQ_LOGS", "-");
        // Files that do not exist, in place of those under /etc/rabbitmq.
        server
            .env("RABBITMQ_CONF_ENV_FILE", self.data.join("environment"))
            .env(
                "RABBITMQ_ADVANCED_CONFIG_FILE",
                self.data.join("advanced.config"),
            )
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", self.data.join("plugins"));
        let inside = "-kernel inet_dist_use_interface {127,0,0,1}";
        server.env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", inside);
        // The script then becomes the server, instead of a shell that waits for it: signals and
        // records mean the server itself.
        server.env("RUNNING_UNDER_SYSTEMD", "true");
        server
    }

    /// Its home holds the cookie by which Erlang programs know each other.
    fn program(&self, path: &Path) -> Command {
        let mut command = self.account.command(Path::new("/bin/sh"));
        command.args(["-c", FEWER_DESCRIPTORS]).arg(path);
        let foreign = |name: &str| {
            name.starts_with("RABBITMQ_") || name.starts_with("ERL_") || name == "NOTIFY_SOCKET"
        };
        environment::without(&mut command, foreign)
            .env("HOME", &self.data)
            .env("LC_ALL", "C.UTF-8")
            .env("ERL_EPMD_PORT", self.ports.epmd.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1");
        command
    }
}
