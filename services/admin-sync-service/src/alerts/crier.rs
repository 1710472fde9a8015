//! The crier: sends the notices that are due to every channel, and again to those that did not take theirs. Any
//! replica may do it: a notice is claimed by moving its next attempt.

use std::collections::HashSet;
use std::time::Duration;

use service_kit::random::Random;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::notice::{Incident, Notice};
use crate::infra::connection_repo::RepoError;
use crate::infra::incident_repo::IncidentRepo;
use crate::infra::mail::Mail;
use crate::infra::webhook_api::Webhook;
use crate::metrics::AlertMetrics;

/// Attempts per notice: with the longest wait of ten minutes, most of a day.
pub const MOST_ATTEMPTS: i32 = 100;
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_mins(10);
/// Deliveries remembered, so that a channel that took a notice is not told again because another did not.
const REMEMBERED: usize = 1000;
/// Between two looks for notices that are due.
const LOOK: Duration = Duration::from_secs(1);

/// A way to people.
pub enum Channel {
    /// By mail.
    Mail(Box<Mail>),
    /// By HTTP.
    Webhook(Webhook),
}

/// Sends notices.
pub struct Crier {
    /// What there is to tell.
    pub incidents: IncidentRepo,
    /// Where to; none = the log has it, and that is all.
    pub channels: Vec<Channel>,
    /// The queue that advice names.
    pub queue: String,
    /// The wait after the first failure.
    pub retry: Duration,
    /// Nobody else sends a claimed notice for this long.
    pub hold: Duration,
    /// Spreads attempts.
    pub random: Random,
    /// What it counts.
    pub metrics: AlertMetrics,
}

/// One notice taken by one channel.
type Delivery = (String, i64, bool, &'static str);

impl Channel {
    fn name(&self) -> &'static str {
        match self {
            Self::Mail(_) => "email",
            Self::Webhook(_) => "webhook",
        }
    }

    /// Why not, in words without credentials.
    async fn send(&self, notice: &Notice) -> Result<(), String> {
        match self {
            Self::Mail(mail) => mail.send(notice).await,
            Self::Webhook(webhook) => webhook.send(notice).await,
        }
    }
}

impl Crier {
    /// Goes on until the process stops.
    pub async fn run(self, stopping: CancellationToken) {
        stopping.run_until_cancelled(self.rounds()).await;
    }

    async fn rounds(&self) {
        let mut delivered = HashSet::new();
        let look = LOOK.min(self.retry);
        loop {
            // The database being away is told by whoever watches it; the notices stay where they are.
            let _ = self.round(&mut delivered).await;
            sleep(look).await;
        }
    }

    async fn round(&self, delivered: &mut HashSet<Delivery>) -> Result<(), RepoError> {
        for incident in self.incidents.claim_due(self.hold, MOST_ATTEMPTS).await? {
            self.tell(&incident, delivered).await?;
        }
        self.metrics
            .open_incidents(self.incidents.open().await?.len());
        Ok(())
    }

    async fn tell(
        &self,
        incident: &Incident,
        delivered: &mut HashSet<Delivery>,
    ) -> Result<(), RepoError> {
        let execution = match incident.execution_id {
            Some(id) => self.incidents.run_facts(id).await?,
            None => None,
        };
        let notice = Notice::new(incident, execution, &self.queue);
        let mut all = true;
        for channel in &self.channels {
            all &= self.deliver(channel, incident, &notice, delivered).await;
        }
        if all {
            delivered.retain(|delivery| delivery.0 != incident.fingerprint);
            return self.incidents.notified(incident).await;
        }
        if incident.attempts >= MOST_ATTEMPTS {
            tracing::error!(
                incident = incident.fingerprint,
                "a notice is given up, nobody took it"
            );
        }
        self.incidents
            .retry(incident, self.wait(incident.attempts))
            .await
    }

    async fn deliver(
        &self,
        channel: &Channel,
        incident: &Incident,
        notice: &Notice,
        delivered: &mut HashSet<Delivery>,
    ) -> bool {
        let opened = incident.opened_at.timestamp_micros();
        let over = incident.resolved_at.is_some();
        let delivery = (incident.fingerprint.clone(), opened, over, channel.name());
        if delivered.contains(&delivery) {
            return true;
        }
        let sent = channel.send(notice).await;
        self.metrics.noticed(channel.name(), sent.is_ok());
        match sent {
            Ok(()) => {
                if delivered.len() == REMEMBERED {
                    delivered.clear();
                }
                delivered.insert(delivery)
            }
            Err(error) => {
                let (channel, attempt) = (channel.name(), incident.attempts);
                let incident = &incident.fingerprint;
                tracing::warn!(channel, incident, attempt, error, "a notice was not taken");
                false
            }
        }
    }

    /// Doubles from `retry`, a fifth of it random.
    fn wait(&self, attempts: i32) -> Duration {
        let doublings = u32::try_from(attempts - 1).unwrap_or(0).min(20);
        let wait = self.retry.saturating_mul(2_u32.saturating_pow(doublings));
        self.random.jitter(wait.min(LONGEST_WAIT), 0.2)
    }
}
