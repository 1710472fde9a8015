//! What befalls an unreliable client API: each fault for a few requests, so that it always heals.

use service_kit::random::Random;

use crate::fault::{Fault, RetryAfter};

/// A fault and how many requests it hits.
#[derive(Debug)]
pub(crate) struct Weather {
    pub(crate) requests: u32,
    pub(crate) fault: Fault,
}

impl Weather {
    /// The next turn; fair weather (`None`) almost half of the time.
    pub(crate) fn next(random: &Random) -> Option<Self> {
        let (requests, fault) = match random.u64_below(20) {
            0..4 => (4, Fault::status(500)),
            4..6 => (2, Fault::too_many_requests(RetryAfter::Seconds(4))),
            6..7 => (3, Fault::status(503)),
            7..8 => (3, Fault::Latency { ms: 1_200 }),
            // Longer than the reader's patience: its timeout is 2 s.
            8..9 => (4, Fault::Latency { ms: 4_000 }),
            9..10 => (3, Fault::Truncated),
            // Once only: a half-empty answer is believed when the next one agrees.
            10..11 => (1, Fault::Vanishing { keep_percent: 30 }),
            11..12 => (2, Fault::Reset),
            _ => return None,
        };
        Some(Self { requests, fault })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_spent_after_a_few_requests_and_fair_weather_comes_often() {
        let random = Random::seeded(7);
        let turns: Vec<_> = (0..1_000).map(|_| Weather::next(&random)).collect();
        let faults: Vec<_> = turns.iter().flatten().collect();
        assert!(
            faults
                .iter()
                .all(|weather| (1..=4).contains(&weather.requests))
        );
        assert!((400..800).contains(&faults.len()), "{}", faults.len());
    }
}
