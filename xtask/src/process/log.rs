//! The log file of a started program, and its end, which says why the program died.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Enough to hold an error with its causes, few enough to be read.
const LINES: usize = 15;
/// A log may be huge; its end is not.
const BYTES: u64 = 16 * 1024;

/// The last lines of a log, for a message; a file that cannot be read has none.
pub(crate) fn last_lines(path: &Path) -> String {
    let mut tail = Vec::new();
    let read = File::open(path).and_then(|mut file| {
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(BYTES)))?;
        file.read_to_end(&mut tail)
    });
    if read.is_err() || tail.is_empty() {
        return "(it wrote nothing)".to_owned();
    }
    let text = String::from_utf8_lossy(&tail);
    let lines: Vec<&str> = text.lines().collect();
    lines
        .get(lines.len().saturating_sub(LINES)..)
        .unwrap_or_default()
        .join("\n")
}
