//! The ways to look at the history, each repeated on keep-alive connections with one request under
//! way on each.

use super::past::{FREQUENT, OPERATOR, RARE};
use super::{History, Latency};
use crate::bench::backend::Backend;
use crate::bench::http::Http;
use crate::environment;
use crate::failure::{Failure, Outcome};
use std::time::Duration;

/// Requests of each connection before it is measured.
const WARM_UP: usize = 5;

/// One way to look.
#[derive(Debug, Clone)]
pub(super) struct Look {
    pub(super) name: &'static str,
    path: String,
    /// Runs that a page of it has.
    found: Found,
    /// Milliseconds that 99 of 100 may take at most.
    pub(super) target: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// As many as there can be.
    FullPage,
    Some,
    None,
}

const PAGE: usize = 50;
const QUICK: f64 = 20.0;
const SEARCHED: f64 = 200.0;

/// All of them; `middle` is a cursor that no filter led to.
pub(super) fn all(middle: &str) -> Vec<Look> {
    let look = |name, query: &str, found, target| Look {
        name,
        path: format!("/sync/history?{query}"),
        found,
        target,
    };
    let quick = |name, query: &str| look(name, query, Found::FullPage, QUICK);
    let searched = |name, query: &str, found| look(name, &format!("q={query}"), found, SEARCHED);
    vec![
        quick("unfiltered", ""),
        quick("status=success", "status=success"),
        quick("status=error", "status=error"),
        quick("mode=backfill", "mode=backfill"),
        quick("status=error, mode=backfill", "status=error&mode=backfill"),
        quick("one day", "from=2024-01-03&to=2024-01-04"),
        quick("a year", "from=2024-01-01&to=2025-01-01"),
        quick(
            "errors of a year",
            "status=error&from=2024-01-01&to=2025-01-01",
        ),
        quick("cursor in the middle", &format!("cursor={middle}")),
        searched("q: in one of 185", RARE, Found::FullPage),
        searched("q: in most errors", FREQUENT, Found::FullPage),
        searched("q: who asked", OPERATOR, Found::FullPage),
        searched("q: an id", "4711", Found::Some),
        searched("q: nowhere", "nowhere-at-all", Found::None),
    ]
}

/// A cursor into the middle, from a filtered page, for use without the filter.
pub(super) fn middle(http: &mut Http, backend: &Backend<'_>, executions: u32) -> Outcome<String> {
    let instant = backend.row(&format!(
        "SELECT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')
         FROM sync_executions WHERE id = {}",
        executions / 2
    ))?;
    let path = format!("/sync/history?to={}", instant.concat());
    let told = http.get(&path)?.json()?;
    let cursor = told["next_cursor"].as_str().map(str::to_owned);
    cursor.ok_or_else(|| Failure::new("the history has no second page"))
}

/// Repeats a look for so many seconds. Every answer must be a page as expected.
pub(super) fn repeat(look: &Look, port: u16, auth: &str, options: &History) -> Outcome<Latency> {
    let span = Duration::from_secs(options.seconds.into());
    let one = || -> Outcome<Vec<Duration>> {
        let mut http = Http::connect(port, auth)?;
        for _ in 0..WARM_UP {
            once(&mut http, look)?;
        }
        let end = environment::now() + span;
        let mut took = Vec::new();
        while environment::now() < end {
            took.push(once(&mut http, look)?);
        }
        Ok(took)
    };
    let all: Outcome<Vec<Vec<Duration>>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..options.connections).map(|_| scope.spawn(one)).collect();
        let joined = threads.into_iter().map(|thread| {
            let lost = |_| Err(Failure::new("a thread of the bench panicked"));
            thread.join().unwrap_or_else(lost)
        });
        joined.collect()
    });
    Latency::of(all?.concat())
}

fn once(http: &mut Http, look: &Look) -> Outcome<Duration> {
    let answer = http.get(&look.path)?;
    // Every run is one object with one of these, and no text of the past has it.
    let needle = br#""task_id":"#;
    let runs = answer
        .body
        .windows(needle.len())
        .filter(|it| it == needle)
        .count();
    let as_expected = match look.found {
        Found::FullPage => runs == PAGE,
        Found::Some => runs > 0,
        Found::None => runs == 0,
    };
    if answer.status == 200 && as_expected {
        return Ok(answer.took);
    }
    let text = String::from_utf8_lossy(&answer.body)
        .chars()
        .take(400)
        .collect::<String>();
    Err(
        Failure::new(format!("the run is void: {} has {runs} runs", look.path))
            .why(format!("{}: {text}", answer.status)),
    )
}
