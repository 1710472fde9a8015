//! Who changed what, and when. An event is written in the transaction of what it tells of; it names fields and
//! outcomes, never a value that could be a secret.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use service_kit::request_id;
use utoipa::ToSchema;

use crate::infra::audit_repo::AuditRepo;
use crate::infra::connection_repo::RepoError;

/// Events on one page.
pub const MOST_EVENTS: u16 = 200;
/// Characters that the column has room for.
const LONGEST_ACTOR: usize = 200;

/// Who asks, in which request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The name that the door let in.
    pub actor: String,
    /// The request, as in the log.
    pub request_id: Option<String>,
}

/// Something that somebody did.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Who.
    pub who: Who,
    /// What.
    pub action: &'static str,
    /// To which project; `None`: to none.
    pub slug: Option<String>,
    /// More about it: an object.
    pub detail: Value,
}

/// Something that somebody did.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = AuditEvent)]
pub struct EventView {
    /// Newer ones have higher numbers.
    pub id: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    #[schema(example = "ana")]
    pub actor: String,
    /// What.
    #[schema(example = "integration_changed")]
    pub action: String,
    /// The slug of the project; null: about none.
    pub project: Option<String>,
    /// The request, as in the log.
    pub request_id: Option<String>,
    /// More about it. Names of fields and outcomes, never credentials.
    pub detail: Value,
}

/// A page of events.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AuditPage {
    /// Newest first.
    pub events: Vec<EventView>,
    /// `before` of the next page; null: this is the last one.
    pub next_before: Option<i64>,
}

/// What was done.
pub struct Audit {
    /// Where it is written.
    pub repo: AuditRepo,
}

impl Who {
    /// `actor` in the request that this task serves. Names come from tokens, too: what the column cannot keep is left out.
    pub fn now(actor: &str) -> Self {
        let kept = actor.chars().filter(|it| *it != '\0').take(LONGEST_ACTOR);
        Self {
            actor: kept.collect(),
            request_id: request_id::current().map(|it| it.to_string()),
        }
    }

    /// That they did `action` to the project of `slug`.
    pub fn did(&self, action: &'static str, slug: &str, detail: Value) -> Event {
        Event {
            who: self.clone(),
            action,
            slug: Some(slug.to_owned()),
            detail,
        }
    }
}

impl Audit {
    /// Up to `limit` events of `project`, or of all, that came before the event `before`.
    ///
    /// # Errors
    /// Of the database.
    pub async fn page(
        &self,
        project: Option<&str>,
        before: Option<i64>,
        limit: u16,
    ) -> Result<AuditPage, RepoError> {
        let more = i64::from(limit) + 1;
        let mut events = self.repo.newest(project, before, more).await?;
        let is_last = events.len() <= usize::from(limit);
        events.truncate(usize::from(limit));
        let last = events.last().map(|it| it.id);
        Ok(AuditPage {
            next_before: last.filter(|_| !is_last),
            events,
        })
    }
}
