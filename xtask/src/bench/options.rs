//! The command line of `cargo xtask bench`.

use super::{gateway, history, ingest, telemetry};
use crate::failure::{Failure, Outcome};

pub(super) const HELP: &str = "\
Usage: cargo xtask bench <fanout | status | ingest | history | gateway | telemetry> [options]

  fanout   CPU, latency and memory of a change to N streams, beside the raw limit and Nchan
           --connections N,N   how many streams (1000,10000)
           --changes K         changes in each run (15)
           --rounds R          interleaved rounds; medians are printed (3)
           --smoke             200 streams, debug build, completeness only
  status   GET .../status of 200 units, beside nginx serving the same bytes from a file
           --connections N     keep-alive connections (64)
           --seconds S         length of each run (5)
           --rounds R          interleaved rounds (5)
  these    --install-peers     install nginx and its Nchan module first (apt; no service starts)
           --only-ours         leave the peers out, though they are installed
  ingest   records a second without a pace, use of the pace, and the portal's recorded weather
           --records N         at the least (10000); twice as many for the weather
           --rate R            requests a second where the pace is measured (20)
           --trace FILE        recorded weather as JSON lines, else weather like it
           --only PART         unpaced, pace or trace
           --rounds R          medians are printed (3)
           --smoke             600 records, debug build, completeness only
  history  GET /sync/history of a million executions, and POST /sync/force
           --executions N      (1000000)
           --connections N     keep-alive connections (2)
           --seconds S         of each way to ask, in each round (3)
           --forces N          forced runs in each round (300)
           --rounds R          medians are printed (3)
           --smoke             50,000 executions, debug build
  gateway  sends to N streams over 8 connections, connects with their callbacks
           --connections N,N   how many streams (2000,5000)
           --sends K           events in each run (200000)
           --rounds R          medians are printed (3)
           --smoke             200 streams, 5,000 sends, debug build, completeness only
  telemetry  sockets of many tenants that watch all devices of theirs, and rows for them
           --sockets N         (5000)
           --tenants N         they are spread over (50)
           --changes K         writes of ten rows, tenant by tenant, in each run (500)
           --intervals N       without a write, with one socket of each tenant and with all (6)
           --rounds R          medians are printed (3)
           --smoke             60 sockets, 30 writes, debug build, completeness only
";

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Bench {
    Help,
    Fanout(Fanout),
    Status(Status),
    Ingest(ingest::Ingest),
    History(history::History),
    Gateway(gateway::Gateway),
    Telemetry(telemetry::Telemetry),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fanout {
    pub(super) connections: Vec<usize>,
    pub(super) changes: u64,
    pub(super) rounds: usize,
    pub(super) smoke: bool,
    pub(super) peers: Peers,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) connections: usize,
    pub(super) seconds: u64,
    pub(super) rounds: usize,
    pub(super) peers: Peers,
}

/// What to do about nginx.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peers {
    IfInstalled,
    Install,
    LeaveOut,
}

pub(super) fn parse(args: &[String]) -> Outcome<Bench> {
    let words = args.iter().flat_map(|arg| match arg.split_once('=') {
        Some((name, value)) => vec![name, value],
        None => vec![arg.as_str()],
    });
    let mut words = words;
    match words.next() {
        None | Some("help" | "--help" | "-h") => Ok(Bench::Help),
        Some("fanout") => parse_fanout(words),
        Some("status") => parse_status(words),
        Some("ingest") => Ok(ingest::parse(words)?.map_or(Bench::Help, Bench::Ingest)),
        Some("history") => Ok(history::parse(words)?.map_or(Bench::Help, Bench::History)),
        Some("gateway") => Ok(gateway::parse(words)?.map_or(Bench::Help, Bench::Gateway)),
        Some("telemetry") => Ok(telemetry::parse(words)?.map_or(Bench::Help, Bench::Telemetry)),
        Some(other) => Err(unknown(other)),
    }
}

fn parse_fanout<'a>(mut words: impl Iterator<Item = &'a str>) -> Outcome<Bench> {
    let mut options = Fanout {
        connections: vec![1_000, 10_000],
        changes: 15,
        rounds: 3,
        smoke: false,
        peers: Peers::IfInstalled,
    };
    while let Some(word) = words.next() {
        match word {
            "--connections" => {
                let list = words.next().unwrap_or_default().split(',');
                options.connections = list
                    .map(|one| number(word, Some(one)))
                    .collect::<Outcome<_>>()?;
            }
            "--changes" => options.changes = number(word, words.next())?,
            "--rounds" => options.rounds = number(word, words.next())?,
            "--smoke" => {
                options = Fanout {
                    connections: vec![200],
                    changes: 3,
                    rounds: 1,
                    smoke: true,
                    peers: Peers::LeaveOut,
                }
            }
            "--install-peers" => options.peers = Peers::Install,
            "--only-ours" => options.peers = Peers::LeaveOut,
            "--help" | "-h" => return Ok(Bench::Help),
            _ => return Err(unknown(word)),
        }
    }
    Ok(Bench::Fanout(options))
}

fn parse_status<'a>(mut words: impl Iterator<Item = &'a str>) -> Outcome<Bench> {
    let mut options = Status {
        connections: 64,
        seconds: 5,
        rounds: 5,
        peers: Peers::IfInstalled,
    };
    while let Some(word) = words.next() {
        match word {
            "--connections" => options.connections = number(word, words.next())?,
            "--seconds" => options.seconds = number(word, words.next())?,
            "--rounds" => options.rounds = number(word, words.next())?,
            "--install-peers" => options.peers = Peers::Install,
            "--only-ours" => options.peers = Peers::LeaveOut,
            "--help" | "-h" => return Ok(Bench::Help),
            _ => return Err(unknown(word)),
        }
    }
    Ok(Bench::Status(options))
}

/// A number above 0.
pub(super) fn number<N: std::str::FromStr + PartialOrd + From<u8>>(
    option: &str,
    value: Option<&str>,
) -> Outcome<N> {
    let number = value.and_then(|value| value.parse().ok());
    number.filter(|number| *number > N::from(0)).ok_or_else(|| {
        Failure::new(format!("{option} needs a number above 0"))
            .advice("`cargo xtask bench --help` lists what there is.")
    })
}

pub(super) fn unknown(word: &str) -> Failure {
    Failure::new(format!("`{word}` is no option of `bench`"))
        .advice("`cargo xtask bench --help` lists what there is.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Outcome<Bench> {
        parse(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn every_option_is_understood_in_both_spellings() {
        let expected = Fanout {
            connections: vec![10, 20],
            changes: 4,
            rounds: 2,
            smoke: false,
            peers: Peers::Install,
        };
        let spaced = parsed("fanout --connections 10,20 --changes=4 --rounds 2 --install-peers");
        assert_eq!(spaced.unwrap(), Bench::Fanout(expected));
        let status = Status {
            connections: 8,
            seconds: 1,
            rounds: 1,
            peers: Peers::LeaveOut,
        };
        let line = "status --connections=8 --seconds 1 --rounds=1 --only-ours";
        assert_eq!(parsed(line).unwrap(), Bench::Status(status));
    }

    #[test]
    fn nonsense_is_refused_and_nothing_at_all_is_a_question() {
        for line in [
            "fan",
            "fanout --connections 0",
            "fanout --changes",
            "status --smoke",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
        assert_eq!(parse(&[]).unwrap(), Bench::Help);
        assert_eq!(parsed("fanout --help").unwrap(), Bench::Help);
    }
}
