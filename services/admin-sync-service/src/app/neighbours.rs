//! What looks at the other services. Built here.

use service_kit::clock::Clock;
use service_kit::http_client::{Outbound, OutboundSettings};

use super::StartError;
use super::machinery::Machinery;
use crate::infra::ops_api::OpsApi;
use crate::metrics::NeighbourMetrics;
use crate::neighbours::{Neighbours, Watch};

impl Machinery<'_> {
    /// Starts it. Gives the board that everybody reads.
    ///
    /// # Errors
    /// Settings that cannot be used.
    pub fn start_neighbours(&self) -> Result<Neighbours, StartError> {
        let settings = &self.settings.neighbour;
        // The operator's own addresses: they may well be private ones.
        let outbound = Outbound::new(&OutboundSettings {
            upstream_allow_private: true,
            ..OutboundSettings::default()
        })?;
        let services = [
            ("public-service", &settings.public_ops_url),
            ("sse-gateway", &settings.gateway_ops_url),
            ("telemetry-service", &settings.telemetry_ops_url),
            ("ingestor", &settings.ingestor_ops_url),
        ];
        let replicas = services
            .into_iter()
            .flat_map(|(service, urls)| urls.iter().map(move |url| (service, url)));
        let listeners =
            replicas.map(|(service, url)| (service, OpsApi::new(outbound.clone(), url)));
        let neighbours = Neighbours::default();
        let watch = Watch {
            listeners: listeners.collect(),
            neighbours: neighbours.clone(),
            every: settings.neighbour_check_ms,
            clock: Clock::system(),
            random: self.random.clone(),
            metrics: NeighbourMetrics::register(self.metrics)?,
        };
        let watching = watch.run(self.lifecycle.stopping());
        let tasks = self.lifecycle.tasks();
        tasks.spawn_critical("neighbours", watching);
        Ok(neighbours)
    }
}
