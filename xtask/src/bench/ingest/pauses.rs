//! How long a reader stood still because it was refused, from what the portal saw.

use serde::Deserialize;

/// A request as the portal saw it; times in seconds since the first one.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Seen {
    pub(super) status: Option<u16>,
    pub(super) at: f64,
    pub(super) answered_at: Option<f64>,
}

impl Seen {
    pub(super) fn is_refused(&self) -> bool {
        self.status == Some(429)
    }
}

/// Seconds between a refusal and the next request of whoever was refused. `seen` is in order; of
/// refusals that came together each moment counts once.
pub(super) fn paused(seen: &[Seen]) -> f64 {
    let refusals = seen.iter().filter(|it| it.is_refused());
    let mut refused: Vec<f64> = refusals.filter_map(|it| it.answered_at).collect();
    refused.sort_unstable_by(f64::total_cmp);
    let (mut sum, mut counted_until) = (0.0, 0.0_f64);
    for at in refused {
        let Some(next) = seen.iter().map(|it| it.at).find(|next| *next > at) else {
            continue;
        };
        sum += (next - counted_until.max(at)).max(0.0);
        counted_until = counted_until.max(next);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(status: u16, at: f64, answered_at: f64) -> Seen {
        Seen {
            status: Some(status),
            at,
            answered_at: Some(answered_at),
        }
    }

    #[test]
    fn a_pause_lasts_from_the_refusal_to_the_next_request_and_counts_once() {
        let two_at_once = [
            seen(200, 0.0, 0.5),
            seen(429, 1.0, 1.5),
            seen(429, 1.2, 2.0),
            seen(200, 6.5, 7.0),
            seen(429, 8.0, 8.5),
        ];
        assert!((paused(&two_at_once) - 5.0).abs() < 1e-9);
        assert!(paused(&[]).abs() < 1e-9);
    }
}
