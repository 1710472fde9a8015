//! Running servers as users that they accept: Postgres refuses to run as root, and `RabbitMQ` has a user of its own.

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

/// The folder on `PATH` that has `program`.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
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

/// The program as a user that Postgres accepts.
pub(crate) fn as_server_user(program: &Path) -> Command {
    as_user("postgres", program)
}

/// The program itself, or for root the program as `user`; one process either way.
pub(crate) fn as_user(user: &str, program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={user}"));
    command.arg(format!("--regid={user}"));
    command.args(["--init-groups", "--"]).arg(program);
    command
}

/// Hands a folder to the user that Postgres runs as.
pub(crate) fn give_to_server_user(folder: &Path) {
    give_to_user("postgres", folder);
}

/// Hands a folder, with what is in it, to the user that a server runs as.
pub(crate) fn give_to_user(user: &str, folder: &Path) {
    if is_root() {
        let owner = format!("{user}:{user}");
        let mut chown = Command::new("chown");
        let status = chown.arg("-R").arg(owner).arg(folder).status();
        let given = status.is_ok_and(|status| status.success());
        assert!(
            given,
            "as root the tests need a user `{user}` (its server's package makes one)"
        );
    }
}
