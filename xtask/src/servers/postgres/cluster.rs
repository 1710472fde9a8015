//! A private Postgres cluster on disk: made by initdb, owned by the user that may run it.

use super::binaries::Binaries;
use crate::failure::{Failure, Outcome, While};
use crate::servers::account::Account;
use crate::servers::instance::Instance;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The superuser of a private cluster, and the owner of its database.
pub(super) const OWNER: &str = "farol";
/// For development: a crash of the machine may lose the last moments, never more.
const DURABLE: &[&str] = &["synchronous_commit=off", "max_connections=200"];
/// For one test run: nothing has to survive, so nothing waits for the disk.
const THROWAWAY: &[&str] = &[
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "max_connections=400",
];

/// A data folder and the programs that can read it.
pub(super) struct Cluster {
    binaries: Binaries,
    data: PathBuf,
    throwaway: bool,
    account: Account,
}

impl Cluster {
    /// A folder per major version: another Postgres never meets data that it cannot read.
    pub(super) fn at(home: &Path, wanted: &Instance, binaries: Binaries) -> Outcome<Self> {
        Ok(Self {
            data: home.join(format!("postgres-{}-{}", binaries.major, wanted.name)),
            throwaway: wanted.throwaway,
            account: Account::of("postgres")?,
            binaries,
        })
    }

    /// `initdb` writes this file, and the folder gets its name only when initdb has succeeded.
    pub(super) fn exists(&self) -> bool {
        self.data.join("PG_VERSION").exists()
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

    /// Into a neighbour folder first: an interrupted initdb leaves nothing that looks complete.
    pub(super) fn create(&self, password: &str) -> Outcome {
        let fresh = self.data.with_extension("new");
        let password_file = self.data.with_extension("password");
        let _ = fs::remove_dir_all(&fresh);
        fs::create_dir(&fresh).while_doing(|| format!("making {}", fresh.display()))?;
        fs::write(&password_file, password)
            .while_doing(|| format!("writing {}", password_file.display()))?;
        for path in [&fresh, &password_file] {
            self.account.hand_over(path)?;
        }
        let mut initdb = self.program("initdb");
        initdb
            .arg("--pgdata")
            .arg(&fresh)
            .arg("--username")
            .arg(OWNER)
            .arg("--pwfile")
            .arg(&password_file);
        initdb.args([
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ]);
        let made = run_quietly(initdb);
        let _ = fs::remove_file(&password_file);
        made?;
        fs::rename(&fresh, &self.data).while_doing(|| format!("moving {}", fresh.display()))
    }

    /// The server: TCP on this machine only. No socket file, whose path may be too long for one.
    pub(super) fn server(&self, port: u16) -> Command {
        let mut server = self.program("postgres");
        server
            .arg("-D")
            .arg(&self.data)
            .args(["-p", &port.to_string()]);
        let fixed = [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "timezone=UTC",
            "log_timezone=UTC",
            "jit=off",
        ];
        for setting in fixed
            .iter()
            .chain(if self.throwaway { THROWAWAY } else { DURABLE })
        {
            server.args(["-c", setting]);
        }
        server
    }

    /// Of the same version as the server.
    pub(super) fn psql(&self) -> PathBuf {
        self.binaries.folder.join("psql")
    }

    /// Without settings of the caller's own Postgres.
    fn program(&self, name: &str) -> Command {
        let mut command = self.account.command(&self.binaries.folder.join(name));
        command
            .env("LC_ALL", "C")
            .env_remove("PGDATA")
            .env_remove("PGPORT")
            .env_remove("PGHOST");
        command
    }
}

/// A page of advice about starting the server is not for our reader; an error is.
fn run_quietly(mut command: Command) -> Outcome {
    let output = command
        .output()
        .while_doing(|| format!("starting {}", command.get_program().to_string_lossy()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Failure::new("initdb failed").why(String::from_utf8_lossy(&output.stderr).trim_end()))
}
