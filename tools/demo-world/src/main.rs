//! The binary: command line in, exit code out.

mod cli;

use std::process::ExitCode;

use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    cli.start_logging();
    cli.run().await.unwrap_or_else(|error| {
        tracing::error!(%error, "demo-world cannot go on");
        ExitCode::FAILURE
    })
}
