//! Load for the SSE gateway: is its backend and all of its clients, connects them, sends to them over
//! a few connections, and leaves. A run in which one event or one callback was missing does not count.

mod backend;
mod clients;
mod report;
mod senders;

use std::io::ErrorKind;
use std::time::Duration;

use mio::{Events, Poll};

use crate::cli;
use crate::clock::Nanos;
use crate::error::{LoadError, While};
use crate::sockets::Target;
use backend::Backend;
use clients::Clients;
use report::{Reading, Readings};
use senders::Sender;

/// Connects under way at once.
const JOINS_AT_ONCE: usize = 64;

struct Run<'a> {
    options: &'a cli::Gateway,
    poll: Poll,
    clients: Clients,
    senders: Vec<Sender>,
    backend: Backend,
    connects: usize,
    disconnects: usize,
    /// Events of this part and of those before.
    until: u64,
    /// Sends that are not answered yet.
    under_way: usize,
}

/// Runs and prints; says whether the run counts.
pub(crate) fn run(options: &cli::Gateway) -> Result<bool, LoadError> {
    let mut run = Run::open(options)?;
    run.join(1)?;
    let one = run.reading();
    run.join(options.connections)?;
    let all = run.reading();
    // Each stream gets its first event before anything is measured.
    run.send(|streams| streams)?;
    run.clients.latency.reset();
    let warm = run.reading();
    let share = options.sends / options.senders.max(1) as u64;
    run.send(|_| share)?;
    let sent = run.reading();
    run.clients.leave();
    run.turn_until("waiting for the disconnects", |run| {
        Ok(run.disconnects >= options.connections)
    })?;
    let left = run.reading();
    let counts = [run.connects, run.disconnects];
    let complete = run.clients.wrong == 0 && counts == [options.connections; 2];
    let readings = Readings {
        one,
        all,
        warm,
        sent,
        left,
    };
    println!(
        "{}",
        report::of(options, &run.clients.latency, &readings, complete)
    );
    Ok(complete)
}

impl<'a> Run<'a> {
    fn open(options: &'a cli::Gateway) -> Result<Self, LoadError> {
        let poll = Poll::new().doing("making a poll")?;
        let target = Target::parse(&options.url)?;
        let (first, count) = (options.connections, options.senders);
        let backend = Backend::listen(options.callback_port, poll.registry(), first + count)?;
        let senders =
            (0..count).map(|it| Sender::connect(target.address, poll.registry(), first + it, it));
        Ok(Self {
            senders: senders.collect::<Result<_, _>>()?,
            clients: Clients::new(target, options.connections)?,
            backend,
            connects: 0,
            disconnects: 0,
            until: 0,
            under_way: 0,
            poll,
            options,
        })
    }

    fn reading(&self) -> Reading {
        Reading::now(self.options.server_pid)
    }

    /// Opens streams until there are `count`, a few at a time.
    fn join(&mut self, count: usize) -> Result<(), LoadError> {
        self.turn_until("waiting for the streams to open", |run| {
            let (opened, joined) = (run.clients.opened(), run.clients.joined());
            let more = JOINS_AT_ONCE - (opened - joined).min(JOINS_AT_ONCE);
            for _ in 0..more.min(count - opened) {
                run.clients.open(run.poll.registry())?;
            }
            Ok(joined == count && run.connects == count)
        })
    }

    /// Lets each sender send so many events, by the number of its streams; waits until all have come.
    fn send(&mut self, share: impl Fn(u64) -> u64) -> Result<(), LoadError> {
        let count = self.senders.len();
        for index in 0..count {
            let streams = (index..self.options.connections).step_by(count).len();
            let share = share(streams as u64) * u64::from(streams > 0);
            self.until += share;
            if let Some(sender) = self.senders.get_mut(index) {
                sender.left = share;
            }
            self.fire(index)?;
        }
        self.turn_until("waiting for the events", |run| {
            Ok(run.clients.got >= run.until && run.under_way == 0)
        })
    }

    fn fire(&mut self, index: usize) -> Result<(), LoadError> {
        let Some(sender) = self.senders.get_mut(index).filter(|it| it.left > 0) else {
            return Ok(());
        };
        let stream = sender.stream;
        let (number, token) = self.clients.next(stream, Nanos::now())?;
        let next = stream + self.options.senders;
        sender.stream = if next < self.options.connections {
            next
        } else {
            index
        };
        sender.left -= 1;
        self.under_way += 1;
        sender.send(token, number, self.options.data_bytes)
    }

    /// Turns until `done`, as long as anything goes on.
    fn turn_until(
        &mut self,
        doing: &str,
        mut done: impl FnMut(&mut Self) -> Result<bool, LoadError>,
    ) -> Result<(), LoadError> {
        let seconds = self.options.patience;
        let mut events = Events::with_capacity(1_024);
        let mut deadline = Nanos::now().plus_millis(seconds * 1_000);
        while !done(self)? {
            match self.poll.poll(&mut events, Some(Duration::from_millis(50))) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                other => other.doing("waiting for events")?,
            }
            for event in &events {
                self.on_event(event.token().0)?;
            }
            if !events.is_empty() {
                deadline = Nanos::now().plus_millis(seconds * 1_000);
            } else if Nanos::now() > deadline {
                let doing = format!(
                    "{doing}: {} connects and {} disconnects told, {} of {} events came",
                    self.connects, self.disconnects, self.clients.got, self.until
                );
                return Err(LoadError::TimedOut { doing, seconds });
            }
        }
        Ok(())
    }

    fn on_event(&mut self, token: usize) -> Result<(), LoadError> {
        let sender = token.checked_sub(self.options.connections);
        let Some(sender) = sender else {
            return self.clients.on_readable(token);
        };
        if let Some(it) = self.senders.get_mut(sender) {
            if it.answered()? {
                self.under_way -= 1;
                self.fire(sender)?;
            }
            return Ok(());
        }
        for call in self.backend.on_event(token, self.poll.registry())? {
            if call.action == "connect" {
                self.connects += 1;
                self.clients.told(&call.request.url, call.token)?;
            } else {
                self.disconnects += 1;
            }
        }
        Ok(())
    }
}
