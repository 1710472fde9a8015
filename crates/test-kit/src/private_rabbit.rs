//! A throw-away `RabbitMQ` node of one test, which may stop it, kill it and set its alarms off.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::free_port::free_port;
use crate::server_user::{as_user, give_to_user, on_path};
use crate::wait::{PATIENCE, wait_until};

/// The system user that Debian's package makes; only root needs one.
const USER: &str = "rabbitmq";

/// The first bytes of every AMQP 0-9-1 client; a broker that is ready answers them with a method frame.
const GREETING: &[u8] = b"AMQP\x00\x00\x09\x01";

/// Overdue acknowledgements are looked for every second, not every minute; only this file can say so.
const ADVANCED: &str = "[{rabbit, [{channel_tick_interval, 1000}]}].";

/// Becomes the program. Erlang closes every descriptor that it may have before it starts another program, which takes
/// minutes where it may have a billion; and the end of standard input, which is held by the test, is the end of all: a
/// test that is killed leaves no server behind.
const GUARD: &str = r#"ulimit -S -n 65536 2>/dev/null; exec 3<&0
(cat <&3 >/dev/null; kill -KILL 0) &
exec "$0" "$@" </dev/null 3<&-"#;

/// How often a start is tried: a killed node's name is free only a moment after its death.
const MOST_STARTS: u32 = 10;

/// A start is seconds of CPU: more of them at once than there are cores make each other late.
static STARTING: Semaphore = Semaphore::const_new(2);

/// A running node with a port mapper and a data folder of its own. Ends with its value.
#[derive(Debug)]
pub struct PrivateRabbit {
    folder: PathBuf,
    programs: PathBuf,
    port: u16,
    distribution_port: u16,
    mapper_port: u16,
    mapper: Option<Child>,
    node: Option<Child>,
}

impl PrivateRabbit {
    /// Makes a node below the temporary folder and starts it.
    pub async fn start() -> Self {
        Self::with_config("").await
    }

    /// The same with more lines of `rabbitmq.conf`, such as `consumer_timeout = 10000`.
    pub async fn with_config(lines: &str) -> Self {
        let unique = uuid::Uuid::new_v4().simple().to_string();
        let folder = std::env::temp_dir().join(format!("farol-mq-{}", &unique[..12]));
        fs::create_dir(&folder).expect("a new folder in the temporary folder");
        let mut node = Self {
            folder,
            programs: rabbitmq_programs(),
            port: free_port(),
            distribution_port: free_port(),
            mapper_port: free_port(),
            mapper: None,
            node: None,
        };
        node.write_settings(lines);
        give_to_user(USER, &node.folder);
        node.restart().await;
        node
    }

    /// Connects as guest to the vhost `/`; the same address after a restart.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    /// Its address as `host:port`, for a proxy in between.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Kills the node; what is durable stays on its disk.
    pub fn kill9(&mut self) {
        if let Some(mut node) = self.node.take() {
            // The script and the virtual machine that it started: one group.
            let _ = kill_process_group(Pid::from_child(&node), Signal::KILL);
            let _ = node.wait();
        }
    }

    /// Stops the node in order, as a system update does; returns when it is gone.
    pub async fn stop(&mut self) {
        let machine = fs::read_to_string(self.folder.join("pid")).unwrap_or_default();
        let machine = machine.trim().parse().ok().and_then(Pid::from_raw);
        kill_process(machine.expect("the node wrote its pid"), Signal::TERM)
            .expect("the node runs");
        wait_until("the private RabbitMQ stops", PATIENCE, async || {
            self.has_ended()
        })
        .await;
        self.kill9();
    }

    /// Starts the node, again after `stop` or `kill9`, and returns once it answers.
    pub async fn restart(&mut self) {
        let _turn = STARTING.acquire().await;
        self.kill9();
        if self.mapper.is_none() {
            // A node that finds no port mapper starts one that outlives it.
            self.mapper = Some(self.launch("epmd"));
        }
        let address = self.address();
        let mut starts = 0;
        wait_until("the private RabbitMQ answers", PATIENCE * 9, async || {
            if self.has_ended() {
                starts += 1;
                assert!(
                    starts <= MOST_STARTS,
                    "RabbitMQ gives up: {}",
                    self.output()
                );
                self.node = Some(self.launch("rabbitmq-server"));
            }
            answers(&address).await
        })
        .await;
    }

    /// Runs `rabbitmqctl` with `arguments` against the node and returns what it printed.
    pub async fn control(&self, arguments: &[&str]) -> String {
        let mut command = self.command(&self.programs.join("rabbitmqctl"), &["--quiet"]);
        command.args(arguments);
        let mut command = tokio::process::Command::from(command);
        let run = timeout(PATIENCE, command.kill_on_drop(true).output()).await;
        let run = run.expect("rabbitmqctl ends").expect("rabbitmqctl runs");
        let told = String::from_utf8_lossy(&run.stdout).into_owned();
        assert!(run.status.success(), "rabbitmqctl {arguments:?}: {told}");
        told
    }

    /// The broker has no memory left, as it sees it: it reads nothing more from those who publish.
    pub async fn raise_memory_alarm(&self) {
        self.control(&["set_vm_memory_high_watermark", "0"]).await;
    }

    /// Memory again.
    pub async fn clear_memory_alarm(&self) {
        self.control(&["set_vm_memory_high_watermark", "0.6"]).await;
    }

    /// Ends every connection with 320 `CONNECTION_FORCED`.
    pub async fn close_all_connections(&self) {
        self.control(&["close_all_connections", "by the test"])
            .await;
    }

    fn write_settings(&self, lines: &str) {
        let mut settings = format!(
            "listeners.tcp.1 = {}\nlog.file = node.log\nlog.console = false\n",
            self.address()
        );
        let _ = writeln!(settings, "disk_free_limit.absolute = 1MB\n{lines}");
        let files = [
            ("rabbitmq.conf", settings.as_str()),
            ("advanced.config", ADVANCED),
            ("enabled_plugins", "[]."),
            ("rabbitmq-env.conf", ""),
        ];
        for (name, text) in files {
            let written = fs::write(self.folder.join(name), text);
            written.expect("a file in our own folder");
        }
    }

    fn launch(&self, program: &str) -> Child {
        use std::os::unix::process::CommandExt as _;
        let log = self.folder.join("output.log");
        let log = fs::OpenOptions::new().create(true).append(true).open(log);
        let log = log.expect("the node's output can be written");
        let output = log.try_clone().expect("a second handle on our own file");
        let mut command = self.command(Path::new("/bin/sh"), &["-c", GUARD]);
        if program == "epmd" {
            let folder = on_path("epmd").expect("no epmd in PATH: install erlang-base");
            let port = self.mapper_port.to_string();
            command.arg(folder.join(program));
            command.args(["-address", "127.0.0.1", "-port", &port]);
        } else {
            command.arg(self.programs.join(program));
        }
        command.process_group(0).stdin(Stdio::piped());
        command.stdout(output).stderr(log);
        command.spawn().expect("RabbitMQ can be run")
    }

    /// A program of the package with an environment that leads it to this node and to nothing of the system's.
    fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = as_user(USER, program);
        let name = self
            .folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        command.args(arguments).current_dir(&self.folder);
        command.env_clear().env("HOME", &self.folder);
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
        command.env("LANG", "C.UTF-8").env("LC_ALL", "C.UTF-8");
        command.env("RABBITMQ_NODENAME", format!("{name}@localhost"));
        for (variable, file) in [
            ("RABBITMQ_CONFIG_FILE", "rabbitmq.conf"),
            ("RABBITMQ_CONF_ENV_FILE", "rabbitmq-env.conf"),
            ("RABBITMQ_ADVANCED_CONFIG_FILE", "advanced.config"),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", "enabled_plugins"),
            ("RABBITMQ_MNESIA_BASE", "mnesia"),
            ("RABBITMQ_LOG_BASE", "log"),
            ("RABBITMQ_PID_FILE", "pid"),
        ] {
            command.env(variable, self.folder.join(file));
        }
        command.env("RABBITMQ_DIST_PORT", self.distribution_port.to_string());
        command.env("ERL_EPMD_PORT", self.mapper_port.to_string());
        command.env("ERL_EPMD_ADDRESS", "127.0.0.1");
        command.env(
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
            "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1 +sbwt none",
        );
        command
    }

    fn output(&self) -> String {
        fs::read_to_string(self.folder.join("output.log")).unwrap_or_default()
    }

    fn has_ended(&mut self) -> bool {
        let node = self.node.as_mut();
        node.is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }
}

impl Drop for PrivateRabbit {
    fn drop(&mut self) {
        self.kill9();
        if let Some(mut mapper) = self.mapper.take() {
            let _ = kill_process_group(Pid::from_child(&mapper), Signal::KILL);
            let _ = mapper.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

async fn answers(address: &str) -> bool {
    let greeted = timeout(PATIENCE, async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(GREETING).await?;
        stream.read_u8().await
    });
    matches!(greeted.await, Ok(Ok(1)))
}

/// The folder of the real scripts: the ones in `/usr/sbin` insist on the system's own node. Else Homebrew's, on PATH.
fn rabbitmq_programs() -> PathBuf {
    let installed = fs::read_dir("/usr/lib/rabbitmq/lib")
        .into_iter()
        .flatten()
        .flatten();
    let mut scripts: Vec<PathBuf> = installed
        .map(|entry| entry.path().join("sbin"))
        .filter(|folder| folder.join("rabbitmq-server").exists())
        .collect();
    scripts.sort();
    let scripts = scripts.pop().or_else(|| on_path("rabbitmq-server"));
    scripts.expect(
        "no rabbitmq-server in /usr/lib/rabbitmq/lib/*/sbin or PATH: install rabbitmq-server",
    )
}
