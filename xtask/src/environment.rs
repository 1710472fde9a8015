//! The only place of the developer commands that reads the process environment and the clock.

use std::process::Command;
use std::time::Instant;

/// An environment variable; empty counts as unset, as it does for the services.
#[expect(
    clippy::disallowed_methods,
    reason = "the one home of the environment in xtask"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Continuous integration: what a person may skip must not be skipped there.
pub(crate) fn in_ci() -> bool {
    variable("CI").is_some_and(|value| value != "false" && value != "0")
}

/// Decides who owns the servers' processes and data.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Monotonic time, for deadlines and for telling how long a step took.
#[expect(
    clippy::disallowed_methods,
    reason = "developer commands wait for real programs"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// For the one wait that has no event to wait for: the end of a process that is not our child.
#[expect(
    clippy::disallowed_methods,
    reason = "nobody tells when another's child ends"
)]
pub(crate) fn pause(span: std::time::Duration) {
    std::thread::sleep(span);
}

/// Removes what `cargo run` adds to the environment of this process. Build scripts watch some of
/// these variables, so a cargo started with them would compile `ring` and others once more.
pub(crate) fn without_cargo_run(command: &mut Command) -> &mut Command {
    let leaked = |name: &str| {
        name.starts_with("CARGO_PKG_")
            || name.starts_with("CARGO_MANIFEST_")
            || matches!(
                name,
                "CARGO_BIN_NAME" | "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE" | "LD_LIBRARY_PATH"
            )
    };
    without(command, leaked)
}

/// Keeps those variables of this process from a program that would take them as its own.
pub(crate) fn without(command: &mut Command, unwanted: impl Fn(&str) -> bool) -> &mut Command {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in names.filter(|name| unwanted(name)) {
        command.env_remove(name);
    }
    command
}

/// Raises the soft limit of open files to the hard one, for this process and all that it starts:
/// tests hold thousands of sockets. Returns what is allowed now.
pub(crate) fn raise_open_files() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // A refusal (macOS knows an "unlimited" that it does not grant) leaves the limit as it was.
    let _ = setrlimit(Resource::Nofile, raised);
    getrlimit(Resource::Nofile).current
}
