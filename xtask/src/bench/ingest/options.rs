//! The options of `bench ingest`.

use crate::bench::options::{number, unknown};
use crate::failure::{Failure, Outcome};
use std::path::PathBuf;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::bench) struct Ingest {
    /// At the least; twice as many for the trace.
    pub(super) records: u32,
    pub(super) rounds: usize,
    /// Requests a second, where the pace is measured.
    pub(super) rate: u32,
    /// A recorded trace, as JSON lines; else weather like the recorded one.
    pub(super) trace: Option<PathBuf>,
    pub(super) only: Option<Part>,
    pub(super) smoke: bool,
}

/// What can be measured alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Unpaced,
    Pace,
    Trace,
}

impl Ingest {
    pub(super) fn wants(&self, part: Part) -> bool {
        self.only.is_none_or(|only| only == part)
    }
}

/// `None` is a question for help.
pub(in crate::bench) fn parse<'a>(
    mut words: impl Iterator<Item = &'a str>,
) -> Outcome<Option<Ingest>> {
    let mut options = Ingest {
        records: 10_000,
        rounds: 3,
        rate: 20,
        trace: None,
        only: None,
        smoke: false,
    };
    while let Some(word) = words.next() {
        match word {
            "--records" => options.records = number(word, words.next())?,
            "--rounds" => options.rounds = number(word, words.next())?,
            "--rate" => options.rate = number(word, words.next())?,
            "--trace" => {
                let path = words.next().map(PathBuf::from);
                options.trace = Some(path.ok_or_else(|| Failure::new("--trace needs a file"))?);
            }
            "--only" => options.only = Some(part(words.next())?),
            "--smoke" => {
                (options.records, options.rounds, options.rate) = (600, 1, 100);
                options.smoke = true;
            }
            "--help" | "-h" => return Ok(None),
            _ => return Err(unknown(word)),
        }
    }
    Ok(Some(options))
}

fn part(word: Option<&str>) -> Outcome<Part> {
    match word {
        Some("unpaced") => Ok(Part::Unpaced),
        Some("pace") => Ok(Part::Pace),
        Some("trace") => Ok(Part::Trace),
        _ => Err(Failure::new("--only takes unpaced, pace or trace")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_understood_and_nonsense_is_refused() {
        let parsed = |line: &str| parse(line.split(' '));
        let line = "--records 500 --rounds 1 --rate 50 --trace a.jsonl --only pace";
        let options = parsed(line).unwrap().unwrap();
        assert_eq!(
            (options.records, options.rounds, options.rate),
            (500, 1, 50)
        );
        assert!(options.wants(Part::Pace) && !options.wants(Part::Trace));
        assert!(parsed("--help").unwrap().is_none());
        for line in ["--records 0", "--trace", "--only all", "--fast"] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }
}
