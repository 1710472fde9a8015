//! `cargo xtask down`: ends a running `up` of this checkout, detached or not, and its leftovers.

use crate::checkout::Checkout;
use crate::environment;
use crate::failure::{Failure, Outcome};
use crate::process::identity::signal_process;
use crate::process::records;
use crate::say;
use rustix::process::Signal;
use std::time::Duration;

/// Longer than the services and servers together may take to end.
const PATIENCE: Duration = Duration::from_mins(1);

/// Returns when nothing of the stack runs any more.
pub(crate) fn run(checkout: &Checkout) -> Outcome {
    let mut was_running = false;
    // The lock is the truth: it is free exactly when no `up` lives, whatever files say.
    let lock = loop {
        if let Some(lock) = checkout.try_lock("up")? {
            break lock;
        }
        was_running = true;
        stop_holder(checkout)?;
    };
    let swept = records::sweep_crew(checkout, "up");
    drop(lock);
    say::note(match (was_running, swept.is_empty()) {
        (true, true) => "stopped",
        (false, true) => "nothing was running",
        (_, false) => "stopped what an earlier run left behind",
    });
    Ok(())
}

/// SIGTERM is what Ctrl-C is: the running `up` stops its programs in order.
fn stop_holder(checkout: &Checkout) -> Outcome {
    let Some(pid) = checkout.lock_holder("up") else {
        return Ok(());
    };
    signal_process(pid, Signal::TERM);
    let deadline = environment::now() + PATIENCE;
    while environment::now() < deadline {
        environment::pause(Duration::from_millis(50));
        if checkout.try_lock("up")?.is_some() {
            return Ok(());
        }
    }
    Err(Failure::new(format!("process {pid} does not stop"))
        .why(format!(
            "it got SIGTERM {} s ago and still holds target/farol/up.lock",
            PATIENCE.as_secs()
        ))
        .advice(format!("kill -9 {pid}; cargo xtask down")))
}
