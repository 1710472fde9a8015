//! Ctrl-C, SIGTERM and SIGHUP as a count that waiting code looks at.

use crate::failure::{Outcome, While};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Calls `heard` for each of the signals that ask this program to end, from a thread of its own.
pub(super) fn listen(heard: impl Fn() + Send + 'static) -> Outcome {
    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGHUP]).while_doing(|| "listening for signals".into())?;
    std::thread::spawn(move || {
        for _ in signals.forever() {
            heard();
        }
    });
    Ok(())
}
