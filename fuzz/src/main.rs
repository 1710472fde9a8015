//! `farol-fuzz`: a bounded, repeatable hunt for input that breaks an invariant of the core. This
//! file reads the command line; see README.md for how the hunt works.

mod hex;
mod hunt;
mod mutate;
mod targets;
mod watchdog;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use targets::Target;

/// Hunts for input that breaks an invariant of farol-core.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// What to throw input at: bodies of client APIs, or event streams.
    target: Target,
    /// How long to hunt.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The same seed gives the same inputs in the same order; printed when none is given.
    #[arg(long)]
    seed: Option<u64>,
    /// Check this one input, as printed by a failed hunt, and end.
    #[arg(long, value_name = "HEX", conflicts_with_all = ["seconds", "seed"])]
    replay: Option<hex::Bytes>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if let Some(input) = args.replay {
        return hunt::replay(args.target, &input.0);
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "a new hunt each time, told by its seed"
    )]
    let seed = args.seed.unwrap_or_else(rand::random);
    hunt::hunt(args.target, seed, Duration::from_secs(args.seconds))
}
