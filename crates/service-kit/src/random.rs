//! Randomness, handed in: jitter, identifiers, spread. Not for keys.

use std::{
    fmt::Write as _,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};

/// A source of random numbers. Clones of a seeded one draw from the same sequence.
///
/// Production hands in [`Random::system`]; a test that depends on a drawn value hands in [`Random::seeded`], and one
/// that asserts a range needs neither.
#[derive(Clone, Debug)]
pub struct Random(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Seeded(Arc<Mutex<StdRng>>),
}

impl Random {
    /// The generator of the thread, seeded by the operating system.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A sequence that is the same in every run, for tests.
    pub fn seeded(seed: u64) -> Self {
        let generator = StdRng::seed_from_u64(seed);
        Self(Source::Seeded(Arc::new(Mutex::new(generator))))
    }

    /// A duration within `range`, its start where the range is empty.
    pub fn duration_between(&self, range: Range<Duration>) -> Duration {
        let width = range.end.saturating_sub(range.start);
        range.start.saturating_add(width.mul_f64(self.fraction()))
    }

    /// `duration` moved by up to `fraction` of itself in either direction (`0.1` = ± 10 %); `fraction` is cut to 0..=1.
    pub fn jitter(&self, duration: Duration, fraction: f64) -> Duration {
        let fraction = fraction.clamp(0.0, 1.0);
        duration.mul_f64(1.0 + fraction * (2.0 * self.fraction() - 1.0))
    }

    /// A number below `bound`; 0 where `bound` is 0.
    pub fn u64_below(&self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        self.draw(|generator| generator.random_range(0..bound))
    }

    /// `bytes` random bytes as lower-case hex, so twice as many characters.
    pub fn hex(&self, bytes: usize) -> String {
        let mut raw = vec![0_u8; bytes];
        self.draw(|generator| generator.fill_bytes(&mut raw));
        raw.iter()
            .fold(String::with_capacity(bytes * 2), |mut text, byte| {
                // Writing to a String cannot fail.
                let _ = write!(text, "{byte:02x}");
                text
            })
    }

    /// Uniform in 0.0..1.0.
    fn fraction(&self) -> f64 {
        self.draw(|generator| generator.random::<f64>())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the thread's generator"
    )]
    fn draw<T>(&self, with: impl FnOnce(&mut dyn Rng) -> T) -> T {
        match &self.0 {
            Source::System => with(&mut rand::rng()),
            Source::Seeded(shared) => {
                with(&mut *shared.lock().unwrap_or_else(PoisonError::into_inner))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn one_seed_gives_one_sequence() {
        let (one, other) = (Random::seeded(7), Random::seeded(7));
        assert_eq!(one.hex(16), other.hex(16));
        assert_eq!(one.u64_below(1_000), other.u64_below(1_000));
    }

    #[test]
    fn clones_draw_from_the_same_sequence() {
        let one = Random::seeded(7);
        assert_ne!(one.clone().hex(16), one.hex(16));
    }

    #[test]
    fn durations_stay_in_their_range() {
        let random = Random::seeded(1);
        for _ in 0..1_000 {
            let drawn = random.duration_between(SECOND..2 * SECOND);
            assert!((SECOND..2 * SECOND).contains(&drawn), "{drawn:?}");
            let jittered = random.jitter(SECOND, 0.1);
            assert!(
                (SECOND.mul_f64(0.9)..SECOND.mul_f64(1.1)).contains(&jittered),
                "{jittered:?}"
            );
        }
    }

    #[test]
    fn an_empty_range_gives_its_start() {
        assert_eq!(Random::system().duration_between(SECOND..SECOND), SECOND);
        assert_eq!(Random::system().u64_below(0), 0);
    }

    #[test]
    fn hex_has_two_characters_a_byte() {
        let text = Random::system().hex(9);
        assert_eq!(text.len(), 18);
        assert!(text.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}
