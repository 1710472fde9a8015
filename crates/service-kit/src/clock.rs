//! The time of day, handed in. Deadlines and intervals use `tokio::time`, not this.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};

/// A source of the wall clock time. Clones share the source.
///
/// ```
/// # use std::time::Duration;
/// # use chrono::{DateTime, Utc};
/// use service_kit::clock::Clock;
///
/// let (clock, hand) = Clock::manual(DateTime::<Utc>::UNIX_EPOCH);
/// hand.advance(Duration::from_secs(60));
/// assert_eq!(clock.now().timestamp(), 60);
/// ```
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<Mutex<DateTime<Utc>>>),
}

/// The hand on a manual clock.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Mutex<DateTime<Utc>>>);

impl Clock {
    /// The clock of the machine.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `start` until the returned hand moves it.
    pub fn manual(start: DateTime<Utc>) -> (Self, ManualClock) {
        let shared = Arc::new(Mutex::new(start));
        (
            Self(Source::Manual(Arc::clone(&shared))),
            ManualClock(shared),
        )
    }

    /// The time of day.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the machine's clock"
    )]
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            Source::System => Utc::now(),
            Source::Manual(time) => *time.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }
}

impl ManualClock {
    /// Moves the clock forward; saturates at the end of the calendar.
    pub fn advance(&self, by: Duration) {
        let mut time = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *time = chrono::TimeDelta::from_std(by)
            .ok()
            .and_then(|by| time.checked_add_signed(by))
            .unwrap_or(DateTime::<Utc>::MAX_UTC);
    }

    /// Puts the clock at `time`, backwards too.
    pub fn set(&self, time: DateTime<Utc>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = time;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_by_hand() {
        let (clock, hand) = Clock::manual(DateTime::<Utc>::UNIX_EPOCH);
        let reader = clock.clone();
        hand.advance(Duration::from_secs(90));
        assert_eq!(reader.now().timestamp(), 90);
        hand.set(DateTime::<Utc>::UNIX_EPOCH);
        assert_eq!(clock.now().timestamp(), 0);
    }

    #[test]
    fn an_absurd_advance_stops_at_the_end_of_the_calendar() {
        let (clock, hand) = Clock::manual(DateTime::<Utc>::UNIX_EPOCH);
        hand.advance(Duration::MAX);
        assert_eq!(clock.now(), DateTime::<Utc>::MAX_UTC);
    }

    #[test]
    fn the_system_clock_is_past_the_year_of_writing() {
        assert!(Clock::system().now().timestamp() > 1_750_000_000);
    }
}
