//! The options of `bench history`.

use crate::bench::options::{number, unknown};
use crate::failure::Outcome;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::bench) struct History {
    pub(super) executions: u32,
    pub(super) connections: usize,
    /// Of each way to ask, in each round.
    pub(super) seconds: u32,
    /// Forced runs in each round.
    pub(super) forces: usize,
    pub(super) rounds: usize,
    pub(super) smoke: bool,
}

/// `None` is a question for help.
pub(in crate::bench) fn parse<'a>(
    mut words: impl Iterator<Item = &'a str>,
) -> Outcome<Option<History>> {
    let mut options = History {
        executions: 1_000_000,
        connections: 2,
        seconds: 3,
        forces: 300,
        rounds: 3,
        smoke: false,
    };
    while let Some(word) = words.next() {
        match word {
            "--executions" => options.executions = number(word, words.next())?,
            "--connections" => options.connections = number(word, words.next())?,
            "--seconds" => options.seconds = number(word, words.next())?,
            "--forces" => options.forces = number(word, words.next())?,
            "--rounds" => options.rounds = number(word, words.next())?,
            "--smoke" => {
                (options.executions, options.seconds) = (50_000, 1);
                (options.forces, options.rounds) = (10, 1);
                options.smoke = true;
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
        let options = parsed("--executions 500 --connections 4").unwrap().unwrap();
        assert_eq!((options.executions, options.connections), (500, 4));
        assert_eq!(parsed("--smoke").unwrap().unwrap().rounds, 1);
        assert!(parsed("-h").unwrap().is_none());
        assert!(parsed("--executions").is_err() && parsed("--fast").is_err());
    }
}
