//! The printed results, as Markdown: docs/benchmarks.md takes them as they are.

use super::fanout::{Case, Series};
use super::figures::{median, ratio};
use super::load::{Gets, Streams};
use super::options::{Fanout, Status};
use super::status::Rounds;
use std::fmt::Write;

/// A figure of one run.
type Figure = fn(&Streams) -> Option<f64>;

const CPU: Figure = |run| run.usage.cpu_us_per_delivery;
const P99: Figure = |run| Some(run.latency_us.p99 / 1e3);

/// The rows: name with unit, digits behind the point, figure.
const ROWS: &[(&str, usize, Figure)] = &[
    ("CPU per delivery, us", 2, CPU),
    ("last of N reached, median, ms", 1, |run| {
        Some(run.last_ms.median)
    }),
    ("last of N reached, max, ms", 1, |run| Some(run.last_ms.max)),
    ("latency p50, ms", 1, |run| Some(run.latency_us.p50 / 1e3)),
    ("latency p99, ms", 1, P99),
    ("resident per idle stream, KiB", 2, |run| {
        run.usage
            .resident_bytes_per_stream
            .map(|bytes| bytes / 1024.0)
    }),
    ("CPU per connect, us", 1, |run| run.usage.cpu_us_per_connect),
    ("CPU per idle poll, us", 0, |run| {
        run.usage.cpu_us_per_idle_beat
    }),
    ("frame, bytes", 0, |run| Some(run.frame_bytes)),
    ("(loadgen's own CPU per delivery, us)", 2, |run| {
        Some(run.usage.loadgen_cpu_us_per_delivery)
    }),
];

const MOST_OF_RAW: f64 = 1.2;
const MOST_RESIDENT_KIB: f64 = 10.0;
const MOST_FOR_SLOW: f64 = 1.10;

/// One run in a line, to be read while the bench goes on.
pub(super) fn line(run: &Streams) -> String {
    let folded = run
        .slow
        .fewest_versions
        .map(|seen| format!(", slow streams got {seen} versions"));
    format!(
        "{} us a delivery, last after {} ms, p99 {} ms{}",
        shown(CPU(run), 2),
        shown(Some(run.last_ms.median), 1),
        shown(P99(run), 1),
        folded.unwrap_or_default(),
    )
}

pub(super) fn fanout(machine: &str, all: &[Series], options: &Fanout) -> String {
    let mut text = format!(
        "{machine}; {} changes a run, {} rounds, medians; every stream got every change\n",
        options.changes, options.rounds
    );
    for series in all {
        let _ = write!(text, "\nN = {}\n\n", series.connections);
        text.push_str(
            "| | raw | service | Nchan | service, small send buffer | same, 5 % slow |\n",
        );
        text.push_str("|---|---:|---:|---:|---:|---:|\n");
        for (name, digits, figure) in ROWS {
            let _ = writeln!(text, "| {name} | {} |", cells(series, *digits, *figure));
        }
        text.push('\n');
        if !options.smoke {
            text.push_str(&targets(series));
        }
    }
    text
}

fn cells(series: &Series, digits: usize, figure: Figure) -> String {
    let cases = [
        Case::Raw,
        Case::Service,
        Case::Nchan,
        Case::Brisk,
        Case::Slow,
    ];
    let cell = |case| shown(median(series.of(case).filter_map(figure)), digits);
    cases.map(cell).join(" | ")
}

fn targets(series: &Series) -> String {
    let of_cases = |one, other, figure: Figure| {
        ratio(series.of(one).map(figure), series.of(other).map(figure))
    };
    let resident = series
        .of(Case::Service)
        .filter_map(|run| run.usage.resident_bytes_per_stream);
    let rows = [
        (
            "CPU per delivery / raw <= 1.2",
            of_cases(Case::Service, Case::Raw, CPU),
            Limit::AtMost(MOST_OF_RAW),
        ),
        (
            "CPU per delivery / Nchan < 1",
            of_cases(Case::Service, Case::Nchan, CPU),
            Limit::Below(1.0),
        ),
        (
            "resident per idle stream <= 10 KiB",
            median(resident).map(|bytes| bytes / 1024.0),
            Limit::AtMost(MOST_RESIDENT_KIB),
        ),
        (
            "p99 with 5 % slow / without < 1.10",
            of_cases(Case::Slow, Case::Brisk, P99),
            Limit::Below(MOST_FOR_SLOW),
        ),
    ];
    verdicts(rows, 2)
}

/// Which targets are met: name with the target, figure, limit.
pub(super) fn verdicts<'a>(
    rows: impl IntoIterator<Item = (&'a str, Option<f64>, Limit)>,
    digits: usize,
) -> String {
    let row = |(name, value, limit): (&str, Option<f64>, Limit)| {
        format!(
            "| {name} | {} | {} |\n",
            shown(value, digits),
            limit.verdict(value)
        )
    };
    let rows: String = rows.into_iter().map(row).collect();
    format!("| target | measured | |\n|---|---:|---|\n{rows}")
}

pub(super) fn status(machine: &str, rounds: &Rounds, options: &Status) -> String {
    let column = |figure: fn(&Gets) -> Option<f64>, digits: usize| {
        let of = |runs: &[Gets]| shown(median(runs.iter().filter_map(figure)), digits);
        format!("{} | {}", of(&rounds.service), of(&rounds.nginx))
    };
    let share: fn(&Gets) -> Option<f64> = |run| run.server_cpu_share.map(|share| share * 100.0);
    let rates = |runs: &[Gets]| {
        runs.iter()
            .map(|run| Some(run.requests_per_second))
            .collect::<Vec<_>>()
    };
    let ratio = ratio(rates(&rounds.service), rates(&rounds.nginx));
    format!(
        "{machine}; {} connections, {} s a run, {} rounds, medians\n\n\
         | GET .../status, 200 units | service | nginx, same bytes from a file |\n|---|---:|---:|\n\
         | requests a second | {} |\n| latency p50, ms | {} |\n| latency p99, ms | {} |\n\
         | body, bytes | {} |\n| server's core in use, % | {} |\n| (loadgen's core in use, %) | {} |\n\n\
         | target | measured | |\n|---|---:|---|\n| requests a second / nginx > 1 | {} | {} |\n",
        options.connections,
        options.seconds,
        options.rounds,
        column(|run| Some(run.requests_per_second), 0),
        column(|run| Some(run.latency_us.p50 / 1e3), 2),
        column(|run| Some(run.latency_us.p99 / 1e3), 2),
        column(
            |run| Some(f64::from(u32::try_from(run.body_bytes).unwrap_or(u32::MAX))),
            0
        ),
        column(share, 0),
        column(|run| Some(run.loadgen_cpu_share * 100.0), 0),
        shown(ratio, 2),
        Limit::Above(1.0).verdict(ratio),
    )
}

#[derive(Clone, Copy)]
pub(super) enum Limit {
    AtLeast(f64),
    AtMost(f64),
    Below(f64),
    Above(f64),
}

impl Limit {
    pub(super) fn verdict(self, value: Option<f64>) -> &'static str {
        let met = match (self, value) {
            (_, None) => return "not measured",
            (Self::AtLeast(limit), Some(value)) => value >= limit,
            (Self::AtMost(limit), Some(value)) => value <= limit,
            (Self::Below(limit), Some(value)) => value < limit,
            (Self::Above(limit), Some(value)) => value > limit,
        };
        if met { "met" } else { "MISSED" }
    }
}

pub(super) fn shown(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_met_missed_or_not_measured() {
        assert_eq!(Limit::AtMost(1.2).verdict(Some(1.2)), "met");
        assert_eq!(Limit::Below(1.1).verdict(Some(1.1)), "MISSED");
        assert_eq!(Limit::Above(1.0).verdict(Some(1.4)), "met");
        assert_eq!(Limit::Above(1.0).verdict(None), "not measured");
        assert_eq!(shown(Some(1.256), 2), "1.26");
    }
}
