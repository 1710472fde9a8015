//! The step `supply-chain`: cargo-deny over everything that we depend on, by the rules of deny.toml. The
//! database of advisories is at GitHub; where there is no way to it, that is said and does not fail.

use super::lab::Lab;
use crate::environment;
use crate::failure::{Failure, Outcome};
use crate::process::Crew;
use crate::say;
use rustix::process::Signal;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Pinned: another version knows other options of deny.toml and finds other things.
const VERSION: &str = "0.20.2";
/// The same as in deny.toml, which a test holds.
const ADVISORIES: &str = "https://github.com/RustSec/advisory-db";
/// What cargo-deny fetches of it.
const BRANCH: &str = "refs/heads/main";
/// A firewall that drops packets would keep git waiting for minutes.
const PATIENCE: Duration = Duration::from_secs(30);
/// The name of git's log and process.
const PROBE: &str = "advisory-db";

/// Whether there is a way to the advisories is asked of git and not of cargo-deny: whatever fails after git
/// had its answer (a database in a new format, say) is a failure and not "no network".
pub(super) fn chain(lab: &Lab<'_>) -> Outcome {
    let deny = cargo_deny(lab)?;
    judge(lab, &deny, &["licenses", "bans", "sources"])?;
    let Some(obstacle) = obstacle(lab.crew)? else {
        return judge(lab, &deny, &["advisories"]);
    };
    say::note(&format!(
        "Known vulnerabilities and yanked versions were NOT looked at: no way to {ADVISORIES}.\n{obstacle}\n\
         Where there is one: cargo xtask ci --only supply-chain"
    ));
    lab.remark("without advisories: no way to their database");
    Ok(())
}

/// The program in `target/farol/tools`, compiled anew when it is not the pinned version.
fn cargo_deny(lab: &Lab<'_>) -> Outcome<PathBuf> {
    let tools = lab.crew.checkout.state.join("tools");
    let program = tools.join("bin/cargo-deny");
    if is_pinned(&program) {
        return Ok(program);
    }
    let place = lab.crew.checkout.shown(&tools);
    say::note(&format!(
        "compiling cargo-deny {VERSION} into {place}; once, it takes minutes"
    ));
    let (version, root) = (format!("={VERSION}"), tools.display().to_string());
    let args = ["install", "--locked", "--version", &version];
    lab.cargo(
        "install",
        &[&args[..], &["--root", &root, "cargo-deny"]].concat(),
    )
    .map_err(|failure| failure.advice("Is there a network? cargo needs its index and crates."))?;
    Ok(program)
}

fn is_pinned(program: &Path) -> bool {
    let told = Command::new(program).arg("--version").output();
    told.is_ok_and(|told| told.stdout.trim_ascii() == format!("cargo-deny {VERSION}").as_bytes())
}

/// Warnings count: one is a skip, a licence or an exception that nothing needs any more, and lists must not rot.
fn judge(lab: &Lab<'_>, deny: &Path, checks: &[&str]) -> Outcome {
    let mut command = Command::new(deny);
    environment::without_cargo_run(&mut command);
    patient_git(&mut command)
        .args(["--locked", "check", "--deny", "warnings"])
        .args(checks);
    lab.check("cargo-deny", &mut command).map_err(|failure| {
        failure.advice("Its words are explained in CONTRIBUTING.md, \"Adding\": a dependency. The rules are in deny.toml.")
    })
}

/// Why git gets no answer from the database, in its own words; nothing when it gets one.
fn obstacle(crew: &Crew<'_>) -> Outcome<Option<Failure>> {
    let mut git = Command::new("git");
    patient_git(&mut git).args(["ls-remote", ADVISORIES, BRANCH]);
    crew.start(PROBE, &mut git, Signal::TERM)?;
    let log = crew.checkout.log(PROBE);
    let has_answered = || fs::read_to_string(&log).is_ok_and(|said| is_answer(&said));
    let waited = crew.wait_until(ADVISORIES, PATIENCE, has_answered);
    crew.dismiss(PROBE);
    // Ctrl-C and the end of a server end that wait, too.
    crew.check_alive()?;
    // The answer and git's end may come between two looks.
    Ok(waited.err().filter(|_| !has_answered()))
}

/// A line of `git ls-remote`: the commit, a tab, the branch.
fn is_answer(said: &str) -> bool {
    said.lines()
        .filter_map(|line| line.split_once('\t'))
        .any(|(_, branch)| branch == BRANCH)
}

/// Asks nobody for a password, and gives up a transfer that stands still.
fn patient_git(command: &mut Command) -> &mut Command {
    command
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_HTTP_LOW_SPEED_LIMIT", "1")
        .env("GIT_HTTP_LOW_SPEED_TIME", PATIENCE.as_secs().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_that_is_probed_is_the_one_that_is_read() {
        let rules = include_str!("../../../deny.toml");
        assert!(rules.contains(&format!("db-urls = [\"{ADVISORIES}\"]")));
    }

    #[test]
    fn only_the_branch_itself_is_an_answer_of_git() {
        assert!(is_answer("5fd27f6d\trefs/heads/main\n"));
        for other in [
            "",
            "fatal: unable to access 'https://github.com/': Could not resolve host: github.com\n",
            "fatal: no refs/heads/main\n",
            "5fd27f6d\trefs/heads/maintenance\n",
        ] {
            assert!(!is_answer(other), "{other}");
        }
    }
}
