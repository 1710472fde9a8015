//! One run: everybody joins, the server idles, changes happen one by one, slow readers catch up, and
//! the accounts are printed. A run in which anybody missed anything does not count.

use std::time::Duration;

use mio::{Events, Poll};

use crate::audience::Audience;
use crate::cli::{self, Slow};
use crate::clock::Nanos;
use crate::error::{LoadError, While};
use crate::meter::{Border, Meter, Usage};
use crate::report::Report;
use crate::trigger::Trigger;

/// Joins between two looks at what has come meanwhile: within any listen queue.
const JOINS_AT_ONCE: usize = 64;
/// The longest wait for an event: the pace and the slow readers are looked at as often.
const TURN: Duration = Duration::from_millis(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Joining,
    Idling,
    Changing,
    Done,
}

struct Run<'a> {
    options: &'a cli::Streams,
    poll: Poll,
    audience: Audience,
    trigger: Trigger,
    meter: Meter,
    phase: Phase,
    next_beat: Nanos,
    /// Event bytes of the fast streams before the first change.
    bytes_before: u64,
}

/// Runs and prints; says whether the run counts.
pub(crate) fn run(options: &cli::Streams) -> Result<bool, LoadError> {
    let mut run = Run::open(options)?;
    run.join()?;
    let ended = run.change().and_then(|()| run.catch_up());
    let usage = run.usage();
    let mut report = Report::of(options, &run.audience, usage, run.bytes_before);
    match ended {
        // The accounts say what was waited for.
        Err(error @ LoadError::TimedOut { .. }) => {
            eprintln!("loadgen: {error}");
            report.complete = false;
        }
        other => other?,
    }
    println!("{}", serde_json::to_string(&report).unwrap_or_default());
    Ok(report.complete)
}

impl<'a> Run<'a> {
    fn open(options: &'a cli::Streams) -> Result<Self, LoadError> {
        let poll = Poll::new().doing("making a poll")?;
        Ok(Self {
            trigger: Trigger::open(options, poll.registry(), options.connections)?,
            audience: Audience::new(options)?,
            meter: Meter::new(options.server_pid),
            phase: Phase::Joining,
            next_beat: Nanos::now(),
            bytes_before: 0,
            poll,
            options,
        })
    }

    /// Opens all streams: one first, to warm the server up, then the others.
    fn join(&mut self) -> Result<(), LoadError> {
        self.audience.open(self.poll.registry())?;
        self.until("waiting for the first stream", |run| {
            run.audience.all_have_joined()
        })?;
        self.meter.read(Border::OneJoined);
        for number in 1..self.options.connections {
            self.audience.open(self.poll.registry())?;
            if number % JOINS_AT_ONCE == 0 {
                self.turn(Duration::ZERO)?;
            }
        }
        self.until("waiting for all streams to join", |run| {
            run.audience.all_have_joined() && run.audience.settle()
        })?;
        self.trigger.all_joined()?;
        self.meter.read(Border::AllJoined);
        self.bytes_before = self.audience.fast_bytes();
        self.next_beat = Nanos::now().plus_millis(self.options.pace_ms);
        self.phase = Phase::Idling;
        Ok(())
    }

    /// Idles, then causes one change after the other.
    fn change(&mut self) -> Result<(), LoadError> {
        self.until("waiting for a change to reach everybody", |run| {
            run.phase == Phase::Done
        })
    }

    /// The slow streams read what they left, and must come to the newest version.
    fn catch_up(&mut self) -> Result<(), LoadError> {
        self.audience.release_slow(self.poll.registry())?;
        if self.options.slow == Slow::Ignored {
            return Ok(());
        }
        self.until("waiting for the slow streams to catch up", |run| {
            run.audience.slow_behind() == 0
        })
    }

    /// Turns until `done`; the patience is for each change anew.
    fn until(&mut self, doing: &str, done: impl Fn(&mut Self) -> bool) -> Result<(), LoadError> {
        let seconds = self.options.patience;
        let mut seen = (
            self.audience.ledger.fired(),
            self.audience.joined(),
            self.meter.idle_beats,
        );
        let mut deadline = Nanos::now().plus_millis(seconds * 1_000);
        while !done(self) {
            self.turn(TURN)?;
            let now = (
                self.audience.ledger.fired(),
                self.audience.joined(),
                self.meter.idle_beats,
            );
            if now != seen {
                seen = now;
                deadline = Nanos::now().plus_millis(seconds * 1_000);
            } else if Nanos::now() > deadline {
                return Err(self.out_of_patience(doing));
            }
        }
        Ok(())
    }

    fn out_of_patience(&self, doing: &str) -> LoadError {
        let ledger = &self.audience.ledger;
        let doing = format!(
            "{doing}: {} of {} joined, {} changes caused, {} deliveries missing, {} lost, {} slow behind",
            self.audience.joined(),
            self.options.connections,
            ledger.fired(),
            ledger.missing(),
            ledger.lost,
            self.audience.slow_behind(),
        );
        LoadError::TimedOut {
            doing,
            seconds: self.options.patience,
        }
    }

    /// Deals with whatever has happened, waiting for it at most `wait`.
    fn turn(&mut self, wait: Duration) -> Result<(), LoadError> {
        let mut events = Events::with_capacity(1_024);
        match self.poll.poll(&mut events, Some(wait)) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => return Ok(()),
            other => other.doing("waiting for events")?,
        }
        for event in &events {
            let token = event.token().0;
            if token < self.options.connections {
                self.audience.on_readable(token, self.poll.registry())?;
            } else {
                self.on_trigger(token)?;
            }
        }
        let now = Nanos::now();
        if self.trigger.sets_the_pace() && now >= self.next_beat {
            self.next_beat = now.plus_millis(self.options.pace_ms);
            self.beat()?;
        }
        if self.phase == Phase::Changing {
            self.audience.read_slowly(now)?;
        }
        Ok(())
    }

    fn on_trigger(&mut self, token: usize) -> Result<(), LoadError> {
        let polls = match &mut self.trigger {
            Trigger::Upstream(upstream) => upstream.on_event(token, self.poll.registry())?,
            Trigger::Publish(publisher) => {
                publisher.read_answers()?;
                Vec::new()
            }
            Trigger::Raw { .. } => Vec::new(),
        };
        for slot in polls {
            self.beat()?;
            if let Trigger::Upstream(upstream) = &mut self.trigger {
                upstream.answer(slot)?;
            }
        }
        Ok(())
    }

    /// A poll came, or the pace says so: decides whether it brings a change.
    fn beat(&mut self) -> Result<(), LoadError> {
        if self.phase == Phase::Idling {
            if self.meter.idle_beats == 0 {
                self.meter.read(Border::Idle);
            }
            if self.meter.idle_beats < self.options.idle {
                self.meter.idle_beats += 1;
                return Ok(());
            }
            self.meter.read(Border::Changes);
            self.phase = Phase::Changing;
        }
        if self.phase != Phase::Changing {
            return Ok(());
        }
        // The next change waits for the last one, so that no stream has two to fold.
        let ready = self.audience.ledger.is_complete();
        if ready && self.audience.ledger.fired() == self.options.changes {
            self.meter.read(Border::End);
            self.phase = Phase::Done;
            return Ok(());
        }
        self.meter.change_beats += 1;
        if !ready {
            return Ok(());
        }
        let number = self.audience.ledger.fire(Nanos::now());
        self.trigger.fire(number)
    }

    fn usage(&self) -> Usage {
        let joins = self.options.connections.saturating_sub(1);
        self.meter.usage(joins, self.audience.ledger.deliveries())
    }
}
