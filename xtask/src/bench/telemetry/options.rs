//! The options of `bench telemetry`.

use crate::bench::options::{number, unknown};
use crate::failure::Outcome;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::bench) struct Telemetry {
    pub(super) sockets: usize,
    pub(super) tenants: u16,
    /// Times that a tenant lets each of its devices write a row.
    pub(super) changes: u64,
    /// Intervals without a write in which queries are counted, with few sockets and with all.
    pub(super) intervals: u32,
    pub(super) rounds: usize,
    pub(super) smoke: bool,
}

/// `None` is a question for help.
pub(in crate::bench) fn parse<'a>(
    mut words: impl Iterator<Item = &'a str>,
) -> Outcome<Option<Telemetry>> {
    let mut options = Telemetry {
        sockets: 5_000,
        tenants: 50,
        changes: 500,
        intervals: 6,
        rounds: 3,
        smoke: false,
    };
    while let Some(word) = words.next() {
        match word {
            "--sockets" => options.sockets = number(word, words.next())?,
            "--tenants" => options.tenants = number(word, words.next())?,
            "--changes" => options.changes = number(word, words.next())?,
            "--intervals" => options.intervals = number(word, words.next())?,
            "--rounds" => options.rounds = number(word, words.next())?,
            "--smoke" => {
                options = Telemetry {
                    sockets: 60,
                    tenants: 6,
                    changes: 30,
                    intervals: 1,
                    rounds: 1,
                    smoke: true,
                }
            }
            "--help" | "-h" => return Ok(None),
            _ => return Err(unknown(word)),
        }
    }
    Ok(Some(options))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_understood_and_nonsense_is_refused() {
        let parsed = |line: &str| parse(line.split(' '));
        let options = parsed("--sockets 200 --tenants 20 --rounds 1").unwrap();
        let options = options.unwrap();
        assert_eq!(
            (options.sockets, options.tenants, options.rounds),
            (200, 20, 1)
        );
        assert!(parsed("--smoke").unwrap().unwrap().smoke);
        assert!(parsed("-h").unwrap().is_none());
        assert!(parsed("--tenants 70000").is_err() && parsed("--fast").is_err());
    }
}
