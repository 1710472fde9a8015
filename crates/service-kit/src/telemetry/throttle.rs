//! Keeps a repeated warning to one line per key and interval, and counts what it withheld.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Admits one line per key and interval.
///
/// ```
/// # use std::time::Duration;
/// let throttle = service_kit::telemetry::Throttle::new(Duration::from_secs(60), 1_000);
/// if let Some(suppressed) = throttle.admit("downtown-heights") {
///     tracing::warn!(project = "downtown-heights", suppressed, "the client API fails");
/// }
/// ```
#[derive(Debug)]
pub struct Throttle {
    interval: Duration,
    most_keys: usize,
    keys: Mutex<HashMap<String, Seen>>,
}

#[derive(Debug)]
struct Seen {
    told: Instant,
    suppressed: u64,
}

impl Throttle {
    /// At most one line per key and `interval`. At most `most_keys` keys are remembered; the one told longest ago
    /// is forgotten first, and its count with it.
    pub fn new(interval: Duration, most_keys: usize) -> Self {
        Self {
            interval,
            most_keys: most_keys.max(1),
            keys: Mutex::default(),
        }
    }

    /// Whether to write the line now: the number of lines withheld since the last one, or `None` to withhold.
    pub fn admit(&self, key: &str) -> Option<u64> {
        self.admit_at(key, Instant::now())
    }

    fn admit_at(&self, key: &str, now: Instant) -> Option<u64> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = keys.get_mut(key) {
            if now.duration_since(seen.told) < self.interval {
                seen.suppressed += 1;
                return None;
            }
            seen.told = now;
            return Some(std::mem::take(&mut seen.suppressed));
        }
        if keys.len() >= self.most_keys {
            forget_oldest(&mut keys);
        }
        let seen = Seen {
            told: now,
            suppressed: 0,
        };
        keys.insert(key.to_owned(), seen);
        Some(0)
    }
}

fn forget_oldest(keys: &mut HashMap<String, Seen>) {
    let oldest = keys.iter().min_by_key(|(_, seen)| seen.told);
    if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
        keys.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_mins(1);

    #[test]
    fn the_next_line_tells_how_many_were_withheld() {
        let throttle = Throttle::new(INTERVAL, 10);
        let start = Instant::now();
        assert_eq!(throttle.admit_at("a", start), Some(0));
        assert_eq!(throttle.admit_at("a", start), None);
        assert_eq!(throttle.admit_at("a", start + INTERVAL / 2), None);
        assert_eq!(throttle.admit_at("a", start + INTERVAL), Some(2));
        assert_eq!(throttle.admit_at("a", start + 2 * INTERVAL), Some(0));
    }

    #[test]
    fn one_key_does_not_silence_another() {
        let throttle = Throttle::new(INTERVAL, 10);
        assert_eq!(throttle.admit("a"), Some(0));
        assert_eq!(throttle.admit("b"), Some(0));
    }

    #[test]
    fn a_flood_of_keys_forgets_the_oldest_and_stays_bounded() {
        let throttle = Throttle::new(INTERVAL, 3);
        let start = Instant::now();
        for (second, key) in ["a", "b", "c", "d"].into_iter().enumerate() {
            let second = Duration::from_secs(second.try_into().unwrap());
            assert_eq!(throttle.admit_at(key, start + second), Some(0));
        }
        assert_eq!(throttle.keys.lock().unwrap().len(), 3);
        assert_eq!(throttle.admit_at("d", start), None, "the newest is known");
        assert_eq!(throttle.admit_at("a", start), Some(0), "the oldest is not");
    }
}
