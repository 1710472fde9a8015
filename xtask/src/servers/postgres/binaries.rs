//! Finding an installed Postgres: Debian, Homebrew and the usual other places, then PATH.

use crate::environment;
use crate::servers::source::Programs;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest major version that the contract supports.
const OLDEST: u32 = 13;
/// Folders that hold one `bin` per version, with what comes between.
const VERSIONED: [(&str, &str); 4] = [
    ("/usr/lib/postgresql", "bin"),
    ("/opt/homebrew/opt", "bin"),
    ("/usr/local/opt", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "bin"),
];

/// A folder with `postgres`, `initdb` and `psql` of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binaries {
    pub(super) folder: PathBuf,
    pub(super) major: u32,
}

impl Programs for Binaries {
    const SERVER: &str = "Postgres";
    const VARIABLE: &str = "DATABASE_URL";
    const PACKAGE: &str = "postgresql";
    const ADVICE: &str = "\
        Debian, Ubuntu: sudo apt-get install postgresql (13 or newer)\n\
        Fedora:         sudo dnf install postgresql-server\n\
        macOS:          brew install postgresql@16\n\
        or start Docker, or set DATABASE_URL to a database whose owner may create roles";

    /// The newest that is installed.
    fn find() -> Option<Self> {
        let complete = |folder: &PathBuf| {
            ["postgres", "initdb", "psql"]
                .iter()
                .all(|name| folder.join(name).is_file())
        };
        let found = folders().into_iter().filter(complete).filter_map(|folder| {
            let major = major(&folder.join("postgres"))?;
            Some(Self { folder, major })
        });
        found
            .filter(|it| it.major >= OLDEST)
            .max_by_key(|it| it.major)
    }
}

/// The folder of what is installed, for whoever starts a server of its own.
pub(crate) fn programs() -> Option<PathBuf> {
    Binaries::find().map(|it| it.folder)
}

/// A `psql` of any version, for a database that somebody else runs.
pub(super) fn psql() -> Option<PathBuf> {
    folders()
        .into_iter()
        .map(|folder| folder.join("psql"))
        .find(|path| path.is_file())
}

/// Debian keeps server programs out of PATH so that versions can live side by side.
fn folders() -> Vec<PathBuf> {
    let versioned = VERSIONED.iter().flat_map(|(parent, below)| {
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        entries
            .map(|entry| entry.path().join(below))
            .collect::<Vec<_>>()
    });
    let path = environment::variable("PATH").unwrap_or_default();
    let on_path: Vec<PathBuf> = std::env::split_paths(&path).collect();
    versioned.chain(on_path).collect()
}

/// Asked of the program itself: folder names differ between systems.
fn major(postgres: &Path) -> Option<u32> {
    let output = Command::new(postgres).arg("--version").output().ok()?;
    parse_major(&String::from_utf8_lossy(&output.stdout))
}

/// `postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)`, `… 17beta1`.
fn parse_major(line: &str) -> Option<u32> {
    let version = line.split(") ").nth(1)?;
    let digits = version
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(version.len());
    version.get(..digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_what_distributions_print() {
        assert_eq!(
            parse_major("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(parse_major("postgres (PostgreSQL) 17beta1"), Some(17));
        assert_eq!(parse_major("postgres (PostgreSQL) 9.6.24"), Some(9));
        assert_eq!(parse_major("mysqld"), None);
    }
}
