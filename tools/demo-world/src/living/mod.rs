//! The demo projects as they live: time passes here and only here, what happens is decided by
//! `market` (sales) and `weather` (faults) from a seed.

mod market;
mod weather;

use std::time::Duration;

use service_kit::random::Random;
use tokio::task::JoinSet;

use crate::cast::{Character, GARDEN, LOFTS, QUAY, TOWER, Words};
use crate::project::ProjectHandle;
use crate::server::ClientApi;

use market::Market;
use weather::Weather;

/// Pause between two sales: floor and range above it.
const TOWER_PAUSE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(5));
const GARDEN_PAUSE: (Duration, Duration) = (Duration::from_secs(4), Duration::from_secs(9));
const QUAY_PAUSE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(4));
const LOFTS_PAUSE: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(7));
/// Pause between two turns of the weather over the lofts.
const WEATHER_PAUSE: (Duration, Duration) = (Duration::from_secs(12), Duration::from_secs(25));

/// The demo projects, open on a client API; they live as long as this value.
#[derive(Debug)]
pub struct LivingWorld {
    _tasks: JoinSet<()>,
}

impl LivingWorld {
    /// Opens the projects and lets them live. Equal seeds give equal histories of each project.
    pub fn open(api: &ClientApi, seed: u64) -> Self {
        let mut tasks = JoinSet::new();
        let towers = [
            (TOWER, Market::tower as fn(_) -> _, TOWER_PAUSE),
            (GARDEN, Market::garden, GARDEN_PAUSE),
            (LOFTS, Market::lofts, LOFTS_PAUSE),
            (QUAY, Market::quay, QUAY_PAUSE),
        ];
        for (turn, (character, market, pause)) in (0_u64..).zip(towers) {
            let random = Random::seeded(seed.wrapping_add(turn));
            let market = market(random.clone());
            let handle = open(api, character, &market);
            tasks.spawn(trade(handle, market, character.words, random, pause));
        }
        let random = Random::seeded(seed.wrapping_sub(1));
        tasks.spawn(blow(api.project(LOFTS.slug), random));
        Self { _tasks: tasks }
    }
}

fn open(api: &ClientApi, character: Character, market: &Market) -> ProjectHandle {
    let handle = api.project(character.slug);
    handle
        .set_shape(character.shape)
        .require_auth(character.auth());
    handle.set_units(market.units(character.words));
    handle
}

async fn trade(
    handle: ProjectHandle,
    mut market: Market,
    words: Words,
    random: Random,
    pause: (Duration, Duration),
) {
    loop {
        tokio::time::sleep(random.duration_between(pause.0..pause.1)).await;
        for (unit, word) in market.step(words) {
            tracing::debug!(project = handle.name(), unit, word, "a unit changed");
            if let Some(word) = word {
                handle.set(unit, word);
            } else {
                handle.remove(&unit);
            }
        }
    }
}

async fn blow(handle: ProjectHandle, random: Random) {
    loop {
        tokio::time::sleep(random.duration_between(WEATHER_PAUSE.0..WEATHER_PAUSE.1)).await;
        // A fault that a person switched on by hand stays until it is spent or cleared.
        if handle.fault().is_none()
            && let Some(Weather { requests, fault }) = Weather::next(&random)
        {
            tracing::info!(
                project = handle.name(),
                ?fault,
                requests,
                "the weather turns"
            );
            handle.set_fault_for(requests, fault);
        }
    }
}
