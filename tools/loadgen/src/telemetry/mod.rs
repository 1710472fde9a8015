//! Load for the telemetry service: sockets of many tenants that watch all of their tenant's devices,
//! rows that are written tenant by tenant, and an account of who has which. Before the rows it holds
//! still, first with one socket of each tenant, then with all: what the service asks its database then.

mod accounts;
mod clients;
mod frames;
mod messages;
mod report;
mod source;

use std::io::ErrorKind;
use std::time::Duration;

use hdrhistogram::Histogram;
use mio::{Events, Poll};

use crate::cli;
use crate::clock::Nanos;
use crate::error::{LoadError, While};
use crate::ledger::histogram;
use crate::sockets::Target;
use accounts::Accounts;
use clients::Clients;
use report::{Reading, Readings};
use source::Source;

/// Sockets that open at once.
const JOINS_AT_ONCE: usize = 64;
/// The longest that nothing is looked at.
const LOOK_MS: u64 = 20;

struct Run<'a> {
    options: &'a cli::Sockets,
    tenants: Vec<String>,
    poll: Poll,
    clients: Clients,
    accounts: Accounts,
    source: Source,
    metrics: Target,
    /// How long writes took, in nanoseconds.
    writes: Histogram<u64>,
}

/// Runs and prints; says whether the run counts.
pub(crate) fn run(options: &cli::Sockets) -> Result<bool, LoadError> {
    let mut run = Run::open(options)?;
    let few = run.tenants.len().min(options.connections);
    run.join(few)?;
    run.rest(options.settle_ms)?;
    let few_settled = run.reading()?;
    run.rest(options.rest_ms)?;
    let few_idle = run.reading()?;
    run.join(options.connections)?;
    let all_joined = run.reading()?;
    run.rest(options.settle_ms)?;
    let all_settled = run.reading()?;
    run.rest(options.rest_ms)?;
    let all_idle = run.reading()?;
    run.write(options.changes)?;
    let written = run.reading()?;
    let readings = Readings {
        few_settled,
        few_idle,
        all_joined,
        all_settled,
        all_idle,
        written,
    };
    let complete = run.accounts.is_complete();
    let text = report::of(options, &run.accounts, &run.writes, few, &readings);
    println!("{text}");
    Ok(complete)
}

impl<'a> Run<'a> {
    fn open(options: &'a cli::Sockets) -> Result<Self, LoadError> {
        let text = std::fs::read_to_string(&options.tokens).doing("reading the tokens")?;
        let pairs: Vec<(&str, &str)> = text.lines().filter_map(|it| it.split_once(' ')).collect();
        let tokens = pairs.iter().map(|(_, token)| (*token).to_owned()).collect();
        let tenants: Vec<_> = pairs.iter().map(|(name, _)| (*name).to_owned()).collect();
        if tenants.is_empty() {
            return Err(LoadError::Unexpected("no line `TENANT TOKEN`".into()));
        }
        let poll = Poll::new().doing("making a poll")?;
        let source = Source::connect(&options.devices_url, poll.registry(), options.connections)?;
        Ok(Self {
            clients: Clients::new(&options.url, tokens, options.devices)?,
            accounts: Accounts::new(tenants.len(), options.devices)?,
            metrics: Target::parse(&options.metrics_url)?,
            writes: histogram()?,
            tenants,
            source,
            poll,
            options,
        })
    }

    fn reading(&self) -> Result<Reading, LoadError> {
        Ok(Reading::now(
            self.options.server_pid,
            source::queries(&self.metrics)?,
            self.source.transactions()?,
        ))
    }

    /// Opens sockets until there are `count`, a few at a time.
    fn join(&mut self, count: usize) -> Result<(), LoadError> {
        self.turn_until("waiting for the sockets to join", |run| {
            let (opened, joined) = (run.clients.opened(), run.clients.joined());
            let more = JOINS_AT_ONCE - (opened - joined).min(JOINS_AT_ONCE);
            for _ in 0..more.min(count - opened) {
                run.clients.open(run.poll.registry())?;
            }
            Ok(joined == count)
        })
    }

    /// Nothing happens for a while, which pings alone may interrupt.
    fn rest(&mut self, millis: u64) -> Result<(), LoadError> {
        let end = Nanos::now().plus_millis(millis);
        self.turn_until("resting", |_| Ok(Nanos::now() >= end))
    }

    /// One tenant after the other writes a row for each of its devices; waits until all have arrived.
    fn write(&mut self, count: u64) -> Result<(), LoadError> {
        let mut next = Nanos::now();
        self.turn_until("waiting for the rows", |run| {
            let now = Nanos::now();
            if run.accounts.fired < count && now >= next && run.source.is_idle() {
                next = now.plus_millis(run.options.pace_ms);
                run.fire(now)?;
            }
            Ok(run.accounts.done == count && run.source.is_idle())
        })
    }

    fn fire(&mut self, now: Nanos) -> Result<(), LoadError> {
        let turn = usize::try_from(self.accounts.fired).unwrap_or_default() % self.tenants.len();
        let seq = self.accounts.fire(turn, now);
        match self.tenants.get(turn).zip(seq) {
            Some((tenant, seq)) => self.source.write(tenant, seq, now),
            None => Ok(()),
        }
    }

    /// Turns until `done`, as long as it is not too long.
    fn turn_until(
        &mut self,
        doing: &str,
        mut done: impl FnMut(&mut Self) -> Result<bool, LoadError>,
    ) -> Result<(), LoadError> {
        // Resting is no reason to give up.
        let rest = self.options.rest_ms.max(self.options.settle_ms);
        let seconds = self.options.patience + rest.div_ceil(1_000);
        let mut events = Events::with_capacity(1_024);
        let mut deadline = Nanos::now().plus_millis(seconds * 1_000);
        while !done(self)? {
            let wait = LOOK_MS.min(self.options.pace_ms.max(1));
            match self
                .poll
                .poll(&mut events, Some(Duration::from_millis(wait)))
            {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                other => other.doing("waiting for events")?,
            }
            for event in &events {
                self.on_event(event.token().0)?;
            }
            if !events.is_empty() {
                deadline = Nanos::now().plus_millis(seconds * 1_000);
            } else if Nanos::now() > deadline {
                return Err(self.given_up(doing));
            }
        }
        Ok(())
    }

    fn given_up(&self, doing: &str) -> LoadError {
        let (clients, accounts) = (&self.clients, &self.accounts);
        LoadError::TimedOut {
            doing: format!(
                "{doing}: {} of {} sockets joined, {} of {} writes reached everybody, {} pushes missing, {} \
                 lost, {} repeated",
                clients.joined(),
                clients.opened(),
                accounts.done,
                accounts.fired,
                accounts.missing(),
                accounts.lost,
                accounts.repeated
            ),
            seconds: self.options.patience,
        }
    }

    fn on_event(&mut self, token: usize) -> Result<(), LoadError> {
        if token < self.options.connections {
            return self.clients.on_readable(token, &mut self.accounts);
        }
        if let Some(took) = self.source.on_readable()? {
            let _ = self.writes.record(took);
        }
        Ok(())
    }
}
