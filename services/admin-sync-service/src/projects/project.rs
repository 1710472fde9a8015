//! A project as operators see it, and what may be written of it.

use chrono::{DateTime, Utc};
use farol_core::status::Slug;
use serde::Serialize;
use utoipa::ToSchema;

use super::error::{ProjectError, WrongField};
use super::fields::{description, name};
use super::members::{Members, Said, wrong};
use crate::neighbours::Live;

/// The columns of a project, and of its integration what a list shows.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = ProjectColumns)]
pub struct ProjectRow {
    /// Its name in addresses.
    #[schema(example = "downtown-heights")]
    pub slug: String,
    /// Its name for people.
    #[schema(example = "Downtown Heights")]
    pub name: String,
    /// More words about it.
    pub description: Option<String>,
    /// Whether viewers may see it.
    pub is_active: bool,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was last changed here.
    pub updated_at: Option<DateTime<Utc>>,
    /// How its client API is asked; null where nobody has said.
    pub integration: Option<Listed>,
}

/// Of an integration what a list shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ListedIntegration)]
pub struct Listed {
    /// Where the client API is.
    pub api_base_url: Option<String>,
    /// `none`, `bearer`, `api_key` or `basic`.
    pub auth_type: String,
    /// Whether credentials are stored. They are never shown.
    pub has_credentials: bool,
    /// When it last gave a good answer.
    pub last_sync_at: Option<DateTime<Utc>>,
    /// How it went.
    pub sync_status: String,
    /// What was wrong.
    pub sync_error: Option<String>,
}

/// A project.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Project)]
pub struct ProjectView {
    /// What is stored.
    #[serde(flatten)]
    pub row: ProjectRow,
    /// What public-service knows of it now; null where nobody has asked for it of late, or nobody can say.
    pub live: Option<Live>,
    /// Whether some replica of public-service says what it knows.
    pub live_known: bool,
}

/// Every project.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ProjectList {
    /// By name.
    pub projects: Vec<ProjectView>,
    /// There are more than are listed.
    pub capped: bool,
}

/// A project that may be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProject {
    /// Its name in addresses.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// More words about it.
    pub description: Option<String>,
    /// Whether viewers may see it.
    pub is_active: bool,
}

/// What is to be different.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectChange {
    name: Option<String>,
    description: Said<String>,
    is_active: Option<bool>,
}

impl NewProject {
    /// Reads a body.
    ///
    /// # Errors
    /// [`ProjectError`], with everything that is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, ProjectError> {
        let mut members = Members::of_body(body)?;
        let slug = members.text("slug", |text| Slug::parse(text).ok_or_else(slug_rule));
        let slug = required(&mut members, "slug", slug, &slug_rule());
        let name = members.text("name", name);
        let name = required(&mut members, "name", name, NAME_RULE);
        let description = match members.text("description", description) {
            Said::Value(text) => Some(text),
            Said::Nothing | Said::Null => None,
        };
        let is_active = active(&mut members).unwrap_or(true);
        let wrong = members.finish();
        match (slug, name) {
            (Some(slug), Some(name)) if wrong.is_empty() => Ok(Self {
                slug,
                name,
                description,
                is_active,
            }),
            _ => Err(ProjectError::Fields(wrong)),
        }
    }
}

impl ProjectChange {
    /// Reads a body; what is not named stays.
    ///
    /// # Errors
    /// [`ProjectError`], with everything that is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, ProjectError> {
        let mut members = Members::of_body(body)?;
        let name = match members.text("name", name) {
            Said::Value(name) => Some(name),
            Said::Nothing => None,
            Said::Null => {
                members.refuse("name", NAME_RULE);
                None
            }
        };
        let description = members.text("description", description);
        let is_active = active(&mut members);
        let mut problems: Vec<WrongField> = members.finish();
        if let Some(slug) = problems.iter_mut().find(|it| it.field == "slug") {
            *slug = wrong("slug", "cannot be changed: viewers know it");
        }
        if !problems.is_empty() {
            return Err(ProjectError::Fields(problems));
        }
        Ok(Self {
            name,
            description,
            is_active,
        })
    }

    /// The change that ends what viewers see.
    pub fn retirement() -> Self {
        Self {
            name: None,
            description: Said::Nothing,
            is_active: Some(false),
        }
    }

    /// `row` with the change, and the names of what is different.
    pub fn onto(&self, row: &ProjectRow) -> (ProjectRow, Vec<&'static str>) {
        let mut new = row.clone();
        if let Some(name) = &self.name {
            new.name.clone_from(name);
        }
        match &self.description {
            Said::Nothing => {}
            Said::Null => new.description = None,
            Said::Value(text) => new.description = Some(text.clone()),
        }
        new.is_active = self.is_active.unwrap_or(new.is_active);
        let different = [
            ("name", new.name != row.name),
            ("description", new.description != row.description),
            ("is_active", new.is_active != row.is_active),
        ];
        let names = different.iter().filter(|it| it.1).map(|it| it.0).collect();
        (new, names)
    }
}

const NAME_RULE: &str = "must be a text of 1 to 255 characters, not blank";

fn slug_rule() -> String {
    "must be 2 to 100 small letters, digits and hyphens, a letter first".to_owned()
}

fn active(members: &mut Members) -> Option<bool> {
    const RULE: &str = "must be true or false";
    match members.take("is_active", |it| {
        it.as_bool().ok_or_else(|| RULE.to_owned())
    }) {
        Said::Value(active) => Some(active),
        Said::Nothing => None,
        Said::Null => {
            members.refuse("is_active", RULE);
            None
        }
    }
}

fn required<T>(members: &mut Members, field: &str, said: Said<T>, rule: &str) -> Option<T> {
    match said {
        Said::Value(value) => Some(value),
        Said::Nothing | Said::Null => {
            if !members.is_refused(field) {
                members.refuse(field, &format!("is required: {rule}"));
            }
            None
        }
    }
}
