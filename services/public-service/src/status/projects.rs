//! The projects that this process knows, and how they follow the database.

use std::sync::Arc;
use std::time::Duration;

use client_api::StoredIntegration;
use farol_core::status::Slug;
use live_hub::Hub;
use service_kit::telemetry::Throttle;
use tokio::time::Instant;
use tracing::{info, warn};

use super::project::{Kit, Project, TELL_EVERY};
use crate::infra::project_repo::{ProjectRepo, RepoError};

/// Most projects known at a time; the longest idle ones make place.
const MOST_PROJECTS: usize = 10_000;
/// A project that nobody asked for in this time is forgotten, and its data with it.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(1);

/// An active project as the database has it.
#[derive(Debug)]
pub struct StoredProject {
    /// Its integration, if it has one.
    pub integration: Option<StoredIntegration>,
}

/// What a slug stands for.
pub enum Lookup {
    /// An active project.
    Found(Arc<Project>),
    /// Unknown or inactive.
    NotFound,
    /// The database cannot say, and the project is not known here.
    Unavailable,
}

/// The projects that this process knows.
pub struct Projects {
    hub: Hub<Slug, Project>,
    repo: ProjectRepo,
    kit: Arc<Kit>,
    told: Throttle,
}

impl Projects {
    /// Knows nobody yet.
    pub fn new(repo: ProjectRepo, kit: Arc<Kit>) -> Self {
        Self {
            hub: Hub::new(MOST_PROJECTS),
            repo,
            kit,
            told: Throttle::new(TELL_EVERY, 1),
        }
    }

    /// The project under `slug`; the database is asked when it is new here.
    pub async fn find(&self, slug: &str) -> Lookup {
        if let Some(project) = self.hub.get(slug) {
            return Lookup::Found(project);
        }
        let Some(slug) = Slug::parse(slug) else {
            return Lookup::NotFound;
        };
        match self.repo.find_active(&slug).await {
            Ok(Some(stored)) => self.admit(&slug, stored.integration),
            Ok(None) => Lookup::NotFound,
            Err(error) => {
                // Logged where the database is watched; here it would be once per request.
                tracing::debug!(project = %slug, %error, "project cannot be looked up");
                Lookup::Unavailable
            }
        }
    }

    fn admit(&self, slug: &Slug, stored: Option<StoredIntegration>) -> Lookup {
        let make = || Project::new(slug.clone(), stored, &self.kit);
        if let Ok(project) = self.hub.get_or_insert_with(slug.clone(), make) {
            return Lookup::Found(project);
        }
        if let Some(suppressed) = self.told.admit("full") {
            let most = MOST_PROJECTS;
            warn!(project = %slug, most, suppressed, "too many projects are in use at once");
        }
        Lookup::Unavailable
    }

    /// Reads the settings of every known project again, in one query: edits
    /// take effect, inactive projects end. Without the database all go on as they are.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn reload(&self) -> Result<(), RepoError> {
        self.hub.retire_idle(Instant::now() - FORGOTTEN_AFTER);
        let known = self.hub.all();
        if known.is_empty() {
            return Ok(());
        }
        let slugs: Vec<_> = known.iter().map(|(slug, _)| slug.clone()).collect();
        let mut active = self.repo.find_all_active(&slugs).await?;
        for (slug, project) in known {
            match active.remove(&slug) {
                Some(Ok(stored)) => project.adopt(stored.integration),
                Some(Err(error)) => {
                    if let Some(suppressed) = project.told.admit("unreadable") {
                        warn!(project = %slug, %error, suppressed, "settings cannot be read; going on with the last known");
                    }
                }
                None => {
                    info!(project = %slug, "project is no longer active");
                    self.hub.remove(&slug, &project);
                    project.deactivate();
                }
            }
        }
        Ok(())
    }

    /// Data that has grown too old is called stale, whether or not anybody looks.
    pub fn age(&self) {
        for (_, project) in self.hub.all() {
            project.age();
        }
    }

    /// Every known project, by slug.
    pub fn all(&self) -> Vec<Arc<Project>> {
        let mut all = self.hub.all();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all.into_iter().map(|(_, project)| project).collect()
    }

    /// Tells every stream to end at a moment of its own.
    pub fn drain(&self) {
        for project in self.all() {
            project.topic.drain();
            // A poller that lingers has nobody to wait for any more.
            project.nudge();
        }
    }
}
