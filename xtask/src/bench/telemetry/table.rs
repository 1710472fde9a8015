//! The results of `bench telemetry`, as Markdown: docs/benchmarks.md takes them as they are.

use super::options::Telemetry;
use super::{DEVICES, INTERVAL_SECONDS, Run};
use crate::bench::figures::{median, ratio};
use crate::bench::table::{Limit, shown, verdicts};
use std::fmt::Write;

type Figure = fn(&Run) -> Option<f64>;

const FEW: Figure = |run| Some(per_interval(run.few.queries_per_second));
const ALL: Figure = |run| Some(per_interval(run.all.queries_per_second));
const LAST: Figure = |run| Some(run.last_ms.p99);
const PUSH: Figure = |run| run.cpu_us_per_push;
const MEMORY: Figure = |run| run.resident_bytes_per_socket.map(|bytes| bytes / 1024.0);

/// The rows: name with unit, digits behind the point, figure.
const ROWS: &[(&str, usize, Figure)] = &[
    ("queries per interval, one socket of each tenant", 1, FEW),
    ("queries per interval, all sockets", 1, ALL),
    (
        "transactions per interval by Postgres, one socket of each tenant",
        1,
        |run| Some(per_interval(run.few.transactions_per_second)),
    ),
    (
        "transactions per interval by Postgres, all sockets",
        1,
        |run| Some(per_interval(run.all.transactions_per_second)),
    ),
    ("queries for each write of a tenant", 2, |run| {
        Some(run.queries_per_write)
    }),
    ("row to last socket of its tenant p50, ms", 1, |run| {
        Some(run.last_ms.p50)
    }),
    ("row to last socket of its tenant p99, ms", 1, LAST),
    ("row to any socket p50, ms", 1, |run| Some(run.push_ms.p50)),
    ("of which the write itself p50, ms", 1, |run| {
        Some(run.write_ms.p50)
    }),
    ("CPU per push, us", 1, PUSH),
    ("pushes a second, as loaded", 0, |run| {
        Some(run.pushes_per_second)
    }),
    ("CPU per connect with all subscriptions, us", 0, |run| {
        run.cpu_us_per_connect
    }),
    ("resident per socket, KiB", 1, MEMORY),
    ("service's core in use, nothing written, %", 1, |run| {
        run.all.server_cpu_share.map(|share| share * 100.0)
    }),
    ("service's core in use while pushing, %", 0, |run| {
        run.server_cpu_share.map(|share| share * 100.0)
    }),
    ("(loadgen's core in use, %)", 0, |run| {
        Some(run.loadgen_cpu_share * 100.0)
    }),
];

fn per_interval(per_second: f64) -> f64 {
    per_second * f64::from(INTERVAL_SECONDS)
}

/// One run in a line, to be read while the bench goes on.
pub(super) fn line(run: &Run) -> String {
    format!(
        "{} queries per interval with one socket of each tenant, {} with all; last socket p99 {} ms, {} us a \
         push, {} KiB a socket",
        shown(FEW(run), 1),
        shown(ALL(run), 1),
        shown(LAST(run), 1),
        shown(PUSH(run), 1),
        shown(MEMORY(run), 1),
    )
}

pub(super) fn telemetry(machine: &str, runs: &[Run], options: &Telemetry) -> String {
    let of = |figure: Figure| median(runs.iter().filter_map(figure));
    let Telemetry {
        sockets,
        tenants,
        changes,
        rounds,
        ..
    } = options;
    let mut text = format!(
        "{machine}; {changes} writes a run, {rounds} rounds, medians; every socket got every row\n\n\
         | {sockets} sockets of {tenants} tenants, {DEVICES} devices each | telemetry-service |\n|---|---:|\n"
    );
    for (name, digits, figure) in ROWS {
        let _ = writeln!(text, "| {name} | {} |", shown(of(*figure), *digits));
    }
    if !options.smoke {
        let most = f64::from(*tenants) * 2.0;
        let grows = ratio(runs.iter().map(ALL), runs.iter().map(FEW));
        let rows = [
            (
                "queries per interval <= tenants x 2",
                of(ALL),
                Limit::AtMost(most),
            ),
            (
                "the same, all sockets / one of each tenant <= 1.05",
                grows,
                Limit::AtMost(1.05),
            ),
            (
                "row to last socket p99 < 250 ms",
                of(LAST),
                Limit::Below(250.0),
            ),
            (
                "resident per socket <= 16 KiB",
                of(MEMORY),
                Limit::AtMost(16.0),
            ),
        ];
        let _ = write!(text, "\n{}", verdicts(rows, 2));
    }
    text
}
