//! On what and when a bench ran: figures without it mean nothing.

use crate::environment;
use crate::process::Crew;
use std::fs;
use std::process::Command;

/// `2026-01-31, commit 1a2b3c4, 2 x Some CPU, Linux 6.1.0`
pub(super) fn described(crew: &Crew<'_>) -> String {
    let commit = said(crew, "git", &["describe", "--always", "--dirty"]);
    let date = said(crew, "date", &["-u", "+%F %H:%M UTC"]);
    let kernel = said(crew, "uname", &["-sr"]);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!(
        "{date}, commit {commit}, {cores} x {}, {kernel}",
        processor()
    )
}

/// The first line that a program prints; a machine without it has none.
fn said(crew: &Crew<'_>, program: &str, args: &[&str]) -> String {
    let mut command = Command::new(program);
    let output = environment::without_cargo_run(&mut command)
        .args(args)
        .current_dir(&crew.checkout.root)
        .output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.unwrap_or_default()
        .lines()
        .next()
        .unwrap_or("unknown")
        .to_owned()
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    let name = line
        .and_then(|line| line.split_once(": "))
        .map(|(_, name)| name);
    name.unwrap_or("unknown processor").to_owned()
}
