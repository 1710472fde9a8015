//! The benches: what a change to thousands of viewers costs and how fast a status is read, beside the raw
//! limit and nginx in the same run; how fast the portal is ingested and its history read; what a send through the gateway and a
//! push of telemetry cost. How it is done and what came out is docs/benchmarks.md.

mod backend;
mod fanout;
mod figures;
mod gateway;
mod ground;
mod history;
mod http;
mod ingest;
mod load;
mod machine;
mod nginx;
mod options;
mod pin;
mod servers;
mod status;
mod table;
mod telemetry;
mod usage;

use crate::checkout::Checkout;
use crate::failure::Outcome;
use crate::process::Crew;
use options::Bench;

/// `cargo xtask bench …`
pub(crate) fn run(checkout: &Checkout, args: &[String]) -> Outcome {
    let bench = options::parse(args)?;
    if bench == Bench::Help {
        print!("{}", options::HELP);
        return Ok(());
    }
    let _turn = checkout.wait_lock("bench")?;
    let crew = Crew::assemble(checkout, "bench")?;
    let text = match bench {
        Bench::Help => String::new(),
        Bench::Fanout(options) => fanout::run(&crew, &options)?,
        Bench::Status(options) => status::run(&crew, &options)?,
        Bench::Ingest(options) => ingest::run(&crew, &options)?,
        Bench::History(options) => history::run(&crew, &options)?,
        Bench::Gateway(options) => gateway::run(&crew, &options)?,
        Bench::Telemetry(options) => telemetry::run(&crew, &options)?,
    };
    drop(crew);
    print!("{text}");
    Ok(())
}
