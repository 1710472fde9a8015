//! What one viewer has been told of a run, and what is due next. Pure.

use std::time::Duration;

use tokio::time::Instant;

use super::task::{Shown, Task};

/// Progress is told at most this often.
pub const PACE: Duration = Duration::from_millis(250);

/// What one viewer has heard.
#[derive(Debug, Clone, Default)]
pub struct Told {
    started: bool,
    progress: Option<(Shown, Instant)>,
    ended: bool,
    closed: bool,
}

/// What is due next.
#[derive(Debug, Clone, PartialEq)]
pub enum Say {
    /// A worker has it.
    Started,
    /// How far it is.
    Progress(Shown),
    /// It is over, or there is none.
    Ended,
    /// Goodbye, with this reason.
    Farewell(&'static str),
}

impl Told {
    /// What `task` makes due; `None` where the viewer knows everything. There is no run where it is `None`.
    pub fn due(&self, task: Option<&Task>) -> Option<Say> {
        if self.closed {
            return None;
        }
        let Some(task) = task else {
            return Some(if self.ended {
                Say::Farewell("task_not_found")
            } else {
                Say::Ended
            });
        };
        let phase = task.phase();
        if phase.is_over() {
            return Some(if self.ended {
                Say::Farewell(phase.farewell())
            } else {
                Say::Ended
            });
        }
        if !self.started && task.run.state == "running" {
            return Some(Say::Started);
        }
        // A run that learns of more pages falls back; a bar that does is taken for a fault.
        let floor = self.progress.as_ref().map_or(0.0, |(it, _)| it.percent);
        let shown = task.shown(floor);
        let known = self.progress.as_ref().is_some_and(|(it, _)| *it == shown);
        (!known).then_some(Say::Progress(shown))
    }

    /// Whether progress was told a moment ago.
    pub fn is_paced(&self, now: Instant) -> bool {
        let last = self.progress.as_ref();
        last.is_some_and(|(_, at)| now.duration_since(*at) < PACE)
    }

    /// The viewer has heard it.
    pub fn heard(&mut self, say: Say, now: Instant) {
        match say {
            Say::Started => self.started = true,
            Say::Progress(shown) => self.progress = Some((shown, now)),
            Say::Ended => self.ended = true,
            Say::Farewell(_) => self.closed = true,
        }
    }
}
