//! `cargo xtask bench fanout`: one change to N streams, for the raw limit, our service and Nchan, in
//! interleaved rounds with frames of one size, and our service once more with slow readers.

use super::ground::{Ground, SLUG};
use super::load::{self, Streams};
use super::nginx::Nginx;
use super::options::Fanout;
use super::servers::{Running, status_path};
use super::{machine, table};
use crate::environment;
use crate::failure::Outcome;
use crate::ports;
use crate::process::Crew;
use crate::say;

/// A small send buffer for the pair with and without slow readers: with the default one the kernel
/// would take all that such a short run sends, and nobody would fall behind.
const SMALL_SNDBUF: &str = "4096";
const SLOW_FRACTION: &str = "0.05";
/// Polls without a change in each run of our service: their cost is taken away.
const IDLE_POLLS: u64 = 4;
/// Both ends of a stream, and some files of their own: beside the streams a process needs so many.
const SPARE_DESCRIPTORS: usize = 300;

/// What is measured in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Raw,
    Service,
    Nchan,
    /// Our service with the small send buffer, and nobody slow.
    Brisk,
    /// The same with one in twenty that reads nothing.
    Slow,
}

/// All runs for one number of streams.
pub(super) struct Series {
    pub(super) connections: usize,
    runs: Vec<(Case, Streams)>,
}

impl Series {
    /// The runs of one case, in the order of the rounds.
    pub(super) fn of(&self, case: Case) -> impl Iterator<Item = &Streams> {
        self.runs
            .iter()
            .filter(move |(of, _)| *of == case)
            .map(|(_, run)| run)
    }
}

/// Measures and returns what to print.
pub(super) fn run(crew: &Crew<'_>, options: &Fanout) -> Outcome<String> {
    let nginx = Nginx::find(crew, options.peers)?.filter(Nginx::has_nchan);
    let ground = Ground::prepare(crew, !options.smoke)?;
    let bench = Bench {
        ground: &ground,
        options,
        nginx: nginx.as_ref(),
        frame_bytes: 0,
    };
    let bench = bench.with_our_frame_size()?;
    let mut all = Vec::new();
    for wanted in &options.connections {
        all.push(bench.series(within_descriptors(*wanted))?);
    }
    Ok(table::fanout(&machine::described(crew), &all, options))
}

struct Bench<'a> {
    ground: &'a Ground<'a>,
    options: &'a Fanout,
    nginx: Option<&'a Nginx>,
    /// Of a change as our service writes it, for the others to write as much.
    frame_bytes: u64,
}

impl Bench<'_> {
    fn with_our_frame_size(mut self) -> Outcome<Self> {
        say::step("Looking how long a frame of ours is");
        let run = self.service(2, &[], &[], 2)?;
        self.frame_bytes = whole(run.frame_bytes);
        Ok(self)
    }

    fn series(&self, connections: usize) -> Outcome<Series> {
        let mut runs = Vec::new();
        for round in 1..=self.options.rounds {
            for case in self.cases() {
                let what = format!("{connections} streams, round {round}, {case:?}");
                let run = self.one(case, connections)?;
                say::step(&format!("{what}: {}", table::line(&run)));
                runs.push((case, run));
            }
        }
        Ok(Series { connections, runs })
    }

    fn cases(&self) -> Vec<Case> {
        let all = [
            Case::Raw,
            Case::Service,
            Case::Nchan,
            Case::Brisk,
            Case::Slow,
        ];
        let wanted = |case: &Case| *case != Case::Nchan || self.nginx.is_some();
        all.into_iter().filter(wanted).collect()
    }

    fn one(&self, case: Case, connections: usize) -> Outcome<Streams> {
        let small = [("STREAM_SNDBUF_BYTES", SMALL_SNDBUF.to_owned())];
        let changes = self.options.changes;
        match (case, self.nginx) {
            (Case::Raw, _) => self.raw(connections),
            (Case::Nchan, Some(nginx)) => self.nchan(nginx, connections),
            (Case::Service | Case::Nchan, _) => self.service(connections, &[], &[], changes),
            (Case::Brisk, _) => self.service(connections, &small, &[], changes),
            (Case::Slow, _) => {
                let slow = ["--slow-fraction", SLOW_FRACTION, "--slow-rate", "0"];
                self.service(connections, &small, &slow, changes)
            }
        }
    }

    fn service(
        &self,
        connections: usize,
        settings: &[(&str, String)],
        slow: &[&str],
        changes: u64,
    ) -> Outcome<Streams> {
        let upstream = ports::any_free()?;
        self.ground.set_upstream(upstream)?;
        let server = Running::service(self.ground, settings)?;
        let stream = format!("{}/stream", server.status_url());
        let mut args = words(&["streams", "--url", &stream, "--snapshot"]);
        args.extend(words(&["--upstream", &upstream.to_string()]));
        args.extend(words(&["--idle", &self.idle().to_string()]));
        if !slow.is_empty() {
            args.extend(words(slow));
            args.extend(words(&["--slow-url", &format!("{stream}?mode=full")]));
        }
        self.load(args, &server, connections, changes)
    }

    fn raw(&self, connections: usize) -> Outcome<Streams> {
        let server = Running::raw(self.ground, connections)?;
        let address = format!("127.0.0.1:{}", server.port);
        let url = server.url(&status_path());
        let args = words(&["streams", "--url", &url, "--raw", &address, "--snapshot"]);
        self.load(args, &server, connections, self.options.changes)
    }

    fn nchan(&self, nginx: &Nginx, connections: usize) -> Outcome<Streams> {
        let server = Running::nginx(self.ground, nginx, connections)?;
        let (url, publish) = (server.url("/sub"), server.url("/pub"));
        let args = words(&["streams", "--url", &url, "--publish", &publish]);
        self.load(args, &server, connections, self.options.changes)
    }

    fn load(
        &self,
        mut args: Vec<String>,
        server: &Running<'_>,
        connections: usize,
        changes: u64,
    ) -> Outcome<Streams> {
        args.extend(words(&["--connections", &connections.to_string()]));
        args.extend(words(&["--changes", &changes.to_string()]));
        args.extend(words(&["--server-pid", &server.pid.to_string()]));
        args.extend(words(&["--frame-bytes", &self.frame_bytes.to_string()]));
        // One source address has 28,000 ports, of which others use some.
        args.extend(words(&["--source-addresses", "4"]));
        let run: Streams = load::run(self.ground, &args)?;
        if run.complete {
            Ok(run)
        } else {
            Err(load::void(SLUG))
        }
    }

    fn idle(&self) -> u64 {
        if self.options.smoke { 1 } else { IDLE_POLLS }
    }
}

/// As many as wanted, or as the hard limit of open files allows; says so when it is fewer.
fn within_descriptors(wanted: usize) -> usize {
    let limit = environment::raise_open_files().and_then(|limit| usize::try_from(limit).ok());
    let possible = limit
        .unwrap_or(usize::MAX)
        .saturating_sub(SPARE_DESCRIPTORS);
    if possible < wanted {
        say::note(&format!(
            "{possible} streams instead of {wanted}: `ulimit -Hn` allows no more"
        ));
    }
    wanted.min(possible)
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the length of a frame: some hundred bytes"
)]
fn whole(bytes: f64) -> u64 {
    bytes.round() as u64
}
