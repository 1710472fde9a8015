//! The developer commands: everything a newcomer needs, started as `cargo xtask <command>`.
//! Here is only the way from the command line to a command and from a failure to an exit code.

mod bench;
mod cargo;
mod checkout;
mod ci;
mod cli;
mod commands;
mod dist;
mod environment;
mod failure;
mod ports;
mod probe;
mod process;
mod say;
mod servers;
mod stack_env;
mod tally;
mod tokens;

use checkout::Checkout;
use cli::Command;
use failure::Outcome;
use std::process::ExitCode;

/// 0: done. 1: failed, and said why. 130: interrupted.
fn main() -> ExitCode {
    environment::raise_open_files();
    let args: Vec<String> = std::env::args().skip(1).collect();
    match cli::parse(&args).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.is_interruption() => {
            say::note("stopped");
            ExitCode::from(130)
        }
        Err(failure) if failure.is_told() => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("\nerror: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// One line per command.
fn run(command: Command) -> Outcome {
    match command {
        Command::Help => {
            print!("{}", cli::HELP);
            Ok(())
        }
        Command::Up(options) => commands::up::run(&Checkout::here()?, &options),
        Command::Down => commands::down::run(&Checkout::here()?),
        Command::Test => commands::test::run(&Checkout::here()?),
        Command::Ci { only } => ci::run(&Checkout::here()?, &only),
        Command::Dist { target } => dist::run(&Checkout::here()?, target.as_deref()),
        Command::Migrate => commands::migrate::run(&Checkout::here()?),
        Command::Bench(args) => bench::run(&Checkout::here()?, &args),
        Command::Sweep(folder) => {
            commands::sweep::run(&folder);
            Ok(())
        }
    }
}
