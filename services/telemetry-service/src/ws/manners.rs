//! How much and how badly a client may talk. Pure: whoever asks tells the time.

use tokio::time::Instant;

/// So many bad messages in a row end a socket.
const MOST_BAD: u8 = 20;
/// Messages that may come at once: a dashboard subscribes to all it shows, twice over after a mishap.
const BURST: f32 = 1_100.0;
/// Messages a second that may go on for ever.
const STEADY: f32 = 50.0;

/// One client's conduct.
#[derive(Debug)]
pub struct Manners {
    bad_in_a_row: u8,
    left: f32,
    counted: Instant,
}

impl Manners {
    /// A client that has said nothing yet.
    pub fn begin(now: Instant) -> Self {
        Self {
            bad_in_a_row: 0,
            left: BURST,
            counted: now,
        }
    }

    /// A message came: whether it may be listened to.
    pub fn may_speak(&mut self, now: Instant) -> bool {
        let earned = (now - self.counted).as_secs_f32() * STEADY;
        self.counted = now;
        self.left = (self.left + earned).min(BURST);
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }

    /// It was a good one.
    pub fn good(&mut self) {
        self.bad_in_a_row = 0;
    }

    /// It was a bad one. Says whether that is enough.
    pub fn bad(&mut self) -> bool {
        self.bad_in_a_row += 1;
        self.bad_in_a_row >= MOST_BAD
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn twenty_bad_messages_in_a_row_are_enough_and_a_good_one_starts_over() {
        let mut manners = Manners::begin(Instant::now());
        assert!((0..19).all(|_| !manners.bad()));
        manners.good();
        assert!((0..19).all(|_| !manners.bad()));
        assert!(manners.bad());
    }

    #[test]
    fn all_subscriptions_of_a_dashboard_may_come_at_once_and_a_flood_may_not() {
        let start = Instant::now();
        let mut manners = Manners::begin(start);
        assert!((0..1_001).all(|_| manners.may_speak(start)));
        assert!((0..1_000).any(|_| !manners.may_speak(start)));
        let later = start + Duration::from_secs(2);
        let heard = (0..1_000).filter(|_| manners.may_speak(later)).count();
        assert!((99..=101).contains(&heard), "{heard}");
    }
}
