//! The command line of `cargo xtask`, parsed once into types; nothing is started here.

use crate::failure::{Failure, Outcome};

/// The manual of the commands; CONTRIBUTING.md points here.
pub(crate) const HELP: &str = "\
Usage: cargo xtask <command>

  up       start everything on this machine and follow it; Ctrl-C stops it
             --release          optimised binaries
             --fresh            with an empty database and no queues
             --no-demo          without demo data and demo world
             --port-offset N    add N to every port (two checkouts side by side)
             --detach           return when all is ready; `cargo xtask down` stops it
             --set KEY=VALUE    any setting of any service, repeatable
  down     stop what `up` started in this checkout, and whatever was left over
  test     format check, lints, all tests and doc tests, against private servers
  ci       the slower checks: fuzzing, Python peers, browsers, compose file, bench smoke
             --only STEP        just this step, repeatable
  dist     programs of a release as a tarball, with checksums, licences and an SBOM
             --target TRIPLE    for another system than this one
  migrate  apply migrations/ to DATABASE_URL, or to this checkout's own Postgres
  bench    fanout | status | ingest | history | gateway | telemetry: measure a release build
             (cargo xtask bench --help)
";

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Up(Up),
    Down,
    Test,
    Ci {
        only: Vec<String>,
    },
    Dist {
        target: Option<String>,
    },
    Migrate,
    Bench(Vec<String>),
    /// Internal: when standard input ends, stops what is recorded in this folder.
    Sweep(String),
}

#[derive(Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are the switches of the command line, one to one"
)]
/// What the person wants of `up`.
pub(crate) struct Up {
    pub(crate) release: bool,
    pub(crate) fresh: bool,
    pub(crate) no_demo: bool,
    pub(crate) detach: bool,
    /// Internal: this is the background half of `--detach`.
    pub(crate) background: bool,
    pub(crate) port_offset: u16,
    pub(crate) set: Vec<(String, String)>,
}

/// Every error names the word that was not understood.
pub(crate) fn parse(args: &[String]) -> Outcome<Command> {
    let Some((name, rest)) = args.split_first() else {
        return Ok(Command::Help);
    };
    if name != "bench" && rest.iter().any(|arg| arg == "--help" || arg == "-h") {
        return Ok(Command::Help);
    }
    match name.as_str() {
        "up" => parse_up(rest).map(Command::Up),
        "ci" => parse_ci(rest),
        "dist" => parse_dist(rest),
        "bench" => Ok(Command::Bench(rest.to_vec())),
        "down" => nothing_more(rest, Command::Down),
        "test" => nothing_more(rest, Command::Test),
        "migrate" => nothing_more(rest, Command::Migrate),
        "sweep" => Ok(Command::Sweep(rest.concat())),
        "help" | "--help" | "-h" => Ok(Command::Help),
        other => Err(unknown("command", other)),
    }
}

fn parse_up(args: &[String]) -> Outcome<Up> {
    let mut up = Up::default();
    let mut args = Words::new(args);
    while let Some(word) = args.next_word() {
        match word.as_str() {
            "--release" => up.release = true,
            "--fresh" => up.fresh = true,
            "--no-demo" => up.no_demo = true,
            "--detach" => up.detach = true,
            "--background" => up.background = true,
            "--port-offset" => up.port_offset = port_offset(&args.value(&word)?)?,
            "--set" => up.set.push(setting(&args.value(&word)?)?),
            _ => return Err(unknown("option of `up`", &word)),
        }
    }
    Ok(up)
}

fn parse_ci(args: &[String]) -> Outcome<Command> {
    let mut only = Vec::new();
    let mut args = Words::new(args);
    while let Some(word) = args.next_word() {
        match word.as_str() {
            "--only" => only.push(args.value(&word)?),
            _ => return Err(unknown("option of `ci`", &word)),
        }
    }
    Ok(Command::Ci { only })
}

fn parse_dist(args: &[String]) -> Outcome<Command> {
    let mut target = None;
    let mut args = Words::new(args);
    while let Some(word) = args.next_word() {
        match word.as_str() {
            "--target" => target = Some(args.value(&word)?),
            _ => return Err(unknown("option of `dist`", &word)),
        }
    }
    Ok(Command::Dist { target })
}

/// Whether the shifted ports still exist is for `ports` to say.
fn port_offset(text: &str) -> Outcome<u16> {
    text.parse().map_err(|_| {
        Failure::new(format!("--port-offset {text}")).why("it is not a number between 0 and 65535")
    })
}

/// Ports are shared out by one plan, which `--set` would quietly contradict.
fn setting(text: &str) -> Outcome<(String, String)> {
    let Some((key, value)) = text.split_once('=') else {
        return Err(Failure::new(format!("--set {text}")).why("it is not KEY=VALUE"));
    };
    let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    if key.is_empty() || !key.chars().all(is_name) {
        return Err(Failure::new(format!("--set {text}")).why(format!(
            "`{key}` is not the name of a setting; names look like CACHE_TTL_SECONDS"
        )));
    }
    match key {
        "PORT" | "OPS_PORT" => Err(Failure::new(format!("--set {text}"))
            .why("every service has a port of its own")
            .advice("Use --port-offset N.")),
        "DATABASE_URL" => Err(Failure::new(format!("--set {text}"))
            .why("each service logs in with a user of its own")
            .advice("Run `DATABASE_URL=… cargo xtask up` to use that database for everything.")),
        "RABBITMQ_URL" => Err(Failure::new(format!("--set {text}"))
            .why("a RabbitMQ of its own would be started beside it")
            .advice("Run `RABBITMQ_URL=… cargo xtask up` to use that server.")),
        _ => Ok((key.to_owned(), value.to_owned())),
    }
}

fn nothing_more(rest: &[String], command: Command) -> Outcome<Command> {
    rest.first()
        .map_or(Ok(command), |word| Err(unknown("option", word)))
}

fn unknown(kind: &str, word: &str) -> Failure {
    Failure::new(format!("`{word}` is not a {kind}"))
        .advice("`cargo xtask help` lists what there is.")
}

/// Words of a command line, where `--name value` and `--name=value` are the same.
struct Words(std::collections::VecDeque<String>);

impl Words {
    fn new(args: &[String]) -> Self {
        Self(args.iter().cloned().collect())
    }

    /// `--name=value` is taken apart; the value is the next word then.
    fn next_word(&mut self) -> Option<String> {
        let word = self.0.pop_front()?;
        match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => {
                self.0.push_front(value.to_owned());
                Some(name.to_owned())
            }
            _ => Some(word),
        }
    }

    fn value(&mut self, option: &str) -> Outcome<String> {
        self.0
            .pop_front()
            .ok_or_else(|| Failure::new(format!("{option} needs a value")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Outcome<Command> {
        parse(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn every_option_of_up_is_understood_in_both_spellings() {
        let expected = Up {
            release: true,
            fresh: true,
            no_demo: true,
            detach: true,
            port_offset: 100,
            set: vec![
                ("LOG_LEVEL".into(), "debug".into()),
                ("A_B".into(), "x=y".into()),
            ],
            ..Up::default()
        };
        let spaced = parsed(
            "up --release --fresh --no-demo --detach --port-offset 100 --set LOG_LEVEL=debug --set A_B=x=y",
        );
        assert_eq!(spaced.unwrap(), Command::Up(expected));
        let joined = parsed("up --port-offset=7 --set=PING_SECONDS=").unwrap();
        let expected = Up {
            port_offset: 7,
            set: vec![("PING_SECONDS".into(), String::new())],
            ..Up::default()
        };
        assert_eq!(joined, Command::Up(expected));
    }

    #[test]
    fn a_wrong_word_is_named_with_what_to_do() {
        for line in [
            "upp",
            "up --relase",
            "down now",
            "up --set",
            "up --set nonsense",
            "up --port-offset 70000",
            "ci --only",
            "dist --target",
            "dist now",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
        let text = parsed("up --set PORT=1").unwrap_err().to_string();
        assert!(text.contains("--port-offset"), "{text}");
    }

    #[test]
    fn help_is_one_word_away_from_everywhere_but_the_bench_has_its_own() {
        for line in ["help", "--help", "up --help", "test -h"] {
            assert_eq!(parsed(line).unwrap(), Command::Help, "{line}");
        }
        assert_eq!(
            parsed("bench --help").unwrap(),
            Command::Bench(vec!["--help".into()])
        );
        assert_eq!(parse(&[]).unwrap(), Command::Help);
    }
}
