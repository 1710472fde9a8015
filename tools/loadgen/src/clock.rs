//! The only clock of the load: monotonic nanoseconds, read once per socket and round.

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds since some moment before the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Nanos(pub(crate) u64);

impl Nanos {
    pub(crate) fn now() -> Self {
        Self(read(ClockId::Monotonic))
    }

    pub(crate) fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    pub(crate) fn plus_millis(self, millis: u64) -> Self {
        Self(self.0 + millis * 1_000_000)
    }
}

/// CPU time of this process, user and system, in nanoseconds.
pub(crate) fn own_cpu() -> u64 {
    read(ClockId::ProcessCPUTime)
}

fn read(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    let whole = u64::try_from(time.tv_sec).unwrap_or(0);
    whole * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}
