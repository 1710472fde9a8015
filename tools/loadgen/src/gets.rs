//! One GET, over and over on keep-alive connections with one request under way on each: requests a
//! second and how long they took. Every answer must be a 200 of the expected length.

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use hdrhistogram::Histogram;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use serde_json::json;

use crate::cli;
use crate::clock::{Nanos, own_cpu};
use crate::error::{LoadError, While};
use crate::ledger::histogram;
use crate::meter::as_f64;
use crate::process::Observed;
use crate::response::Response;
use crate::sockets::{self, Target};

/// Before measuring, so that caches are filled and connections exist.
const WARM_UP_MS: u64 = 500;

struct Asker {
    socket: TcpStream,
    response: Response,
    body: usize,
    asked: Nanos,
}

struct Run {
    head: String,
    /// Length of the first body; the others may differ a little.
    expected: Option<usize>,
    tolerance: usize,
    latency: Histogram<u64>,
    buffer: Vec<u8>,
}

/// CPU and time at one moment.
struct Reading {
    server: Option<u64>,
    own: u64,
    at: Nanos,
}

/// Runs and prints. Wrong answers are errors, so a run that ends counts.
pub(crate) fn run(options: &cli::Gets) -> Result<bool, LoadError> {
    let target = Target::parse(&options.url)?;
    let mut poll = Poll::new().doing("making a poll")?;
    let mut run = Run {
        head: target.get("application/json"),
        expected: None,
        tolerance: options.body_tolerance,
        latency: histogram()?,
        buffer: vec![0; 64 * 1024],
    };
    let mut askers = run.connect(&target, options.connections, &poll)?;
    run.spend(&mut poll, &mut askers, WARM_UP_MS)?;
    run.latency.reset();
    let server = options.server_pid.map(Observed);
    let before = Reading::now(server);
    run.spend(&mut poll, &mut askers, millis(options.seconds))?;
    println!("{}", run.report(&before, &Reading::now(server)));
    Ok(true)
}

impl Reading {
    fn now(server: Option<Observed>) -> Self {
        Self {
            server: server.and_then(Observed::cpu),
            own: own_cpu(),
            at: Nanos::now(),
        }
    }
}

impl Run {
    /// Opens the connections, each with its first request under way.
    fn connect(&self, target: &Target, count: usize, poll: &Poll) -> Result<Vec<Asker>, LoadError> {
        let open = |number| {
            let mut socket = sockets::ask(
                target.address,
                sockets::source(number, 1, false),
                &self.head,
            )?;
            let watched = poll
                .registry()
                .register(&mut socket, Token(number), Interest::READABLE);
            watched.doing("watching a connection")?;
            Ok(Asker {
                socket,
                response: Response::default(),
                body: 0,
                asked: Nanos::now(),
            })
        };
        (0..count).map(open).collect()
    }

    fn report(&self, before: &Reading, after: &Reading) -> serde_json::Value {
        let spent = as_f64(after.at.since(before.at));
        let requests = as_f64(self.latency.len());
        let cpu = before
            .server
            .zip(after.server)
            .map(|(before, after)| as_f64(after - before));
        let latency = |quantile| as_f64(self.latency.value_at_quantile(quantile)) / 1e3;
        json!({
            "requests": self.latency.len(),
            "requests_per_second": requests / spent * 1e9,
            "latency_us": {"p50": latency(0.5), "p99": latency(0.99)},
            "body_bytes": self.expected,
            "server_cpu_us_per_request": cpu.map(|cpu| cpu / requests / 1e3),
            "server_cpu_share": cpu.map(|cpu| cpu / spent),
            "loadgen_cpu_share": as_f64(after.own - before.own) / spent,
        })
    }

    /// Goes on for so long.
    fn spend(
        &mut self,
        poll: &mut Poll,
        askers: &mut [Asker],
        millis: u64,
    ) -> Result<(), LoadError> {
        let end = Nanos::now().plus_millis(millis);
        let mut events = Events::with_capacity(1_024);
        while Nanos::now() < end {
            match poll.poll(&mut events, Some(Duration::from_millis(50))) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                other => other.doing("waiting for events")?,
            }
            for event in &events {
                if let Some(asker) = askers.get_mut(event.token().0) {
                    self.go_on(asker)?;
                }
            }
        }
        Ok(())
    }

    /// Reads what has come; a whole answer is checked and followed by the next request.
    fn go_on(&mut self, asker: &mut Asker) -> Result<(), LoadError> {
        loop {
            let length = match asker.socket.read(&mut self.buffer) {
                Ok(0) => return Err(LoadError::Unexpected("a connection was closed".into())),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(LoadError::Io("reading an answer", error)),
            };
            let body = &mut asker.body;
            asker
                .response
                .feed(&self.buffer[..length], |bytes| *body += bytes.len())?;
            if !asker.response.is_over() {
                continue;
            }
            self.check(asker.body)?;
            let now = Nanos::now();
            let _ = self.latency.record(now.since(asker.asked));
            (asker.response, asker.body, asker.asked) = (Response::default(), 0, now);
            asker
                .socket
                .write_all(self.head.as_bytes())
                .doing("sending a request")?;
            return Ok(());
        }
    }

    fn check(&mut self, body: usize) -> Result<(), LoadError> {
        let expected = *self.expected.get_or_insert(body);
        if body.abs_diff(expected) <= self.tolerance {
            return Ok(());
        }
        Err(LoadError::Unexpected(format!(
            "a body of {body} bytes instead of {expected}"
        )))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few seconds from the command line; a negative one becomes none"
)]
fn millis(seconds: f64) -> u64 {
    (seconds * 1_000.0).round() as u64
}
