//! What can be wrong with what operators ask of projects.

use std::time::Duration;

use crate::infra::connection_repo::RepoError;

/// A member of a body that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongField {
    /// Its name, dotted where it is nested.
    pub field: String,
    /// The rule. Never the value, which may be a secret.
    pub rule: String,
}

/// Why a request about projects is not done.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// The body is not JSON.
    #[error("not JSON")]
    NotJson,
    /// Everything that is wrong with the body.
    #[error("invalid fields")]
    Fields(Vec<WrongField>),
    /// No project has this slug.
    #[error("no such project")]
    NotFound,
    /// A project has this slug already.
    #[error("the slug is taken")]
    SlugTaken,
    /// The integration is no longer as the client saw it.
    #[error("changed meanwhile")]
    ChangedMeanwhile,
    /// So many trials are under way, or were of late, that there may be another after this time.
    #[error("too many trials")]
    TooManyTrials(Duration),
    /// The process ends.
    #[error("stopping")]
    Stopping,
    /// The database cannot answer.
    #[error(transparent)]
    Repo(#[from] RepoError),
}
