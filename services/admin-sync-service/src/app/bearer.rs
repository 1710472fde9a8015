//! Who believes tokens at the door. Built here.

use service_kit::clock::Clock;
use service_kit::http_client::{Outbound, OutboundSettings};
use service_kit::jwt::{JwtMetrics, Verifier};

use super::StartError;
use super::machinery::Machinery;

impl Machinery<'_> {
    /// `None` where the settings name no issuer.
    ///
    /// # Errors
    /// Settings that cannot be used.
    pub fn verifier(&self) -> Result<Option<Verifier>, StartError> {
        // The operator's own key server: it may well be at a private address.
        let outbound = Outbound::new(&OutboundSettings {
            upstream_allow_private: true,
            ..OutboundSettings::default()
        })?;
        let metrics = JwtMetrics::register(self.metrics, "admin")?;
        let (jwt, clock) = (&self.settings.jwt, Clock::system());
        Ok(Verifier::new(
            jwt,
            outbound,
            clock,
            self.lifecycle,
            metrics,
        )?)
    }
}
