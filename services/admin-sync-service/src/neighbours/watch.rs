//! The task that looks at the other services. Each has a loop of its own, so that one that does not answer holds up no
//! other.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use service_kit::clock::Clock;
use service_kit::random::Random;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Live, Neighbours, Sight, State};
use crate::infra::ops_api::OpsApi;
use crate::metrics::NeighbourMetrics;

/// Looks come this much earlier or later: replicas of ours do not ask at once.
const SPREAD: f64 = 0.2;

/// Looks at every ops listener of the settings, again and again.
pub struct Watch {
    /// Each with its service's name, in the order in which they are shown.
    pub listeners: Vec<(&'static str, OpsApi)>,
    /// Where it is noted.
    pub neighbours: Neighbours,
    /// `NEIGHBOUR_CHECK_MS`: between two looks at one.
    pub every: Duration,
    /// Dates what is seen.
    pub clock: Clock,
    /// Spreads looks.
    pub random: Random,
    /// How many are how.
    pub metrics: NeighbourMetrics,
}

impl Watch {
    /// Goes on until the process stops.
    pub async fn run(self, stopping: CancellationToken) {
        let unseen = |(service, api): &(&'static str, OpsApi)| Sight::unseen(service, api.shown());
        let places: Vec<_> = self.listeners.iter().map(unseen).collect();
        let places = places.into_iter().map(|it| self.neighbours.add(it));
        // All places before the first note: the order is that of the settings.
        let places: Vec<_> = places.collect();
        let loops = self.listeners.iter().zip(places);
        let loops = loops.map(|((service, api), place)| self.looks(service, api, place));
        let forever = async {
            join_all(loops).await;
            // Without any there is nothing to look at, and a critical task does not end by itself.
            std::future::pending::<()>().await;
        };
        stopping.run_until_cancelled(forever).await;
    }

    async fn looks(&self, service: &'static str, api: &OpsApi, place: usize) {
        let mut before = Sight::unseen(service, api.shown());
        loop {
            let (sight, projects) = self.look(api, &before).await;
            if sight.state != before.state || before.seen_at.is_none() {
                let (url, state, error) = (&sight.url, sight.state, &sight.error);
                tracing::info!(service, url, ?state, error, "a neighbour");
            }
            before = sight.clone();
            self.neighbours.note(place, sight, projects);
            self.metrics.count(&self.neighbours.sights());
            sleep(self.random.jitter(self.every, SPREAD)).await;
        }
    }

    async fn look(&self, api: &OpsApi, before: &Sight) -> (Sight, Option<BTreeMap<String, Live>>) {
        let (health, doing) = tokio::join!(api.health(), api.doing());
        let blank = Sight {
            seen_at: Some(self.clock.now()),
            state: State::Away,
            version: None,
            uptime_seconds: None,
            checks: BTreeMap::new(),
            error: None,
            ..before.clone()
        };
        let health = match health {
            Ok(health) => health,
            Err(error) => {
                let error = Some(error);
                return (Sight { error, ..blank }, None);
            }
        };
        let (doing, error) = match doing {
            Ok(doing) => (Some(doing), None),
            Err(error) => (None, Some(error)),
        };
        let sight = Sight {
            uptime_seconds: doing.as_ref().and_then(|it| it.uptime_seconds),
            error,
            ..blank.with_health(health)
        };
        let version = self.version(api, before, &sight).await;
        (Sight { version, ..sight }, doing.map(|it| it.projects))
    }

    /// Asked for again where another process may have taken the place of the one before.
    async fn version(&self, api: &OpsApi, before: &Sight, now: &Sight) -> Option<String> {
        let goes_on = before.state != State::Away
            && now.uptime_seconds.is_some()
            && now.uptime_seconds >= before.uptime_seconds;
        match &before.version {
            Some(version) if goes_on => Some(version.clone()),
            // The next look asks again.
            _ => api.version().await.unwrap_or_default(),
        }
    }
}
