//! The results of `bench ingest`, as Markdown: docs/benchmarks.md takes them as they are.

use super::options::{Ingest, Part};
use super::run::Run;
use super::{Results, SPEED, Weathered};
use crate::bench::figures::{median, ratio};
use crate::bench::table::{Limit, shown, verdicts};
use std::fmt::Write;

type Figure = fn(&Run) -> Option<f64>;
type OfWeather = fn(&Weathered) -> f64;
type Written = fn(&Results, &Ingest) -> String;

const PER_SECOND: Figure = |run| Some(f64::from(run.records) / run.wall);
const PER_CORE: Figure = |run| run.cpu.map(|cpu| f64::from(run.records) / cpu);
const PEAK: Figure = |run| run.peak_mib;

/// The rows: name with unit, digits behind the point, figure.
const ROWS: &[(&str, usize, Figure)] = &[
    ("records", 0, |run| Some(f64::from(run.records))),
    ("requests", 0, |run| Some(f64::from(run.requests))),
    ("wall time, s", 2, |run| Some(run.wall)),
    ("records a second", 0, PER_SECOND),
    ("CPU of the ingestor, s", 2, |run| run.cpu),
    ("records a second and core of the ingestor", 0, PER_CORE),
    ("CPU of Postgres, s", 2, |run| run.postgres_cpu),
    ("records a second and core of both", 0, |run| {
        Some(f64::from(run.records) / (run.cpu? + run.postgres_cpu?))
    }),
    ("resident, peak, MiB", 1, PEAK),
];

/// One run in a line, to be read while the bench goes on.
pub(super) fn line(run: &Run) -> String {
    format!(
        "{} records, {} requests in {:.2} s, {} CPU s, Postgres {} CPU s, {} MiB",
        run.records,
        run.requests,
        run.wall,
        shown(run.cpu, 2),
        shown(run.postgres_cpu, 2),
        shown(run.peak_mib, 1)
    )
}

pub(super) fn weathered_line(it: &Weathered) -> String {
    let share = 100.0 * it.paused / it.span;
    format!(
        "{} refused, {:.1} s of {:.1} s paused ({share:.0} %); {}",
        it.refused,
        it.paused,
        it.span,
        line(&it.run)
    )
}

pub(super) fn ingest(machine: &str, results: &Results, options: &Ingest) -> String {
    let mut text = format!(
        "{machine}; {} rounds, medians; every record arrived\n",
        options.rounds
    );
    let parts: [(Part, Written); 3] = [
        (Part::Unpaced, unpaced),
        (Part::Pace, pace),
        (Part::Trace, trace),
    ];
    for (part, written) in parts {
        if options.wants(part) {
            let _ = write!(text, "\n{}", written(results, options));
        }
    }
    text
}

fn unpaced(results: &Results, _: &Ingest) -> String {
    let runs = &results.unpaced;
    let mut text =
        "| without a pace | first ingestion | all unchanged |\n|---|---:|---:|\n".to_owned();
    for (name, digits, figure) in ROWS {
        let first = median(runs.iter().filter_map(|(first, _)| figure(first)));
        let again = median(runs.iter().filter_map(|(_, again)| figure(again)));
        let (first, again) = (shown(first, *digits), shown(again, *digits));
        let _ = writeln!(text, "| {name} | {first} | {again} |");
    }
    let of_first = |figure: Figure| median(runs.iter().filter_map(|(first, _)| figure(first)));
    let rows = [
        (
            "records a second and core >= 5000",
            of_first(PER_CORE),
            Limit::AtLeast(5_000.0),
        ),
        (
            "resident, peak < 100 MiB",
            of_first(PEAK),
            Limit::Below(100.0),
        ),
    ];
    format!("{text}\n{}", verdicts(rows, 0))
}

fn pace(results: &Results, options: &Ingest) -> String {
    let rate = f64::from(options.rate);
    let of = |figure: Figure| median(results.pace.iter().filter_map(figure));
    let used = results
        .pace
        .iter()
        .map(|run| f64::from(run.requests) / rate / run.wall);
    let rows = [(
        "share of the pace that is used >= 95 %",
        median(used.map(|it| it * 100.0)),
        Limit::AtLeast(95.0),
    )];
    format!(
        "| {rate} requests a second, answers after {} ms | |\n|---|---:|\n| requests | {} |\n| wall time, s | {} |\n\n{}",
        1_000 / options.rate,
        shown(of(|run| Some(f64::from(run.requests))), 0),
        shown(of(|run| Some(run.wall)), 2),
        verdicts(rows, 1)
    )
}

fn trace(results: &Results, options: &Ingest) -> String {
    let which = options
        .trace
        .as_ref()
        .map_or("weather like the recorded", |_| "the recorded trace");
    let mut text = format!(
        "| {which}, {SPEED} times as fast | pauses of 15 s to 60 s | pauses of 60 s |\n|---|---:|---:|\n"
    );
    let share: OfWeather = |it| 100.0 * it.paused / it.span;
    let rows: [(&str, usize, OfWeather); 5] = [
        ("records", 0, |it| f64::from(it.run.records)),
        ("refused with 429", 0, |it| f64::from(it.refused)),
        ("from its first request to its last, s", 1, |it| it.span),
        ("of these paused, s", 1, |it| it.paused),
        ("paused, %", 1, share),
    ];
    for (name, digits, figure) in rows {
        let ours = median(results.trace.iter().map(|(ours, _)| figure(ours)));
        let fixed = median(results.trace.iter().map(|(_, fixed)| figure(fixed)));
        let (ours, fixed) = (shown(ours, digits), shown(fixed, digits));
        let _ = writeln!(text, "| {name} | {ours} | {fixed} |");
    }
    let ours = median(results.trace.iter().map(|(ours, _)| share(ours)));
    let span = |it: &Weathered| Some(it.span);
    let beside = ratio(
        results.trace.iter().map(|(ours, _)| span(ours)),
        results.trace.iter().map(|(_, fixed)| span(fixed)),
    );
    let rows = [
        ("time lost to pauses < 49 %", ours, Limit::Below(49.0)),
        (
            "time / time with pauses of 60 s < 1",
            beside,
            Limit::Below(1.0),
        ),
    ];
    format!("{text}\n{}", verdicts(rows, 2))
}
