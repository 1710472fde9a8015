//! One service as its ops listener shows it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What was last seen of one service.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Sight {
    /// Its name.
    #[schema(example = "public-service")]
    pub service: String,
    /// Its ops listener; null for the one that answers.
    pub url: Option<String>,
    /// How it is.
    pub state: State,
    /// Its build; null where it is not known yet.
    pub version: Option<String>,
    /// Since its start.
    pub uptime_seconds: Option<u64>,
    /// What makes it ready, by name.
    pub checks: BTreeMap<String, Check>,
    /// What is wrong with its answers.
    pub error: Option<String>,
    /// When it was last looked at.
    pub seen_at: Option<DateTime<Utc>>,
}

/// How a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ServiceState)]
pub enum State {
    /// It says so.
    Ready,
    /// It says that something is missing: see `checks`.
    NotReady,
    /// It gives no answer, or none of a service of ours.
    Away,
}

/// One condition of being ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ServiceCheck)]
pub struct Check {
    /// `ready`, `degraded` or `not_ready`.
    pub status: String,
    /// Since when.
    #[serde(default)]
    pub since: Option<DateTime<Utc>>,
    /// What is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What `/health/ready` answers.
#[derive(Debug, Clone, Deserialize)]
pub struct Health {
    status: String,
    #[serde(default)]
    checks: BTreeMap<String, Check>,
}

impl Sight {
    /// Before the first look.
    pub fn unseen(service: &str, url: String) -> Self {
        Self {
            service: service.to_owned(),
            url: Some(url),
            state: State::Away,
            version: None,
            uptime_seconds: None,
            checks: BTreeMap::new(),
            error: Some("not looked at yet".to_owned()),
            seen_at: None,
        }
    }

    /// Takes in what it says of itself.
    #[must_use]
    pub fn with_health(self, health: Health) -> Self {
        let state = if health.status == "ready" {
            State::Ready
        } else {
            State::NotReady
        };
        Self {
            state,
            checks: health.checks,
            ..self
        }
    }
}
