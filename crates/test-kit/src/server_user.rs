//! Running Postgres programs as a user that Postgres accepts: it refuses to run as root.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of the newest installed Postgres that has `initdb`.
pub(crate) fn postgres_programs() -> PathBuf {
    let installed = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut versions: Vec<(u32, PathBuf)> = installed
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .filter(|(_, programs)| programs.join("initdb").exists())
        .collect();
    versions.sort();
    if let Some((_, programs)) = versions.pop() {
        return programs;
    }
    on_path("initdb").expect("no initdb in /usr/lib/postgresql/*/bin or PATH: install postgresql")
}

fn on_path(program: &str) -> Option<PathBuf> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test has no settings of its own"
    )]
    let path = std::env::var("PATH").ok()?;
    std::env::split_paths(&path).find(|folder| folder.join(program).exists())
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The program itself, or for root the program as user `postgres`; one process either way.
pub(crate) fn as_server_user(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args([
        "--reuid=postgres",
        "--regid=postgres",
        "--init-groups",
        "--",
    ]);
    command.arg(program);
    command
}

/// Hands a folder to the user that the server runs as.
pub(crate) fn give_to_server_user(folder: &Path) {
    if is_root() {
        let status = Command::new("chown")
            .arg("postgres:postgres")
            .arg(folder)
            .status();
        let given = status.is_ok_and(|status| status.success());
        assert!(
            given,
            "as root the tests need a user `postgres` (apt-get install postgresql)"
        );
    }
}
