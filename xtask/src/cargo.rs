//! Building the workspace with visible progress, and finding what was built.

use crate::environment;
use crate::failure::{Failure, Outcome};
use crate::process::{Crew, Task};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::Command;

/// Programs and tests in one go, with the features that `cargo test` will ask for: building the
/// programs alone first would compile some dependencies twice.
pub(crate) const EVERYTHING: &[&str] = &["--all-targets"];

/// The built programs by name.
pub(crate) struct Programs(BTreeMap<String, PathBuf>);

impl Programs {
    /// A command that runs the program.
    pub(crate) fn command(&self, name: &str) -> Outcome<Command> {
        self.path(name).map(Command::new)
    }

    /// The folder that holds all of them.
    pub(crate) fn folder(&self) -> Option<&std::path::Path> {
        self.0.values().next()?.parent()
    }

    /// Fails when a name was changed in its package and not here.
    pub(crate) fn path(&self, name: &str) -> Outcome<&PathBuf> {
        self.0.get(name).ok_or_else(|| {
            Failure::new(format!("the workspace builds no program `{name}`"))
                .advice("Is its package a member of the workspace, with a src/main.rs or src/bin?")
        })
    }
}

/// Cargo as this program was started with it, in the workspace, free of `cargo run`'s leftovers.
pub(crate) fn cargo(crew: &Crew<'_>, args: &[&str]) -> Command {
    let program = environment::variable("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    environment::without_cargo_run(&mut command);
    command.current_dir(&crew.checkout.root).args(args);
    command
}

/// Builds and returns the programs. Cargo's progress and errors go to the terminal.
pub(crate) fn build(crew: &Crew<'_>, args: &[&str]) -> Outcome<Programs> {
    let mut command = cargo(
        crew,
        &[
            "build",
            "--workspace",
            "--message-format=json-render-diagnostics",
        ],
    );
    let task = Task {
        name: "build",
        interruptible: true,
    };
    let (status, programs) = crew.run(&task, command.args(args), executables)?;
    if !status.success() {
        return Err(Failure::new("the build failed").why("the compiler's messages are above"));
    }
    Ok(Programs(programs))
}

/// Reads until cargo closes its output; a line that is no message is skipped.
fn executables(stdout: impl Read) -> BTreeMap<String, PathBuf> {
    BufReader::new(stdout)
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| executable(&line))
        .collect()
}

/// The program that a `compiler-artifact` message announces. Test harnesses are programs too, but
/// are built under the name of what they test, so only the kind `bin` without a harness counts.
pub(crate) fn executable(line: &str) -> Option<(String, PathBuf)> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    let is_bin = message["target"]["kind"]
        .as_array()?
        .iter()
        .any(|kind| kind == "bin");
    let is_test = message["profile"]["test"].as_bool()?;
    let path = message["executable"].as_str()?;
    let name = message["target"]["name"].as_str()?;
    (is_bin && !is_test).then(|| (name.to_owned(), PathBuf::from(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_programs_are_taken_from_cargos_messages() {
        let lines = [
            r#"{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"a"},"profile":{"test":false},"executable":"/t/a"}"#,
            r#"{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"a"},"profile":{"test":true},"executable":"/t/deps/a-1"}"#,
            r#"{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"b"},"profile":{"test":false},"executable":null}"#,
            r#"{"reason":"build-finished","success":true}"#,
            "not json",
        ];
        let found = executables(lines.join("\n").as_bytes());
        assert_eq!(
            found,
            BTreeMap::from([("a".to_owned(), PathBuf::from("/t/a"))])
        );
    }
}
