//! What operators do with projects.

use farol_core::status::Slug;
use serde_json::json;

use super::audit::{Event, Who};
use super::error::ProjectError;
use super::project::{NewProject, ProjectChange, ProjectList, ProjectRow, ProjectView};
use crate::infra::project_repo::ProjectRepo;
use crate::neighbours::Neighbours;

/// Projects that are listed at once.
const MOST: usize = 2000;

/// Projects, and what public-service knows of them.
pub struct Projects {
    /// Where they are.
    pub repo: ProjectRepo,
    /// What is seen of them.
    pub neighbours: Neighbours,
}

/// A changed row, and the event that tells of it.
pub struct Revised<T> {
    /// The row as it is to be.
    pub row: T,
    /// Written with it.
    pub event: Event,
}

impl Projects {
    /// All of them, inactive ones too.
    ///
    /// # Errors
    /// Of the database.
    pub async fn list(&self) -> Result<ProjectList, ProjectError> {
        let mut rows = self.repo.list(MOST + 1).await?;
        let capped = rows.len() > MOST;
        rows.truncate(MOST);
        let live_known = self.neighbours.is_live_known();
        let mut live = self.neighbours.all_live();
        let view = |row: ProjectRow| ProjectView {
            live: live.remove(&row.slug),
            live_known,
            row,
        };
        let projects = rows.into_iter().map(view).collect();
        Ok(ProjectList { projects, capped })
    }

    /// One of them.
    ///
    /// # Errors
    /// [`ProjectError::NotFound`], or of the database.
    pub async fn find(&self, slug: &Slug) -> Result<ProjectView, ProjectError> {
        let row = self.repo.find(slug).await?;
        Ok(self.view(row.ok_or(ProjectError::NotFound)?))
    }

    /// Makes one.
    ///
    /// # Errors
    /// [`ProjectError::SlugTaken`], or of the database.
    pub async fn create(&self, new: NewProject, who: &Who) -> Result<ProjectView, ProjectError> {
        let detail = json!({"is_active": new.is_active});
        let event = who.did("project_created", new.slug.as_str(), detail);
        let row = self.repo.create(&new, &event).await?;
        Ok(self.view(row.ok_or(ProjectError::SlugTaken)?))
    }

    /// Changes one.
    ///
    /// # Errors
    /// [`ProjectError::NotFound`], or of the database.
    pub async fn change(
        &self,
        slug: &Slug,
        change: &ProjectChange,
        who: &Who,
    ) -> Result<ProjectView, ProjectError> {
        let revise = |row: &ProjectRow| {
            let (row, fields) = change.onto(row);
            let mut detail = json!({"fields": fields});
            if fields.contains(&"is_active") {
                detail["is_active"] = row.is_active.into();
            }
            let action = if fields == ["is_active"] && !row.is_active {
                "project_deactivated"
            } else {
                "project_changed"
            };
            let event = who.did(action, slug.as_str(), detail);
            (!fields.is_empty()).then_some(Revised { row, event })
        };
        let row = self.repo.revise(slug, revise).await?;
        Ok(self.view(row.ok_or(ProjectError::NotFound)?))
    }

    fn view(&self, row: ProjectRow) -> ProjectView {
        ProjectView {
            live: self.neighbours.live(&row.slug),
            live_known: self.neighbours.is_live_known(),
            row,
        }
    }
}
