//! `sweep`, which only other commands start: the watchdog that outlives a killed command.

use crate::process::records;
use std::io::Read;
use std::path::Path;

/// Standard input is a pipe that the command holds: it ends when the command does, however it
/// does. A command that ended well has left nothing to sweep.
pub(crate) fn run(folder: &str) {
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    records::sweep(Path::new(folder));
}
