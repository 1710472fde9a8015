//! `cargo xtask up`: the whole product on this machine, followed until Ctrl-C, then stopped.

mod detach;
mod handout;
mod launcher;
mod logins;
mod stack;
mod table;
mod values;

use crate::checkout::{Checkout, Lock};
use crate::cli::Up;
use crate::environment;
use crate::failure::{Failure, Outcome};
use crate::process::Crew;
use crate::say;

/// Returns when everything has stopped; with `--detach`, when everything is ready.
pub(crate) fn run(checkout: &Checkout, options: &Up) -> Outcome {
    let began = environment::now();
    let lock = only_one(checkout)?;
    if options.detach && !options.background {
        drop(lock);
        return detach::run(checkout);
    }
    let crew = Crew::assemble(checkout, "up")?;
    let stack = stack::start(&crew, options)?;
    table::print(&stack, checkout, &say::elapsed(began), options.background);
    if options.background {
        detach::tell_ready(checkout)?;
    }
    let ended = crew.follow();
    say::step("Stopping");
    drop(crew);
    ended
}

/// Two stacks of one checkout would share ports, logs and data.
fn only_one(checkout: &Checkout) -> Outcome<Lock> {
    checkout.try_lock("up")?.ok_or_else(|| {
        let pid = checkout.lock_holder("up").map_or_else(String::new, |pid| format!(" as process {pid}"));
        Failure::new("this checkout is already up")
            .why(format!("another `cargo xtask up` runs{pid}; its addresses are in target/farol/stack.env"))
            .advice("Stop it with `cargo xtask down`. A second clone can run beside it with --port-offset 100.")
    })
}
