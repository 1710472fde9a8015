//! The results of `bench history`, as Markdown: docs/benchmarks.md takes them as they are.

use super::looks::Look;
use super::{History, Latency, Round};
use crate::bench::figures::median;
use crate::bench::table::{Limit, shown};
use std::fmt::Write;

/// One figure in a line, to be read while the bench goes on.
pub(super) fn line(latency: Latency) -> String {
    let Latency { p50, p99, count } = latency;
    format!("p50 {p50:.2} ms, p99 {p99:.2} ms of {count}")
}

pub(super) fn history(
    machine: &str,
    looks: &[Look],
    rounds: &[Round],
    options: &History,
) -> String {
    let mut text = format!(
        "{machine}; {} executions, {} connections, {} s a look, {} rounds, medians\n\n\
         | GET /sync/history | p50, ms | p99, ms | target, ms | |\n|---|---:|---:|---:|---|\n",
        options.executions, options.connections, options.seconds, options.rounds
    );
    for (place, look) in looks.iter().enumerate() {
        let of = |figure: fn(&Latency) -> f64| {
            median(
                rounds
                    .iter()
                    .filter_map(|round| round.looks.get(place).map(figure)),
            )
        };
        let p99 = of(|it| it.p99);
        let _ = writeln!(
            text,
            "| {} | {} | {} | < {} | {} |",
            look.name,
            shown(of(|it| it.p50), 2),
            shown(p99, 2),
            look.target,
            Limit::Below(look.target).verdict(p99)
        );
    }
    let of = |figure: fn(&Latency) -> f64| median(rounds.iter().map(|round| figure(&round.force)));
    let _ = writeln!(
        text,
        "\n| POST /sync/force, confirmed by the broker | p50, ms | p99, ms |\n|---|---:|---:|\n| {} a round, one after the other | {} | {} |",
        options.forces,
        shown(of(|it| it.p50), 2),
        shown(of(|it| it.p99), 2)
    );
    text
}
