//! Finding an installed `RabbitMQ`: its own scripts, not the wrappers that packages put into PATH,
//! which run it as the system's service and refuse normal users.

use crate::environment;
use crate::servers::source::Programs;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold one installation per version, and where their scripts are.
const VERSIONED: &[(&str, &str)] = &[
    ("/usr/lib/rabbitmq/lib", "sbin"),
    ("/opt/homebrew/Cellar/rabbitmq", "sbin"),
    ("/usr/local/Cellar/rabbitmq", "sbin"),
];
/// Where Erlang's programs are when PATH does not tell.
const ERLANG: &[&str] = &[
    "/usr/bin",
    "/usr/lib/erlang/bin",
    "/opt/homebrew/bin",
    "/usr/local/bin",
];

/// One installation of the server, with the port mapper of its Erlang.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scripts {
    pub(super) server: PathBuf,
    pub(super) epmd: PathBuf,
    /// As in the names of its folders: `3.10.8`.
    pub(super) version: String,
}

impl Programs for Scripts {
    const SERVER: &str = "RabbitMQ";
    const VARIABLE: &str = "RABBITMQ_URL";
    const PACKAGE: &str = "rabbitmq-server";
    const ADVICE: &str = "\
        Debian, Ubuntu: sudo apt-get install rabbitmq-server\n\
        Fedora:         sudo dnf install rabbitmq-server\n\
        macOS:          brew install rabbitmq\n\
        or start Docker, or set RABBITMQ_URL to a server whose user may declare queues";

    /// The newest that is installed.
    fn find() -> Option<Self> {
        let path = environment::variable("PATH").unwrap_or_default();
        let on_path: Vec<PathBuf> = std::env::split_paths(&path).collect();
        let erlang = on_path
            .iter()
            .cloned()
            .chain(ERLANG.iter().map(PathBuf::from));
        let epmd = erlang
            .map(|folder| folder.join("epmd"))
            .find(|it| it.is_file())?;
        let versioned = VERSIONED.iter().flat_map(|(parent, below)| {
            let entries = fs::read_dir(parent).into_iter().flatten().flatten();
            entries
                .map(|entry| entry.path().join(below))
                .collect::<Vec<_>>()
        });
        let found = versioned.chain(on_path).filter_map(|folder| {
            let server = folder.join("rabbitmq-server");
            let version = version(&folder.parent()?.join("plugins"))?;
            let epmd = epmd.clone();
            server.is_file().then_some(Self {
                server,
                epmd,
                version,
            })
        });
        found.max_by_key(|it| numbers(&it.version))
    }
}

/// The server is a plugin of itself: `plugins/rabbit-3.10.8`, in some releases with `.ez` behind.
/// Wrappers have no such folder beside them.
fn version(plugins: &Path) -> Option<String> {
    let mut names = fs::read_dir(plugins)
        .ok()?
        .flatten()
        .map(|entry| entry.file_name());
    names.find_map(|name| version_of(&name.to_string_lossy()))
}

fn version_of(plugin: &str) -> Option<String> {
    let version = plugin.strip_prefix("rabbit-")?;
    let version = version.strip_suffix(".ez").unwrap_or(version);
    version
        .starts_with(|c: char| c.is_ascii_digit())
        .then(|| version.to_owned())
}

/// 3.9 is older than 3.10.
fn numbers(version: &str) -> Vec<u32> {
    version
        .split('.')
        .map(|part| part.parse().unwrap_or(0))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_plugin_which_is_the_server() {
        assert_eq!(version_of("rabbit-3.10.8").as_deref(), Some("3.10.8"));
        assert_eq!(version_of("rabbit-3.6.16.ez").as_deref(), Some("3.6.16"));
        assert_eq!(version_of("rabbitmq_management-3.10.8"), None);
        assert_eq!(version_of("rabbit-common"), None);
        assert!(numbers("3.9.30") < numbers("3.10.8"));
    }
}
