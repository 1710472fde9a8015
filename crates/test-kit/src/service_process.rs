//! One of our binaries as a real process: started, read, signalled, waited for.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::wait::PATIENCE;

/// Lines kept of a process's output; a test that needs more than these reads the wrong log level.
const MOST_LINES: usize = 200_000;

/// A running process. Killed with its value.
#[derive(Debug)]
pub struct ServiceProcess {
    name: String,
    child: Child,
    log: Log,
    readers: JoinSet<()>,
}

/// One line of output.
#[derive(Debug, Clone)]
pub struct LogLine {
    /// As it came.
    pub text: String,
    /// The line as JSON; null when it is none.
    pub json: Value,
}

impl LogLine {
    /// A field of the line as text, whether the format nests fields or not.
    pub fn field(&self, name: &str) -> Option<&str> {
        let nested = self.json.get("fields").and_then(|fields| fields.get(name));
        nested.or_else(|| self.json.get(name))?.as_str()
    }
}

#[derive(Debug, Clone)]
struct Log {
    lines: Arc<Mutex<Vec<LogLine>>>,
    grown: watch::Sender<()>,
}

impl Log {
    /// The first line like this among those not searched before.
    fn find(&self, searched: &mut usize, like: impl Fn(&LogLine) -> bool) -> Option<LogLine> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let found = lines[*searched..].iter().find(|line| like(line)).cloned();
        *searched = lines.len();
        found
    }
}

impl ServiceProcess {
    /// Runs a binary from `FAROL_BIN_DIR`, or else from the folder of Cargo's that holds the test.
    /// Its environment is `PATH`, `LOG_FORMAT=json` and what is given, nothing of the test's own.
    pub fn spawn(binary: &str, environment: &[(&str, &str)]) -> Self {
        Self::spawn_with(binary, &[], environment)
    }

    /// The same with command-line arguments.
    pub fn spawn_with(binary: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let path = folder().join(binary);
        let mut command = Command::new(&path);
        command
            .args(arguments)
            .env_clear()
            .env("LOG_FORMAT", "json");
        command.envs(variable("PATH").map(|path| ("PATH", path)));
        command.envs(environment.iter().copied());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let spawned = command.kill_on_drop(true).spawn();
        let mut child = spawned.unwrap_or_else(|error| {
            panic!(
                "cannot run {}: {error}; `cargo build` it first",
                path.display()
            )
        });
        let log = Log {
            lines: Arc::default(),
            grown: watch::Sender::new(()),
        };
        let mut readers = JoinSet::new();
        readers.spawn(read(
            child.stdout.take().expect("stdout is piped"),
            log.clone(),
        ));
        readers.spawn(read(
            child.stderr.take().expect("stderr is piped"),
            log.clone(),
        ));
        Self {
            name: binary.to_owned(),
            child,
            log,
            readers,
        }
    }

    /// The address of its listener `public` or `ops`, as `127.0.0.1:PORT`, once it says
    /// "listening".
    pub async fn address(&self, listener: &str) -> String {
        let what = format!("listening on {listener}");
        let line = self.wait_for_line(&what, |line| {
            line.field("message") == Some("listening") && line.field("listener") == Some(listener)
        });
        let line = line.await;
        let address = line.field("address");
        address
            .expect("a listening line tells the address")
            .to_owned()
    }

    /// The first line, past or to come, that is like this; panics with the output after 20 s.
    pub async fn wait_for_line(&self, what: &str, like: impl Fn(&LogLine) -> bool) -> LogLine {
        let mut grown = self.log.grown.subscribe();
        let mut searched = 0;
        let search = async {
            loop {
                grown.mark_unchanged();
                if let Some(line) = self.log.find(&mut searched, &like) {
                    return line;
                }
                if grown.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        let found = timeout(PATIENCE, search).await;
        found.unwrap_or_else(|_| panic!("{} never said: {what}; {}", self.name, self.output()))
    }

    /// Every line so far.
    pub fn lines(&self) -> Vec<LogLine> {
        self.log
            .lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The output so far, as text.
    pub fn output(&self) -> String {
        self.lines()
            .iter()
            .fold(String::new(), |text, line| text + &line.text + "\n")
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id().expect("the process is running")
    }

    /// Asks it to end.
    pub fn sigterm(&self) {
        self.signal(Signal::TERM);
    }

    /// Asks it to end, as Ctrl-C does.
    pub fn sigint(&self) {
        self.signal(Signal::INT);
    }

    /// Ends it at once.
    pub fn kill9(&self) {
        self.signal(Signal::KILL);
    }

    /// Stops it where it stands, as a machine without CPU does, until `sigcont`.
    pub fn sigstop(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn sigcont(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.id()).ok().and_then(Pid::from_raw);
        let sent = kill_process(id.expect("a process id"), signal);
        sent.expect("a running process takes signals");
    }

    /// Waits for its end and the end of its output: the exit code, or `None` after a signal.
    pub async fn wait_exit(&mut self) -> Option<i32> {
        let ending = async {
            let status = self.child.wait().await.expect("a child can be waited for");
            while self.readers.join_next().await.is_some() {}
            status.code()
        };
        let ended = timeout(PATIENCE * 2, ending).await;
        ended.unwrap_or_else(|_| panic!("{} does not end; {}", self.name, self.output()))
    }
}

async fn read(from: impl AsyncRead + Unpin, log: Log) {
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(text)) = lines.next_line().await {
        let json = serde_json::from_str(&text).unwrap_or_default();
        let mut all = log.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < MOST_LINES {
            all.push(LogLine { text, json });
        }
        drop(all);
        log.grown.send_replace(());
    }
}

/// `target/debug` of a test that is `target/debug/deps/name-hash`.
fn folder() -> PathBuf {
    if let Some(folder) = variable("FAROL_BIN_DIR") {
        return PathBuf::from(folder);
    }
    let test = std::env::current_exe().expect("a test knows its path");
    let folder = test.parent().and_then(|deps| deps.parent());
    folder
        .expect("a test lies two folders below the target folder")
        .to_owned()
}

fn variable(name: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test has no settings of its own"
    )]
    let value = std::env::var(name).ok();
    value.filter(|value| !value.is_empty())
}
