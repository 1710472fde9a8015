//! The portal of the demo as it lives: time passes here and only here. Every few seconds something
//! is published and something is updated.

use std::sync::Arc;
use std::time::Duration;

use chrono::Days;
use service_kit::clock::Clock;
use service_kit::random::Random;
use tokio::task::JoinSet;

use super::handle::Portal;
use super::site::Inside;
use super::time::local;
use super::world::{Weights, World};

/// Days that the demo's portal goes back.
const DAYS: u64 = 9;
/// The demo's share of the country: some 600 procurements on a business day.
const SHARE: f64 = 0.1;
/// Pause between two events: floor and range above it.
const PAUSE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(6));

/// The demo's world on a portal; it lives as long as this value.
#[derive(Debug)]
pub struct LivingPortal {
    _tasks: JoinSet<()>,
}

impl LivingPortal {
    /// Loads the last days up to now and lets them go on. Equal seeds give equal days.
    pub fn open(portal: &Portal, seed: u64, clock: &Clock) -> Self {
        let now = clock.now();
        let today = local(now).date();
        let from = today.checked_sub_days(Days::new(DAYS)).unwrap_or(today);
        let weights = Weights::national().scaled(SHARE);
        portal.load(World::generated(seed, from, DAYS + 1, &weights).until(now));
        let mut tasks = JoinSet::new();
        tasks.spawn(live(Arc::clone(&portal.site), seed, clock.clone()));
        Self { _tasks: tasks }
    }
}

async fn live(site: Arc<Inside>, seed: u64, clock: Clock) {
    let random = Random::seeded(seed);
    let up_to = |most| u32::try_from(1 + random.u64_below(most)).unwrap_or(1);
    loop {
        tokio::time::sleep(random.duration_between(PAUSE.0..PAUSE.1)).await;
        let published = site.publish(up_to(2), &clock);
        let updated = site.touch(up_to(3), &clock);
        tracing::debug!(?published, ?updated, "the portal goes on");
    }
}

impl Inside {
    /// Publishes so many new procurements now, of modalidades that the portal has; their keys.
    pub(crate) fn publish(&self, count: u32, clock: &Clock) -> Vec<String> {
        let now = local(clock.now());
        let mut state = self.state();
        (0..count).map(|_| state.publish(now)).collect()
    }

    /// Updates so many procurements now, whichever; their keys.
    pub(crate) fn touch(&self, count: u32, clock: &Clock) -> Vec<String> {
        let now = local(clock.now());
        let mut state = self.state();
        (0..count).filter_map(|_| state.touch(now)).collect()
    }
}
