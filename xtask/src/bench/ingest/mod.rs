//! `cargo xtask bench ingest`: how fast pages become committed records without a pace, how much of the
//! pace a run uses in clear weather, and what the recorded weather of the portal costs it.

mod options;
mod pauses;
mod portal;
mod run;
mod table;

use super::backend::Backend;
use super::machine;
use crate::failure::Outcome;
use crate::process::Crew;
use crate::say;
use options::Part;
use pauses::paused;
use portal::Portal;
use run::{Expected, Run, Worker, void};

pub(super) use options::{Ingest, parse};

/// The most that the pace can be set to: no page waits for it.
const UNPACED: u32 = 100_000;
/// The trace is played so many times as fast, and all times of the ingestor are cut down likewise.
/// Settings are whole seconds, and 15 s is the shortest of those that matter.
const SPEED: u32 = 15;

/// Runs by what was measured, in the order of the rounds.
#[derive(Default)]
struct Results {
    /// The first ingestion of everything, and the same once more.
    unpaced: Vec<(Run, Run)>,
    pace: Vec<Run>,
    /// Our pauses, and those of a minute.
    trace: Vec<(Weathered, Weathered)>,
}

/// A run through the trace.
struct Weathered {
    run: Run,
    refused: u32,
    /// Seconds from the first request of the trace to the last one.
    span: f64,
    /// Of these, between a refusal and the next request.
    paused: f64,
}

/// How long to pause after a 429, in seconds as the portal would see them.
#[derive(Clone, Copy)]
struct Pauses {
    first: u32,
    longest: u32,
}

const OURS: Pauses = Pauses {
    first: 15,
    longest: 60,
};
const FIXED: Pauses = Pauses {
    first: 60,
    longest: 60,
};

/// Measures and returns what to print.
pub(super) fn run(crew: &Crew<'_>, options: &Ingest) -> Outcome<String> {
    let programs = ["ingestor", "demo-world"];
    let backend = Backend::prepare(crew, &programs, !options.smoke)?;
    let bench = Bench {
        trace: run::trace(options.trace.as_deref())?,
        backend: &backend,
        options,
    };
    let mut results = Results::default();
    for round in 1..=options.rounds {
        bench.round(round, &mut results)?;
    }
    Ok(table::ingest(&machine::described(crew), &results, options))
}

struct Bench<'a> {
    backend: &'a Backend<'a>,
    options: &'a Ingest,
    trace: String,
}

impl Bench<'_> {
    fn round(&self, round: usize, results: &mut Results) -> Outcome {
        let tell = |what: &str, line: String| say::step(&format!("round {round}, {what}: {line}"));
        if self.options.wants(Part::Unpaced) {
            let (first, again) = self.unpaced()?;
            tell("first ingestion", table::line(&first));
            tell("all unchanged", table::line(&again));
            results.unpaced.push((first, again));
        }
        if self.options.wants(Part::Pace) {
            let run = self.pace()?;
            tell("paced", table::line(&run));
            results.pace.push(run);
        }
        if self.options.wants(Part::Trace) {
            let ours = self.weathered(OURS)?;
            tell("trace", table::weathered_line(&ours));
            let fixed = self.weathered(FIXED)?;
            tell("trace, pauses of 60 s", table::weathered_line(&fixed));
            results.trace.push((ours, fixed));
        }
        Ok(())
    }

    fn unpaced(&self) -> Outcome<(Run, Run)> {
        let portal = Portal::start(self.backend, self.options.records)?;
        let pace = [("PNCP_RATE_PER_SECOND", UNPACED.to_string())];
        let worker = Worker::start(self.backend, &portal, &pace)?;
        let first = worker.run(&portal, Expected::AllNew)?;
        let again = worker.run(&portal, Expected::AllUnchanged)?;
        Ok((first, again))
    }

    fn pace(&self) -> Outcome<Run> {
        let rate = self.options.rate;
        let portal = Portal::start(self.backend, self.options.records)?;
        portal.slow_down(1_000 / rate)?;
        let pace = [("PNCP_RATE_PER_SECOND", rate.to_string())];
        let worker = Worker::start(self.backend, &portal, &pace)?;
        worker.run(&portal, Expected::AllNew)
    }

    fn weathered(&self, pauses: Pauses) -> Outcome<Weathered> {
        // Enough requests for the trace to end before the run does.
        let portal = Portal::start(self.backend, self.options.records * 2)?;
        let steps = portal.replay(&self.trace, SPEED)?;
        let worker = Worker::start(self.backend, &portal, &scaled(pauses))?;
        let run = worker.run(&portal, Expected::AllNew)?;
        let seen = portal.seen()?;
        if seen.len() < steps && !self.options.smoke {
            let told = format!(
                "{} of {steps} steps were played: more --records",
                seen.len()
            );
            return Err(void(&told));
        }
        let seen = seen.get(..steps).unwrap_or(&seen);
        let refused = seen.iter().filter(|it| it.is_refused()).count();
        Ok(Weathered {
            run,
            refused: u32::try_from(refused).unwrap_or(u32::MAX),
            span: seen.last().map_or(0.0, |last| last.at),
            paused: paused(seen),
        })
    }
}

/// The default settings of the ingestor in fast time.
fn scaled(pauses: Pauses) -> Vec<(&'static str, String)> {
    let seconds = [
        ("PNCP_PAUSE_SECONDS", pauses.first),
        ("PNCP_PAUSE_MAX_SECONDS", pauses.longest),
        ("HTTP_TIMEOUT", 60),
        ("PNCP_PAGE_RETRY_SECONDS", 180),
        ("PNCP_PROBE_SECONDS", 30),
        ("PNCP_PATIENCE_SECONDS", 3_600),
    ];
    let mut settings = vec![("PNCP_RATE_PER_SECOND", SPEED.to_string())];
    settings.extend(seconds.map(|(name, seconds)| (name, (seconds / SPEED).to_string())));
    settings
}
