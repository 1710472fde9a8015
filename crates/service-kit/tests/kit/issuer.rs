//! An issuer of tokens, and a verifier that believes it, in the words of the tests.

use std::time::Duration;

use chrono::DateTime;
use serde_json::{Value, json};
use service_kit::{
    clock::{Clock, ManualClock},
    http_client::{Outbound, OutboundSettings},
    jwt::{JwtMetrics, JwtSettings, Refusal, Verifier},
    lifecycle::Lifecycle,
    metrics::Metrics,
};
use test_kit::KeyServer;

/// Seconds of 1970: what the clock of every test says at first.
pub const NOW: i64 = 1_800_000_000;
/// What every good token names.
pub const ISSUER: &str = "http://id.test/realms/pulse";

/// Believes one issuer, and keeps what a test looks at.
pub struct Reader {
    pub verifier: Verifier,
    pub hand: ManualClock,
    pub lifecycle: Lifecycle,
    metrics: Metrics,
}

impl Reader {
    pub fn new(settings: &JwtSettings) -> Self {
        let (clock, hand) = Clock::manual(DateTime::from_timestamp(NOW, 0).unwrap());
        let lifecycle = Lifecycle::new(clock.clone());
        let metrics = Metrics::new("kit", "1", "abc").unwrap();
        let figures = JwtMetrics::register(&metrics, "kit").unwrap();
        let private = OutboundSettings {
            upstream_allow_private: true,
            ..OutboundSettings::default()
        };
        let outbound = Outbound::new(&private).unwrap();
        let verifier = Verifier::new(settings, outbound, clock, &lifecycle, figures).unwrap();
        Self {
            verifier: verifier.unwrap(),
            hand,
            lifecycle,
            metrics,
        }
    }

    /// Of a Keycloak realm whose keys `server` publishes.
    pub fn of_keycloak(server: &KeyServer) -> Self {
        Self::new(&JwtSettings {
            keycloak_public_url: Some("http://id.test".parse().unwrap()),
            keycloak_internal_url: Some(server.url().parse().unwrap()),
            ..JwtSettings::default()
        })
    }

    /// Of a secret.
    pub fn of_secret(secret: &str) -> Self {
        Self::new(&JwtSettings {
            jwt_hs256_secret: Some(secret.into()),
            ..JwtSettings::default()
        })
    }

    pub async fn believes(&self, token: &str) -> bool {
        self.verifier.verify(token).await.is_ok()
    }

    /// The token is refused for good.
    pub async fn refuses(&self, token: &str) -> &'static str {
        match self.verifier.verify(token).await {
            Err(Refusal::Invalid(why)) => why,
            other => panic!("{other:?} for {token}"),
        }
    }

    /// The token may be good, but nobody can tell.
    pub async fn cannot_tell(&self, token: &str) -> String {
        match self.verifier.verify(token).await {
            Err(Refusal::KeysUnavailable(why)) => why,
            other => panic!("{other:?} for {token}"),
        }
    }

    /// How many fetches ended like this.
    pub fn fetches(&self, outcome: &str) -> usize {
        let name = format!("kit_jwks_fetches_total{{outcome=\"{outcome}\"}} ");
        let text = self.metrics.render();
        let found = text.lines().find_map(|line| line.strip_prefix(&name));
        found.unwrap().parse().unwrap()
    }
}

/// Claims that hold.
pub fn good() -> Value {
    json!({"exp": NOW + 60, "iss": ISSUER, "aud": "pulse-ui", "sub": "ana"})
}

/// Claims that hold, but for these.
pub fn with(change: &Value) -> Value {
    let mut claims = good();
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

/// Moves the time of intervals; no connection may be under way.
pub async fn later(by: Duration) {
    tokio::time::pause();
    tokio::time::advance(by).await;
    tokio::time::resume();
}
