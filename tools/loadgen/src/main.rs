//! The load of the benches: many event streams or sockets, a GET loop, and the raw limit to compare with.
//! Prints one JSON object; exits 1 when an answer was wrong or a change was lost.

mod audience;
mod cli;
mod clock;
mod error;
mod fanout;
mod gateway;
mod gets;
mod ledger;
mod markers;
mod meter;
mod payload;
mod process;
mod raw;
mod report;
mod response;
mod sockets;
mod subscriber;
mod telemetry;
mod trigger;
mod upstream;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    sockets::raise_open_files();
    let outcome = match cli::Cli::parse().command {
        cli::Command::Streams(options) => fanout::run(&options),
        cli::Command::Raw(options) => raw::run(&options),
        cli::Command::Gets(options) => gets::run(&options),
        cli::Command::Gateway(options) => gateway::run(&options),
        cli::Command::Sockets(options) => telemetry::run(&options),
        cli::Command::Upstream(options) => upstream::run(options.port),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("loadgen: {error}");
            ExitCode::FAILURE
        }
    }
}
