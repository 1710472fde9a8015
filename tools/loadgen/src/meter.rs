//! What the measured process used in each part of a run, and what of it a delivery cost.

use serde::Serialize;

use crate::clock::own_cpu;
use crate::process::Observed;

/// Readings at the borders of the parts. CPU in nanoseconds since the process began.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    server: Option<Observed>,
    one_joined: Reading,
    all_joined: Reading,
    idle: Reading,
    changes: Reading,
    end: Reading,
    /// Beats (polls) in the idle part and in the part with the changes.
    pub(crate) idle_beats: u64,
    pub(crate) change_beats: u64,
}

#[derive(Debug, Default, Clone, Copy)]
struct Reading {
    server_cpu: Option<u64>,
    own_cpu: u64,
    resident: Option<u64>,
}

/// Where in a run a reading is taken.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Border {
    /// One stream has joined, so that everything that is made once exists.
    OneJoined,
    /// All have.
    AllJoined,
    /// The first beat without a change.
    Idle,
    /// The beat with the first change.
    Changes,
    /// The beat after the last change.
    End,
}

/// Figures of the process under test; null where they cannot be read.
#[derive(Debug, Serialize)]
pub(crate) struct Usage {
    /// For each stream that joined.
    pub(crate) cpu_us_per_connect: Option<f64>,
    /// For each beat (poll) without a change, all streams being idle.
    pub(crate) cpu_us_per_idle_beat: Option<f64>,
    /// For each delivery, after taking away what as many idle beats cost.
    pub(crate) cpu_us_per_delivery: Option<f64>,
    /// Resident memory that each idle stream added.
    pub(crate) resident_bytes_per_stream: Option<f64>,
    /// Of this load, for each delivery: whether it is the narrow place.
    pub(crate) loadgen_cpu_us_per_delivery: f64,
}

impl Meter {
    pub(crate) fn new(server: Option<u32>) -> Self {
        Self {
            server: server.map(Observed),
            ..Self::default()
        }
    }

    pub(crate) fn read(&mut self, border: Border) {
        let reading = Reading {
            server_cpu: self.server.and_then(Observed::cpu),
            own_cpu: own_cpu(),
            // Walking the page tables of a large process takes a while: only where it is used.
            resident: match border {
                Border::OneJoined | Border::AllJoined => self.server.and_then(Observed::resident),
                Border::Idle | Border::Changes | Border::End => None,
            },
        };
        *match border {
            Border::OneJoined => &mut self.one_joined,
            Border::AllJoined => &mut self.all_joined,
            Border::Idle => &mut self.idle,
            Border::Changes => &mut self.changes,
            Border::End => &mut self.end,
        } = reading;
    }

    /// `joins` is the number of streams that joined between the first two borders.
    pub(crate) fn usage(&self, joins: usize, deliveries: u64) -> Usage {
        let (one, all) = (self.one_joined, self.all_joined);
        let idle = span(self.idle, self.changes).map(|spent| per(spent, self.idle_beats));
        let changes = span(self.changes, self.end);
        let polling = idle.unwrap_or(0.0) * as_f64(self.change_beats);
        Usage {
            cpu_us_per_connect: span(one, all).map(|spent| per(spent, joins as u64)),
            cpu_us_per_idle_beat: idle.filter(|_| self.idle_beats > 0),
            cpu_us_per_delivery: changes.map(|spent| per(spent - polling, deliveries)),
            resident_bytes_per_stream: one
                .resident
                .zip(all.resident)
                .map(|(before, after)| per(as_f64(after) - as_f64(before), joins as u64)),
            loadgen_cpu_us_per_delivery: per(
                micros(self.end.own_cpu.saturating_sub(self.changes.own_cpu)),
                deliveries,
            ),
        }
    }
}

/// Microseconds of the process under test between two readings.
fn span(from: Reading, to: Reading) -> Option<f64> {
    let (from, to) = from.server_cpu.zip(to.server_cpu)?;
    Some(micros(to.saturating_sub(from)))
}

fn micros(nanos: u64) -> f64 {
    as_f64(nanos) / 1_000.0
}

fn per(total: f64, count: u64) -> f64 {
    total / as_f64(count.max(1))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "figures for people, far below 2^53"
)]
pub(crate) fn as_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_polling_is_taken_away_and_the_rest_shared_out() {
        let at = |cpu: u64| Reading {
            server_cpu: Some(cpu * 1_000),
            ..Reading::default()
        };
        let meter = Meter {
            all_joined: at(400),
            idle: at(1_000),
            changes: at(1_500),
            end: at(5_000),
            idle_beats: 5,
            change_beats: 10,
            one_joined: at(0),
            server: None,
        };
        let usage = meter.usage(40, 1_000);
        assert_eq!(usage.cpu_us_per_idle_beat, Some(100.0));
        assert_eq!(usage.cpu_us_per_delivery, Some(2.5));
        assert_eq!(usage.cpu_us_per_connect, Some(10.0));
    }

    #[test]
    fn without_a_process_to_look_at_there_are_no_figures() {
        let usage = Meter::new(None).usage(1, 1);
        assert!(usage.cpu_us_per_delivery.is_none() && usage.resident_bytes_per_stream.is_none());
    }
}
