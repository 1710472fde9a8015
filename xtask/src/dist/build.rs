//! The build of a release: optimised, stripped, of the committed versions only, without this machine's paths in it.

use super::PROGRAMS;
use super::release::Release;
use crate::cargo;
use crate::environment;
use crate::failure::{Failure, Outcome};
use crate::process::{Crew, Task};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// What cargo says it has made.
#[derive(Default)]
pub(crate) struct Built {
    pub(crate) programs: BTreeMap<String, PathBuf>,
    /// Ids of packages, as in `cargo metadata`: of these alone the release is made.
    pub(crate) compiled: BTreeSet<String>,
}

/// Under the profile `dist` of the workspace's Cargo.toml.
pub(crate) fn build(crew: &Crew<'_>, release: &Release) -> Outcome<Built> {
    let mut command = cargo::cargo(crew, &["build", "--locked", "--profile", "dist", "--bins"]);
    command
        .args(["--target", &release.target])
        .arg("--message-format=json-render-diagnostics");
    for (package, _) in PROGRAMS {
        command.args(["-p", package]);
    }
    command
        .env("FAROL_COMMIT", &release.commit)
        .env("SOURCE_DATE_EPOCH", release.epoch.to_string())
        .env("CARGO_ENCODED_RUSTFLAGS", flags(crew, release)?)
        .env_remove("RUSTFLAGS");
    let task = Task {
        name: "build",
        interruptible: true,
    };
    let (status, mut built) = crew.run(&task, &mut command, messages)?;
    if !status.success() {
        return Err(Failure::new("the build failed").why("the compiler's messages are above"));
    }
    let wanted: BTreeSet<&str> = PROGRAMS
        .iter()
        .flat_map(|(_, names)| *names)
        .copied()
        .collect();
    built
        .programs
        .retain(|name, _| wanted.contains(name.as_str()));
    if let Some(missing) = wanted
        .iter()
        .find(|name| !built.programs.contains_key(**name))
    {
        return Err(Failure::new(format!(
            "the workspace builds no program `{missing}`"
        )));
    }
    Ok(built)
}

/// Paths in panics and logs begin with `farol`, `cargo` and `/rustc`, whoever built it and where: the last as in a
/// toolchain without its sources. Flags of a person come after.
fn flags(crew: &Crew<'_>, release: &Release) -> Outcome<String> {
    let home = environment::variable("CARGO_HOME").map(PathBuf::from);
    let home =
        home.or_else(|| environment::variable("HOME").map(|home| Path::new(&home).join(".cargo")));
    let home = home.ok_or_else(|| Failure::new("neither CARGO_HOME nor HOME is set"))?;
    let library = release.sysroot.join("lib/rustlib/src/rust");
    let remap = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
    let mut flags = vec![
        remap(&crew.checkout.root, "farol"),
        remap(&home, "cargo"),
        remap(&library, &format!("/rustc/{}", release.rustc_commit)),
    ];
    let plain = environment::variable("RUSTFLAGS").unwrap_or_default();
    flags.extend(plain.split_whitespace().map(str::to_owned));
    flags.extend(environment::variable("CARGO_ENCODED_RUSTFLAGS"));
    Ok(flags.join("\u{1f}"))
}

/// Reads until cargo closes its output. What was compiled before is announced again, as `fresh`.
fn messages(stdout: impl Read) -> Built {
    let mut built = Built::default();
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        built.programs.extend(cargo::executable(&line));
        built.compiled.extend(package(&line));
    }
    built
}

fn package(line: &str) -> Option<String> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    let is_artifact = message["reason"] == "compiler-artifact";
    is_artifact.then(|| message["package_id"].as_str().map(str::to_owned))?
}
