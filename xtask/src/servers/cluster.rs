//! A private Postgres cluster on disk: made by initdb, owned by the user that may run it.

use crate::environment;
use crate::failure::{Failure, Outcome, While};
use crate::servers::binaries::Binaries;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The superuser of a private cluster, and the owner of its database.
pub(crate) const OWNER: &str = "farol";
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
pub(crate) struct Cluster {
    binaries: Binaries,
    data: PathBuf,
    throwaway: bool,
    runner: Option<SystemUser>,
}

/// Postgres refuses to run as root: then it runs as this user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SystemUser {
    uid: u32,
    gid: u32,
}

impl Cluster {
    /// A folder per major version: another Postgres never meets data that it cannot read.
    pub(crate) fn at(
        home: &Path,
        name: &str,
        binaries: Binaries,
        throwaway: bool,
    ) -> Outcome<Self> {
        let data = home.join(format!("postgres-{}-{name}", binaries.major));
        let runner = if environment::is_root() {
            Some(SystemUser::find()?)
        } else {
            None
        };
        Ok(Self {
            binaries,
            data,
            throwaway,
            runner,
        })
    }

    /// `initdb` writes this file, and the folder gets its name only when initdb has succeeded.
    pub(crate) fn exists(&self) -> bool {
        self.data.join("PG_VERSION").exists()
    }

    /// The server must not run.
    pub(crate) fn remove(&self) -> Outcome {
        match fs::remove_dir_all(&self.data) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Failure::new(format!("cannot remove {}", self.data.display())).why(error))
            }
            _ => Ok(()),
        }
    }

    /// Into a neighbour folder first: an interrupted initdb leaves nothing that looks complete.
    pub(crate) fn create(&self, password: &str) -> Outcome {
        let fresh = self.data.with_extension("new");
        let password_file = self.data.with_extension("password");
        let _ = fs::remove_dir_all(&fresh);
        fs::create_dir(&fresh).while_doing(|| format!("making {}", fresh.display()))?;
        fs::write(&password_file, password)
            .while_doing(|| format!("writing {}", password_file.display()))?;
        for path in [&fresh, &password_file] {
            self.hand_over(path)?;
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
    pub(crate) fn server(&self, port: u16) -> Command {
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
    pub(crate) fn psql(&self) -> PathBuf {
        self.binaries.folder.join("psql")
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.binaries.folder.join(name));
        if let Some(user) = self.runner {
            command.uid(user.uid).gid(user.gid);
        }
        // A folder that this user may stand in, and no settings of the caller's own Postgres.
        command
            .current_dir("/")
            .env("LC_ALL", "C")
            .env_remove("PGDATA")
            .env_remove("PGPORT")
            .env_remove("PGHOST");
        command
    }

    /// Postgres refuses a data folder that others can read or that is not its user's.
    fn hand_over(&self, path: &Path) -> Outcome {
        let mode = if path.is_dir() { 0o700 } else { 0o600 };
        let permit = fs::set_permissions(path, fs::Permissions::from_mode(mode));
        let given = permit.and_then(|()| match self.runner {
            Some(user) => chown(path, Some(user.uid), Some(user.gid)),
            None => Ok(()),
        });
        given.while_doing(|| format!("giving {} to the server's user", path.display()))
    }
}

impl SystemUser {
    /// Debian's packages make `postgres`; `nobody` is on every system.
    fn find() -> Outcome<Self> {
        let passwd =
            fs::read_to_string("/etc/passwd").while_doing(|| "reading /etc/passwd".into())?;
        Self::named("postgres", &passwd)
            .or_else(|| Self::named("nobody", &passwd))
            .ok_or_else(|| {
                Failure::new("no user to run Postgres as")
                    .why("it refuses to run as root, and there is no user `postgres`")
                    .advice("Add one (useradd --system postgres), or work as a normal user.")
            })
    }

    fn named(name: &str, passwd: &str) -> Option<Self> {
        let mut fields = passwd
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?
            .split(':')
            .skip(1);
        Some(Self {
            uid: fields.next()?.parse().ok()?,
            gid: fields.next()?.parse().ok()?,
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_user_is_found_by_its_whole_name() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\npostgres2:x:7:8::/:/bin/sh\npostgres:x:105:113:,,,:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(
            SystemUser::named("postgres", passwd),
            Some(SystemUser { uid: 105, gid: 113 })
        );
        assert_eq!(SystemUser::named("nobody", passwd), None);
    }
}
