//! The watch: looks at everything that can be wrong, and opens and closes incidents. Telling them is the crier's.

use std::time::Duration;

use super::condition::{self, Condition};
use super::ended::{EndedRun, Gap};
use crate::infra::connection_repo::RepoError;
use crate::infra::finding_repo::FindingRepo;
use crate::infra::incident_repo::IncidentRepo;
use crate::infra::publisher::Publisher;

/// How long the broker may take to count a queue.
const COUNT_WITHIN: Duration = Duration::from_secs(2);

/// What the watch goes by.
#[derive(Clone, Debug)]
pub struct WatchRules {
    /// `ALERT_NO_PROGRESS_MINUTES`; 0 = never.
    pub no_progress_minutes: u32,
    /// `ALERT_NO_UPDATE_MINUTES`; 0 = never.
    pub no_update_minutes: u32,
}

/// Opens and closes incidents.
#[derive(Clone)]
pub struct Watch {
    /// What is.
    pub findings: FindingRepo,
    /// What operators have been told.
    pub incidents: IncidentRepo,
    /// Counts dead letters.
    pub publisher: Publisher,
    /// What it goes by.
    pub rules: WatchRules,
    /// There was no dead letter at the last look.
    pub emptied: bool,
}

impl Watch {
    /// One look at everything.
    ///
    /// # Errors
    /// Of the database.
    pub async fn look(&mut self) -> Result<(), RepoError> {
        let open = self.incidents.open().await?;
        for condition in self.conditions().await? {
            match &condition.wrong {
                Some(finding) if self.incidents.seen(&condition.fingerprint, finding).await? => {
                    let (kind, execution_id) = (finding.kind, finding.execution_id);
                    tracing::error!(kind, execution_id, "incident: {}", finding.summary);
                }
                None if open.contains(&condition.fingerprint) => {
                    self.incidents.resolved(&condition.fingerprint).await?;
                    tracing::info!(incident = condition.fingerprint, "incident is over");
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Everything that can be said now. What cannot (a broker that is away) leaves its incident as it is.
    async fn conditions(&mut self) -> Result<Vec<Condition>, RepoError> {
        let ended = self.findings.ended().await?;
        let mut all: Vec<Condition> = ended.iter().filter_map(EndedRun::condition).collect();
        let gaps = self.findings.gaps().await?;
        all.extend(gaps.iter().map(Gap::condition));
        let limit = self.rules.no_progress_minutes;
        if limit > 0 {
            all.push(condition::progress(&self.findings.silent(limit).await?));
            all.push(condition::claims(&self.findings.waiting(limit).await?));
            let source = self.findings.source().await?;
            all.extend(source.map(|source| condition::source(&source, limit)));
        }
        let limit = self.rules.no_update_minutes;
        if limit > 0 {
            let late = self.findings.late_update().await?;
            all.extend(late.map(|late| condition::freshness(late, limit)));
        }
        let dead = self.publisher.dead_letters(COUNT_WITHIN).await;
        let dead = condition::counted(dead, &mut self.emptied);
        let queue = self.publisher.dead_letter_queue();
        all.extend(dead.map(|count| condition::dead_letters(queue, count)));
        Ok(all)
    }
}
