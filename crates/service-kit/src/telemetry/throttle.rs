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
        let now = Instant::now();
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
