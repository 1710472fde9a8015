//! What the developer commands print about themselves, all on standard error.
//! Standard output is left to the results that a person or a script asked for.

use crate::environment;
use std::time::Instant;

/// A step begins.
pub(crate) fn step(text: &str) {
    eprintln!("==> {text}");
}

/// A fact inside the step.
pub(crate) fn note(text: &str) {
    eprintln!("    {}", text.replace('\n', "\n    "));
}

/// `1.4 s`, `3 min 05 s`.
pub(crate) fn elapsed(since: Instant) -> String {
    let spent = environment::now().duration_since(since);
    match spent.as_secs() {
        0..60 => format!("{}.{} s", spent.as_secs(), spent.subsec_millis() / 100),
        seconds => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}
