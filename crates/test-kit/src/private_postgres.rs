//! A throw-away Postgres server of one test, which may kill it.

use std::path::PathBuf;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use crate::free_port::free_port;
use crate::server_user::{as_server_user, give_to_server_user, postgres_programs};
use crate::wait::{PATIENCE, wait_until};

/// A running server with a data folder of its own. Ends with its value.
#[derive(Debug)]
pub struct PrivatePostgres {
    folder: PathBuf,
    programs: PathBuf,
    port: u16,
    postmaster: Option<Child>,
}

impl PrivatePostgres {
    /// Makes a cluster below the temporary folder and starts it.
    pub async fn start() -> Self {
        let unique = uuid::Uuid::new_v4().simple().to_string();
        let folder = std::env::temp_dir().join(format!("farol-pg-{}", &unique[..12]));
        std::fs::create_dir(&folder).expect("a new folder in the temporary folder");
        give_to_server_user(&folder);
        let mut server = Self {
            folder,
            programs: postgres_programs(),
            port: free_port(),
            postmaster: None,
        };
        let mut initdb = as_server_user(&server.programs.join("initdb"));
        initdb
            .current_dir(&server.folder)
            .arg("-D")
            .arg(server.data());
        initdb.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]);
        let made = initdb.output().expect("initdb can be run");
        assert!(
            made.status.success(),
            "initdb: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        server.restart().await;
        server
    }

    /// Connects as the superuser; the same address after a restart.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Kills the postmaster; its children notice and die of it.
    pub fn kill9(&mut self) {
        self.end(Signal::KILL);
    }

    /// Starts the server, again after `kill9`, and returns once it answers.
    pub async fn restart(&mut self) {
        self.end(Signal::QUIT);
        // Children of a killed postmaster hold its shared memory for a moment, and a server that
        // finds it in use gives up: try until it stays.
        let options: PgConnectOptions = self.url().parse().expect("our own URL");
        wait_until("the private Postgres answers", PATIENCE * 3, async || {
            if self.has_ended() {
                self.postmaster = Some(self.launch());
            }
            match options.connect().await {
                Ok(connection) => connection.close().await.is_ok(),
                Err(_) => false,
            }
        })
        .await;
    }

    fn launch(&self) -> Child {
        let log = self.folder.join("server.log");
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(log);
        let log = log.expect("the server's log can be written");
        let mut command = as_server_user(&self.programs.join("postgres"));
        command.current_dir(&self.folder).arg("-D").arg(self.data());
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        command.args(["-c", "fsync=off", "-c", "max_connections=50"]);
        command.arg("-k").arg(&self.folder);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        command.spawn().expect("postgres can be run")
    }

    fn has_ended(&mut self) -> bool {
        let running = self.postmaster.as_mut();
        running.is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }

    fn end(&mut self, signal: Signal) {
        if let Some(mut child) = self.postmaster.take() {
            // One that has ended by itself needs no signal; `wait` reaps it either way.
            let _ = kill_process(Pid::from_child(&child), signal);
            let _ = child.wait();
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        // SIGQUIT is Postgres's immediate shutdown: the children are ended too.
        self.end(Signal::QUIT);
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
