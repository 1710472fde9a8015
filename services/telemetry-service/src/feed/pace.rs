//! When a source is asked next. Pure: whoever asks tells the time.

use std::time::Duration;

use tokio::time::Instant;

/// Between two queries of a source that just failed, whoever wants to know; polls go on at their interval.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// Its next poll comes after this at the latest, however long the interval is: nobody is to be told of an outage for much
/// longer than it lasts.
const RETRY: Duration = Duration::from_secs(5);
/// So much of an interval must have passed before what is repeated every interval is repeated.
const REPEAT_AFTER: f64 = 0.8;

/// The pace of queries of one kind for one tenant.
#[derive(Debug, Clone)]
pub struct Pace {
    /// The poll: the truth, whatever hints say.
    poll_at: Instant,
    /// Nothing is asked before, whoever wants it: a storm of hints is one query at a time, and not many a second.
    not_before: Instant,
    repeated: Instant,
}

impl Pace {
    /// A pace that begins at `now`, with the first poll after `interval`.
    pub fn begin(now: Instant, interval: Duration) -> Self {
        Self {
            poll_at: now + interval,
            not_before: now,
            repeated: now,
        }
    }

    /// When to ask next: for the poll, or sooner where somebody `wants` it.
    pub fn due(&self, wanted: bool) -> Instant {
        if wanted {
            self.not_before.min(self.poll_at)
        } else {
            self.poll_at
        }
    }

    /// Whether the poll's time has come.
    pub fn is_poll(&self, now: Instant) -> bool {
        self.poll_at <= now
    }

    /// A query that began at `began` has come back. One of everything was as good as a poll: the next is `interval`
    /// after it.
    pub fn asked(&mut self, began: Instant, asked: Asked, spacing: Duration, interval: Duration) {
        let spacing = if asked.ok {
            spacing
        } else {
            spacing.max(AFTER_FAILURE)
        };
        self.not_before = began + spacing;
        if asked.whole {
            self.poll_at = began + interval;
        }
        if !asked.ok {
            self.poll_at = self.poll_at.min(began + RETRY);
        }
    }

    /// Whether what is repeated every interval is due again; says so once per interval.
    pub fn repeats(&mut self, now: Instant, interval: Duration) -> bool {
        let due = now >= self.repeated + interval.mul_f64(REPEAT_AFTER);
        if due {
            self.repeated = now;
        }
        due
    }
}

/// How a query went.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// It was about everything that is watched.
    pub whole: bool,
    /// The source answered.
    pub ok: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(5);
    const SPACING: Duration = Duration::from_millis(100);

    /// Asks `for_long` whatever is due, with a hint every `hint`: how many queries that were.
    fn queries(for_long: Duration, hint: Option<Duration>, whole: bool, ok: bool) -> u32 {
        let start = Instant::now();
        let mut pace = Pace::begin(start, INTERVAL);
        let (mut now, mut asked, mut next_hint) = (start, 0, hint.map(|every| start + every));
        loop {
            let hinted = pace.due(true);
            let due = match next_hint {
                Some(at) => pace.due(false).min(hinted.max(at)),
                None => pace.due(false),
            };
            now = now.max(due);
            if now >= start + for_long {
                return asked;
            }
            next_hint = hint.map(|every| now + every);
            let whole = whole || pace.is_poll(now);
            pace.asked(now, Asked { whole, ok }, SPACING, INTERVAL);
            asked += 1;
        }
    }

    #[test]
    fn without_hints_a_source_is_asked_once_an_interval() {
        assert_eq!(queries(Duration::from_secs(51), None, true, true), 10);
        assert_eq!(queries(Duration::from_secs(51), None, true, false), 10);
    }

    #[test]
    fn a_storm_of_hints_is_as_many_queries_as_the_spacing_allows() {
        let storm = Some(Duration::from_micros(10));
        let all = queries(Duration::from_secs(10), storm, true, true);
        assert!((95..=101).contains(&all), "{all}");
    }

    #[test]
    fn a_source_that_fails_is_not_asked_more_by_a_storm_of_hints() {
        let storm = Some(Duration::from_micros(10));
        let all = queries(Duration::from_secs(10), storm, true, false);
        assert!((9..=12).contains(&all), "{all}");
    }

    #[test]
    fn a_source_that_failed_is_looked_at_again_soon_however_long_the_interval_is() {
        let (start, hour) = (Instant::now(), Duration::from_hours(1));
        for whole in [true, false] {
            let mut pace = Pace::begin(start, hour);
            pace.asked(start, Asked { whole, ok: false }, SPACING, hour);
            assert_eq!(pace.due(false), start + RETRY);
            let again = Asked {
                whole: true,
                ok: true,
            };
            pace.asked(start + RETRY, again, SPACING, hour);
            assert_eq!(pace.due(false), start + RETRY + hour);
        }
    }

    #[test]
    fn hints_about_a_part_do_not_put_off_the_poll_of_all() {
        let mut pace = Pace::begin(Instant::now(), INTERVAL);
        let poll = pace.due(false);
        let part = Asked {
            whole: false,
            ok: true,
        };
        pace.asked(poll - SPACING, part, SPACING, INTERVAL);
        assert_eq!(pace.due(false), poll);
        let whole = Asked {
            whole: true,
            ok: true,
        };
        pace.asked(poll - SPACING, whole, SPACING, INTERVAL);
        assert_eq!(pace.due(false), poll - SPACING + INTERVAL);
    }

    #[test]
    fn what_is_repeated_is_repeated_once_an_interval_however_often_it_is_read() {
        let start = Instant::now();
        let mut pace = Pace::begin(start, INTERVAL);
        let looks = (0..1_000).map(|n| start + n * SPACING);
        let repeated = looks.filter(|now| pace.repeats(*now, INTERVAL)).count();
        assert!((20..=25).contains(&repeated), "{repeated}");
    }
}
