//! What a release is told before it is built: its version, its commit, its time, and for whom.

use super::PROGRAMS;
use super::linkage::Linkage;
use crate::environment;
use crate::failure::{Failure, Outcome};
use crate::process::{Crew, Task};
use crate::say;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::Command;

/// Settled once, before anything is built.
pub(crate) struct Release {
    pub(crate) version: &'static str,
    /// Twelve digits, with `-dirty` where the checkout had changes.
    pub(crate) commit: String,
    /// Seconds since 1970: of the commit. No file and no document carries another time, or two builds would differ.
    pub(crate) epoch: u64,
    /// As rustc calls it.
    pub(crate) target: String,
    /// `rustc 1.95.0 (…)`: the standard library is linked, too.
    pub(crate) rustc: String,
    pub(crate) rustc_commit: String,
    /// Where the toolchain lies.
    pub(crate) sysroot: PathBuf,
}

impl Release {
    /// Asks git, cargo's rustc and the environment (`FAROL_COMMIT`, `SOURCE_DATE_EPOCH`: for sources without git).
    pub(crate) fn plan(crew: &Crew<'_>, asked: Option<&str>) -> Outcome<Self> {
        let about = answer(crew, "rustc", &["-vV"])?;
        let told = |key: &str| about.lines().find_map(|line| line.strip_prefix(key));
        let sysroot = answer(crew, "rustc", &["--print", "sysroot"])?;
        let target = match (asked, told("host: ")) {
            (Some(target), _) => with_library(crew, target)?,
            (None, Some(host)) => best(crew, host)?,
            (None, None) => return Err(Failure::new("rustc does not say what its host is")),
        };
        Ok(Self {
            version: env!("CARGO_PKG_VERSION"),
            commit: commit(crew)?,
            epoch: epoch(crew)?,
            target,
            rustc: about.lines().next().unwrap_or_default().to_owned(),
            rustc_commit: told("commit-hash: ").unwrap_or_default().to_owned(),
            sysroot: PathBuf::from(sysroot.trim()),
        })
    }

    /// The tarball and the folder in it.
    pub(crate) fn name(&self) -> String {
        format!("farol-{}-{}", self.version, self.target)
    }

    /// The first file that somebody opens.
    pub(crate) fn readme(&self, linkage: &Linkage) -> String {
        let names = PROGRAMS.iter().flat_map(|(_, names)| *names);
        let names: Vec<&str> = names.copied().collect();
        format!(
            "Farol {} ({}), {}\n\n\
             bin/                      {}\n\
             {:26}{linkage}\n\
             docs/OPERATIONS.md        how to run it: \"systemd\" begins with these files, \"Upgrades\" with older ones\n\
             deploy/                   units, manifests, proxies, alerts, dashboards; what makes images and runs them by compose is with the sources\n\
             examples/                 programs to copy that follow streams and sockets\n\
             migrations/               what bin/farol-migrate applies, to read\n\
             CHANGELOG.md              what is new\n\
             sbom.cdx.json             what the programs are made of, for machines (CycloneDX 1.6)\n\
             THIRD-PARTY-LICENSES.txt  the same for people, with the terms; Rust's library: RUST-LIBRARY-LICENSES.html\n\
             SHA256SUMS                `sha256sum --check --quiet SHA256SUMS` in this folder\n\n\
             Farol itself has no licence yet: what may be done with it is said by whoever gave it to you.\n",
            self.version,
            self.commit,
            self.target,
            names.join(", "),
            "",
        )
    }
}

/// Static where this machine can make it, since that runs on any Linux; else what rustc makes anyway.
fn best(crew: &Crew<'_>, host: &str) -> Outcome<String> {
    let Some(linux) = host.strip_suffix("-linux-gnu") else {
        return Ok(host.to_owned());
    };
    let musl = format!("{linux}-linux-musl");
    // `ring` has C in it, and the crate `cc` asks for this compiler by that name.
    let compiler = Command::new("musl-gcc").arg("--version").output().is_ok();
    if has_library(crew, &musl)? && compiler {
        return Ok(musl);
    }
    say::note(&format!(
        "for {host}, which needs its glibc; static programs need `rustup target add {musl}` and musl-gcc (Debian: musl-tools)"
    ));
    Ok(host.to_owned())
}

fn with_library(crew: &Crew<'_>, target: &str) -> Outcome<String> {
    if has_library(crew, target)? {
        return Ok(target.to_owned());
    }
    Err(
        Failure::new(format!("this toolchain cannot build for {target}"))
            .why("it lacks that target's standard library")
            .advice(format!("rustup target add {target}")),
    )
}

fn has_library(crew: &Crew<'_>, target: &str) -> Outcome<bool> {
    Ok(library(crew, target)?.is_dir())
}

/// Where this toolchain has, or would have, the standard library of a target.
pub(crate) fn library(crew: &Crew<'_>, target: &str) -> Outcome<PathBuf> {
    let words = ["--print", "target-libdir", "--target", target];
    Ok(PathBuf::from(answer(crew, "rustc", &words)?.trim()))
}

fn commit(crew: &Crew<'_>) -> Outcome<String> {
    if let Some(commit) = environment::variable("FAROL_COMMIT") {
        return Ok(commit);
    }
    let commit = git(crew, &["rev-parse", "--short=12", "HEAD"])?;
    // Files that git does not know count, too: those below the folders of the tarball would be in it.
    let changes = git(crew, &["status", "--porcelain"])?;
    if changes.is_empty() {
        return Ok(commit);
    }
    say::note("the checkout has changes: the commit is told with `-dirty`");
    Ok(format!("{commit}-dirty"))
}

fn epoch(crew: &Crew<'_>) -> Outcome<u64> {
    let told = match environment::variable("SOURCE_DATE_EPOCH") {
        Some(told) => told,
        None => git(crew, &["log", "-1", "--format=%ct"])?,
    };
    told.parse().map_err(|_| {
        Failure::new(format!("SOURCE_DATE_EPOCH={told}")).why("it is not a number of seconds")
    })
}

fn git(crew: &Crew<'_>, args: &[&str]) -> Outcome<String> {
    let answer = answer(crew, "git", args).map_err(|failure| {
        failure.advice(
            "A release names its commit. Without git: FAROL_COMMIT=… SOURCE_DATE_EPOCH=$(date +%s) cargo xtask dist",
        )
    })?;
    Ok(answer.trim().to_owned())
}

/// What a program says on standard output, in the checkout.
pub(crate) fn answer(crew: &Crew<'_>, program: &'static str, args: &[&str]) -> Outcome<String> {
    let mut command = Command::new(program);
    command.args(args).current_dir(&crew.checkout.root);
    listen(crew, program, &mut command)
}

/// The same for a command that is made already.
pub(crate) fn listen(
    crew: &Crew<'_>,
    name: &'static str,
    command: &mut Command,
) -> Outcome<String> {
    let task = Task {
        name,
        interruptible: true,
    };
    let (status, text) = crew.run(&task, command, |mut output| {
        let mut text = String::new();
        output.read_to_string(&mut text).map(|_| text)
    })?;
    match text {
        Ok(text) if status.success() => Ok(text),
        Ok(_) => Err(Failure::new(format!("`{name}` failed")).why("its message is above")),
        Err(error) => {
            Err(Failure::new(format!("reading the output of `{name}` failed")).why(error))
        }
    }
}
