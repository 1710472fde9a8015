//! GET /api/system: all services, the source, the broker's queues and what is wrong, on one page. It answers as well as it
//! can: an operator looks here first when something is away.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use service_kit::VERSION;
use service_kit::clock::Clock;
use service_kit::lifecycle::Readiness;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::{Neighbours, Sight};
use crate::alerts::{Incident, Notice};
use crate::infra::connection_repo::RepoError;
use crate::infra::incident_repo::IncidentRepo;
use crate::infra::run_repo::RunRepo;
use crate::monitor::Board;
use crate::sync::{CurrentStatus, Source};

/// The present of everything.
pub struct System {
    /// The other services.
    pub neighbours: Neighbours,
    /// This one.
    pub readiness: Readiness,
    /// When it started.
    pub started: Instant,
    /// Outbox and dead letters, as last counted.
    pub board: Board,
    /// What is wrong.
    pub incidents: IncidentRepo,
    /// How the portal is.
    pub runs: RunRepo,
    /// Where runs are announced.
    pub queue: String,
    /// Dates the answer.
    pub clock: Clock,
}

/// The present of everything; null is what cannot be told now.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SystemView {
    /// This service, then the others in the order of the settings, each replica by itself.
    pub services: Vec<Sight>,
    /// How the portal is; null while the database cannot be asked.
    pub source: Option<Source>,
    /// Messages that the broker has not confirmed yet; null while the database cannot be asked.
    pub outbox: Option<OutboxView>,
    /// Messages that nobody could read; null while the broker cannot be asked.
    pub dead_letters: Option<u64>,
    /// What is wrong, oldest first, up to 100; null while the database cannot be asked.
    pub incidents: Option<Vec<IncidentView>>,
    /// When this was looked up.
    pub as_of: DateTime<Utc>,
}

/// What waits for the broker.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OutboxView {
    /// How many messages.
    pub pending: i64,
    /// Age of the oldest of them.
    pub oldest_age_seconds: f64,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct IncidentView {
    /// What it is about: as `incident` in its notices.
    pub id: String,
    /// One word, such as `run_incomplete`.
    #[schema(example = "dead_letters")]
    pub kind: String,
    /// What happened, in one sentence.
    pub summary: String,
    /// What to do about it.
    pub what_to_do: Option<String>,
    /// The run that it showed in.
    pub execution_id: Option<i32>,
    /// Since when.
    pub opened_at: DateTime<Utc>,
}

impl System {
    /// All of it.
    pub async fn view(&self) -> SystemView {
        let (newest, incidents) = tokio::join!(self.runs.newest(), self.incidents.list_open());
        let figures = self.board.read();
        let figure = |name: &str| figures.get(name).cloned().unwrap_or_default();
        let incidents = told(incidents);
        // The figures stand while the database is away: then they are too old to be shown.
        let outbox = serde_json::from_value(figure("outbox")).ok();
        SystemView {
            services: self.services(),
            source: told(newest).map(|newest| CurrentStatus::from(newest).source),
            outbox: outbox.filter(|_| incidents.is_some()),
            dead_letters: figure("dead_letters").as_u64(),
            incidents: incidents.map(|all| all.iter().map(|it| self.incident(it)).collect()),
            as_of: self.clock.now(),
        }
    }

    fn services(&self) -> Vec<Sight> {
        let mut services = vec![self.itself()];
        services.extend(self.neighbours.sights());
        services
    }

    fn itself(&self) -> Sight {
        let sight = Sight {
            url: None,
            version: Some(VERSION.to_owned()),
            uptime_seconds: Some(self.started.elapsed().as_secs()),
            error: None,
            seen_at: Some(self.clock.now()),
            ..Sight::unseen("admin-sync-service", String::new())
        };
        let report = serde_json::to_value(self.readiness.report());
        match report.and_then(serde_json::from_value) {
            Ok(health) => sight.with_health(health),
            Err(error) => Sight {
                error: Some(error.to_string()),
                ..sight
            },
        }
    }

    fn incident(&self, incident: &Incident) -> IncidentView {
        let notice = Notice::new(incident, None, &self.queue);
        IncidentView {
            id: notice.incident,
            kind: notice.kind,
            summary: notice.summary,
            what_to_do: notice.what_to_do,
            execution_id: notice.execution_id,
            opened_at: notice.opened_at,
        }
    }
}

/// That the database is away is shown among the checks; anything else is ours to mend.
fn told<T>(answer: Result<T, RepoError>) -> Option<T> {
    if let Err(error @ RepoError::Refused(_)) = &answer {
        tracing::error!(%error, "a part of the system page cannot be told");
    }
    answer.ok()
}
