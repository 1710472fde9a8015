//! What all sockets of the process work with.

use std::time::Duration;

use chrono::{DateTime, Utc};
use service_kit::clock::Clock;
use service_kit::random::Random;
use tokio_util::sync::CancellationToken;

use super::clockwork::Patience;
use super::seats::Seats;
use crate::feed::Feeds;
use crate::identity::Gate;
use crate::metrics::TelemetryMetrics;

/// What all sockets of the process work with.
pub struct Desk {
    /// Who a token belongs to.
    pub gate: Gate,
    /// What is watched.
    pub feeds: Feeds,
    /// Who may stay.
    pub seats: Seats,
    /// Counts sockets and pushes.
    pub metrics: TelemetryMetrics,
    /// When a token ends.
    pub clock: Clock,
    /// Spreads a drain.
    pub random: Random,
    /// The first stage of a shutdown.
    pub stopping: CancellationToken,
    /// How long sockets are waited for.
    pub patience: Patience,
    /// The window in which all sockets end, each at its own moment.
    pub drain: Duration,
    /// Everybody is told everything every interval.
    pub repeats: bool,
}

impl Desk {
    /// How long a token that ends at `end` still lasts.
    pub fn life_until(&self, end: DateTime<Utc>) -> Duration {
        (end - self.clock.now()).to_std().unwrap_or_default()
    }
}
