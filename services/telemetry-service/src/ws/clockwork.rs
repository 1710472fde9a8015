//! When something is due on a socket, apart from what it says: pings, the end of a token, a drain. Pure: whoever asks
//! tells the time.

use std::time::Duration;

use tokio::time::Instant;

/// How long before the end of a token its client is told.
pub const WARNING: Duration = Duration::from_mins(1);

/// How patient a socket is.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Between two pings.
    pub ping: Duration,
    /// For a pong.
    pub pong: Duration,
    /// For a client that takes nothing.
    pub write: Duration,
}

/// The moments of one socket.
#[derive(Debug)]
pub struct Clockwork {
    patience: Patience,
    ping_at: Instant,
    /// The pong is owed until then.
    pong_by: Option<Instant>,
    /// `None` when it has been told.
    warn_at: Option<Instant>,
    expires_at: Instant,
    drain_at: Option<Instant>,
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Ask whether the client is there.
    Ping,
    /// Tell that the token ends after this.
    Warn(Duration),
    /// The client answered no ping.
    Silent,
    /// The client takes nothing.
    Slow,
    /// The token has ended.
    Expired,
    /// The moment of this socket in the drain has come.
    Drained,
}

impl Clockwork {
    /// For a socket opened `now` by a token that lasts for `life`.
    pub fn begin(now: Instant, patience: Patience, life: Duration) -> Self {
        let mut this = Self {
            patience,
            ping_at: now + patience.ping,
            pong_by: None,
            warn_at: None,
            expires_at: now,
            drain_at: None,
        };
        this.renew(now, life);
        this
    }

    /// A token that lasts for `life` counts from `now` on.
    pub fn renew(&mut self, now: Instant, life: Duration) {
        self.expires_at = now + life;
        self.warn_at = Some(now + life.saturating_sub(WARNING));
    }

    /// The socket is to end after this; once told, it stays so.
    pub fn drain(&mut self, at: Instant) {
        self.drain_at.get_or_insert(at);
    }

    /// A ping went out. One that is still unanswered has the first claim.
    pub fn pinged(&mut self, now: Instant) {
        self.pong_by.get_or_insert(now + self.patience.pong);
    }

    /// The client is there.
    pub fn ponged(&mut self) {
        self.pong_by = None;
    }

    /// What is due `now`, the most final first; `blocked` since when the client takes nothing. Each is said once, but
    /// for those that end the socket.
    pub fn due(&mut self, now: Instant, blocked: Option<Instant>) -> Option<Due> {
        let passed = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if passed(blocked.map(|since| since + self.patience.write)) {
            return Some(Due::Slow);
        }
        if passed(self.pong_by) {
            return Some(Due::Silent);
        }
        if passed(self.drain_at) {
            return Some(Due::Drained);
        }
        if self.expires_at <= now {
            return Some(Due::Expired);
        }
        if passed(self.warn_at) {
            self.warn_at = None;
            return Some(Due::Warn(self.expires_at - now));
        }
        if self.ping_at <= now {
            self.ping_at = now + self.patience.ping;
            // One that is blocked behind others is not joined by a second.
            return Some(Due::Ping);
        }
        None
    }

    /// When to ask again.
    pub fn next(&self, blocked: Option<Instant>) -> Instant {
        let slow_at = blocked.map(|since| since + self.patience.write);
        let all = [self.pong_by, self.warn_at, self.drain_at, slow_at];
        let soonest = all.into_iter().flatten().min();
        let certain = self.ping_at.min(self.expires_at);
        soonest.map_or(certain, |at| at.min(certain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        ping: Duration::from_secs(25),
        pong: Duration::from_secs(10),
        write: Duration::from_secs(30),
    };
    const HOUR: Duration = Duration::from_hours(1);

    /// Runs a clockwork whose client answers pings or not: what was due, and after how many seconds.
    fn run(life: Duration, answers: bool, until: u64) -> Vec<(u64, Due)> {
        let start = Instant::now();
        let mut clockwork = Clockwork::begin(start, PATIENCE, life);
        let mut told = Vec::new();
        let mut now = start;
        while now <= start + Duration::from_secs(until) {
            while let Some(due) = clockwork.due(now, None) {
                told.push(((now - start).as_secs(), due));
                match due {
                    Due::Ping if answers => {
                        clockwork.pinged(now);
                        clockwork.ponged();
                    }
                    Due::Ping => clockwork.pinged(now),
                    Due::Warn(_) => {}
                    _ => return told,
                }
            }
            now = clockwork.next(None);
        }
        told
    }

    #[test]
    fn a_client_is_asked_every_25_seconds_and_has_10_to_answer() {
        assert_eq!(
            run(HOUR, true, 80),
            [(25, Due::Ping), (50, Due::Ping), (75, Due::Ping)]
        );
        assert_eq!(run(HOUR, false, 80), [(25, Due::Ping), (35, Due::Silent)]);
    }

    #[test]
    fn further_pings_give_no_more_time_for_the_first_pong() {
        let often = Patience {
            ping: Duration::from_secs(4),
            ..PATIENCE
        };
        let start = Instant::now();
        let mut clockwork = Clockwork::begin(start, often, HOUR);
        let ends = (1..60)
            .map(|second| start + Duration::from_secs(second))
            .find(|now| {
                match clockwork.due(*now, None) {
                    Some(Due::Ping) => clockwork.pinged(*now),
                    due => return due == Some(Due::Silent),
                }
                false
            });
        assert_eq!(ends, Some(start + Duration::from_secs(14)));
    }

    #[test]
    fn the_end_of_a_token_is_told_a_minute_before_it() {
        let told: Vec<_> = run(Duration::from_secs(100), true, 200)
            .into_iter()
            .filter(|(_, due)| *due != Due::Ping)
            .collect();
        assert_eq!(told, [(40, Due::Warn(WARNING)), (100, Due::Expired)]);
        let short = Duration::from_secs(10);
        assert_eq!(
            run(short, true, 60),
            [(0, Due::Warn(short)), (10, Due::Expired)]
        );
    }

    #[test]
    fn a_newer_token_puts_the_end_off_and_is_warned_of_again() {
        let start = Instant::now();
        let mut clockwork = Clockwork::begin(start, PATIENCE, WARNING);
        assert_eq!(clockwork.due(start, None), Some(Due::Warn(WARNING)));
        clockwork.renew(start, HOUR);
        let late = start + HOUR - WARNING;
        let told: Vec<_> = std::iter::from_fn(|| clockwork.due(late, None)).collect();
        assert_eq!(told, [Due::Warn(WARNING), Due::Ping]);
    }

    #[test]
    fn who_takes_nothing_is_let_go_of_and_a_drain_has_its_moment() {
        let start = Instant::now();
        let mut clockwork = Clockwork::begin(start, PATIENCE, HOUR);
        assert_eq!(clockwork.next(Some(start)), start + PATIENCE.ping);
        let late = start + PATIENCE.write;
        assert_eq!(clockwork.due(late, Some(start)), Some(Due::Slow));
        clockwork.drain(start + Duration::from_secs(3));
        clockwork.drain(start + Duration::from_secs(1));
        assert_eq!(clockwork.next(None), start + Duration::from_secs(3));
        assert_eq!(
            clockwork.due(start + Duration::from_secs(3), None),
            Some(Due::Drained)
        );
    }
}
