//! A run under way: what its stages share, and how any of them can end before its time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use service_kit::backoff::Backoff;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::kit::Kit;
use super::pace::Pacer;
use super::view::RunView;
use crate::infra::RepoError;
use crate::infra::execution_repo::Claimed;
use crate::infra::record_repo::Committed;
use crate::infra::segment_repo::Segment;

/// A database that is away is asked again after this, up to [`AGAIN_AT_MOST`]: a lease is short.
const AGAIN: Duration = Duration::from_millis(100);
const AGAIN_AT_MOST: Duration = Duration::from_secs(2);
/// A database that renews the lease and refuses one statement for so long is not away: that statement cannot be done.
const PATIENCE_IN_LEASES: u32 = 3;

/// A run that this process holds.
pub struct Job {
    /// What it works with.
    pub kit: Arc<Kit>,
    /// The row, as it was claimed.
    pub run: Claimed,
    /// What operators see.
    pub view: Arc<RunView>,
    /// When the portal may be asked; patience with a source that is down counts from the claim.
    pub pacer: Pacer,
    /// Cancelled when the run is to stop between two pages.
    pub wind_down: CancellationToken,
    disorder: AtomicBool,
}

/// Why a stage does not come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Break {
    /// It was asked to stop, and did so between two pages.
    WoundDown,
    /// A write found that the lease is gone.
    Lost,
    /// Something of ours failed.
    Inside(String),
}

impl Job {
    /// A job on a claimed run.
    pub fn new(kit: Arc<Kit>, run: Claimed, view: Arc<RunView>) -> Self {
        Self {
            pacer: kit.pacer.for_run(),
            kit,
            run,
            view,
            wind_down: CancellationToken::new(),
            disorder: AtomicBool::new(false),
        }
    }

    /// Whether every list that this run has seen was in order.
    pub fn order_held(&self) -> bool {
        !self.disorder.load(Ordering::Relaxed)
    }

    /// A list was not in order: from now on none is trusted to be, by whoever works on this run.
    ///
    /// # Errors
    /// [`Break`].
    pub async fn saw_disorder(&self) -> Result<(), Break> {
        if self.disorder.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let (executions, lease, worker) = (&self.kit.executions, &self.run.lease, &self.kit.worker);
        self.persist(|| executions.note_disorder(lease, worker))
            .await
    }

    /// Takes over what those who had this run before have seen.
    ///
    /// # Errors
    /// [`Break`].
    pub async fn recall_disorder(&self) -> Result<(), Break> {
        let (executions, id) = (&self.kit.executions, self.run.lease.execution_id);
        let seen = self.persist(|| executions.had_disorder(id)).await?;
        self.disorder.fetch_or(seen, Ordering::Relaxed);
        Ok(())
    }

    /// Repeats `verb` while the database is away. It has no end of its own: whoever waits is dropped when the lease
    /// is over, and not before, so that an outage shorter than the lease costs time only.
    ///
    /// # Errors
    /// [`Break::Lost`], or what the database says that waiting does not mend.
    pub async fn persist<T, F>(&self, verb: impl Fn() -> F) -> Result<T, Break>
    where
        F: Future<Output = Result<T, RepoError>>,
    {
        let mut backoff = Backoff::new(AGAIN).with_cap(AGAIN_AT_MOST);
        let patient_until = Instant::now() + self.kit.run.lease_seconds * PATIENCE_IN_LEASES;
        loop {
            match verb().await {
                Ok(done) => return Ok(done),
                Err(RepoError::LeaseLost) => return Err(Break::Lost),
                Err(error) if error.is_away() && Instant::now() < patient_until => {
                    let execution_id = self.run.lease.execution_id;
                    tracing::warn!(execution_id, %error, "the database is away, the run waits");
                    self.kit.metrics.database_waits.inc();
                    sleep(backoff.next(&self.kit.random)).await;
                }
                Err(error) => return Err(Break::Inside(error.to_string())),
            }
        }
    }

    /// A page is in the database.
    pub fn committed(&self, page: &Committed) {
        let metrics = &self.kit.metrics;
        metrics.committed("insert", page.inserted);
        metrics.committed("update", page.updated);
        metrics.committed("unchanged", page.unchanged);
        metrics.committed("quarantined", page.quarantined);
        self.view.committed(page.processed());
    }

    /// Segments that have not ended.
    ///
    /// # Errors
    /// [`Break`].
    pub async fn open_segments(&self) -> Result<Vec<Segment>, Break> {
        self.persist(|| self.kit.segments.open(self.run.lease.execution_id))
            .await
    }

    /// Stops here if it was asked to.
    ///
    /// # Errors
    /// [`Break::WoundDown`] then.
    pub fn between_pages(&self) -> Result<(), Break> {
        if self.wind_down.is_cancelled() {
            return Err(Break::WoundDown);
        }
        Ok(())
    }
}
