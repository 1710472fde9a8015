//! What the public listener offers, without HTTP: read, refresh and watch a
//! project, within the limits. Both ways in (actix and our stream writer) end here.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use service_kit::random::Random;
use tokio_util::sync::CancellationToken;

use crate::error::ApiError;
use crate::infra::project_repo::ProjectRepo;
use crate::limits::{Client, RefreshLimit, Seats};
use crate::status::{Kit, Lookup, Mode, Project, Projects, ViewerStream, body, rfc3339};

/// Comebacks of those turned away are spread over this time.
const COME_BACK: std::ops::Range<Duration> = Duration::from_secs(2)..Duration::from_secs(10);
/// Projects that the index lists.
const MOST_LISTED: i64 = 500;

/// What a viewer wants to watch.
#[derive(Debug, Clone)]
pub struct Watch<'a> {
    /// Of the project; any text.
    pub slug: &'a str,
    /// Where to go on.
    pub last_event_id: Option<&'a str>,
    /// Which events it understands.
    pub mode: Mode,
    /// Who it is, for limits.
    pub client: Client,
}

/// What the public listener offers.
pub struct Public {
    /// The projects known here.
    pub projects: Projects,
    /// The seats for streams.
    pub seats: Arc<Seats>,
    repo: ProjectRepo,
    refreshes: RefreshLimit,
    kit: Arc<Kit>,
    stopping: CancellationToken,
    drain_window: Duration,
}

/// The limits of [`Public`].
pub struct PublicLimits {
    /// The seats for streams.
    pub seats: Arc<Seats>,
    /// Forced refreshes by client.
    pub refreshes: RefreshLimit,
    /// Streams end within this time after a stop.
    pub drain_window: Duration,
}

impl Public {
    /// Offers the projects of `repo`.
    pub fn new(repo: ProjectRepo, kit: Arc<Kit>, limits: PublicLimits) -> Self {
        Self {
            projects: Projects::new(repo.clone(), Arc::clone(&kit)),
            repo,
            stopping: kit.stopping.clone(),
            kit,
            seats: limits.seats,
            refreshes: limits.refreshes,
            drain_window: limits.drain_window,
        }
    }

    /// The JSON of a project's present state.
    ///
    /// # Errors
    /// [`ApiError`], where there is nothing to show.
    pub async fn status(&self, slug: &str) -> Result<Bytes, ApiError> {
        let project = self.find(slug).await?;
        let present = project.read().await;
        Ok(project.body.get(&present))
    }

    /// Fetches now; the JSON of what is known then.
    ///
    /// # Errors
    /// [`ApiError`], also when a limit is reached.
    pub async fn refresh(&self, slug: &str, client: Client) -> Result<Bytes, ApiError> {
        let project = self.find(slug).await?;
        let refreshed = match self.refreshes.take(client) {
            Ok(()) => project.refresh().await,
            Err(wait) => Err(wait),
        };
        let (present, ok) = refreshed.map_err(|wait| {
            self.kit.metrics.refreshed("limited");
            ApiError::RefreshLimited(wait + self.spread() / 4)
        })?;
        self.kit.metrics.refreshed(if ok { "ok" } else { "failed" });
        let at = rfc3339(self.kit.clock.now());
        Ok(body::refreshed(&present, ok, at))
    }

    /// Opens a stream.
    ///
    /// # Errors
    /// [`ApiError`], also when a limit is reached.
    pub async fn watch(&self, watch: Watch<'_>) -> Result<ViewerStream, ApiError> {
        loop {
            let project = self.find(watch.slug).await?;
            let seat = self.seats.take(watch.client).map_err(|no| {
                self.kit.metrics.refused(no);
                ApiError::NoSeat(no, self.spread())
            })?;
            // Evicted between the look and the seat: look again.
            let Ok(subscription) = project.join(watch.last_event_id) else {
                continue;
            };
            if watch.last_event_id.is_some() {
                self.kit.metrics.resumed(subscription.has_position());
            }
            let window = self.drain_window;
            let mut stream = ViewerStream::new(&project, subscription, watch.mode, window, seat);
            // Whoever joins before the stop is told to leave with everyone else;
            // asked in this order, nobody slips in between the two. An error would
            // make a browser give up, so this one leaves politely too.
            if self.stopping.is_cancelled() {
                stream.leave_at_once();
            }
            return Ok(stream);
        }
    }

    /// Slug and name of the active projects, for the index.
    ///
    /// # Errors
    /// [`ApiError::DatabaseUnavailable`].
    pub async fn list(&self) -> Result<Vec<(String, String)>, ApiError> {
        let listed = self.repo.list_active(MOST_LISTED).await;
        listed.map_err(|_| ApiError::DatabaseUnavailable(self.spread()))
    }

    /// Whether there is an active project under `slug`.
    ///
    /// # Errors
    /// [`ApiError`], where there is none or nobody can say.
    pub async fn find(&self, slug: &str) -> Result<Arc<Project>, ApiError> {
        match self.projects.find(slug).await {
            Lookup::Found(project) => Ok(project),
            Lookup::NotFound => Err(ApiError::ProjectNotFound),
            Lookup::Unavailable => Err(ApiError::DatabaseUnavailable(self.spread())),
        }
    }

    /// `/status` of the ops listener.
    pub fn overview(&self, started: tokio::time::Instant) -> serde_json::Value {
        serde_json::json!({
            "projects": self.projects.overview(),
            "streams": self.seats.taken(),
            "uptime_seconds": started.elapsed().as_secs(),
        })
    }

    /// Brings `public_projects` up to date.
    pub fn count_projects(&self) {
        let projects = self.projects.all();
        let states = projects.iter().map(|project| project.present().state);
        self.kit.metrics.count_projects(states);
    }

    /// The time, for the `Date` of answers.
    pub fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.kit.clock.now()
    }

    /// Randomness for identities.
    pub fn random(&self) -> &Random {
        &self.kit.random
    }

    fn spread(&self) -> Duration {
        self.kit.random.duration_between(COME_BACK)
    }
}
