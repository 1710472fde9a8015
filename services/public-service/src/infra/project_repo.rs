//! Projects and their integrations, read only; columns as migrations/README.md
//! grants them to `farol_public`.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use client_api::StoredIntegration;
use farol_core::status::Slug;
use sqlx::postgres::{PgArguments, PgPool, PgRow};
use sqlx::query::Query;
use sqlx::{FromRow as _, Postgres, Row as _};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use crate::status::StoredProject;

/// Postgres ends a statement after 5 s and says so; a machine that is gone says nothing.
const ANSWER_WITHIN: Duration = Duration::from_secs(6);
/// A viewer who asks for what is not known here waits no longer, queue included:
/// the source has yet to be asked after that.
const LOOKUP_WITHIN: Duration = Duration::from_secs(2);
/// Connections that lookups leave alone: nobody who asks for slugs at random
/// keeps the settings of known projects from being read.
const KEPT_FOR_SETTINGS: usize = 2;

/// The database cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum RepoError {
    /// It is away, and may come back.
    #[error("the database is not available: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// It answered with something else than rows.
    #[error("the database refused a query: {0}")]
    Refused(#[source] sqlx::Error),
}

impl From<sqlx::Error> for RepoError {
    fn from(error: sqlx::Error) -> Self {
        if service_kit::pg::is_unavailable(&error) {
            Self::Unavailable(error)
        } else {
            Self::Refused(error)
        }
    }
}

/// Active projects by slug, each as far as its row can be read.
pub type Found = HashMap<Slug, Result<StoredProject, RepoError>>;

/// Reads projects.
#[derive(Clone)]
pub struct ProjectRepo {
    pool: PgPool,
    /// One permit for each query that a viewer may cause now.
    lookups: Arc<Semaphore>,
}

const ACTIVE: &str = "
    SELECT p.slug, p.name, i.project_id IS NOT NULL AS integrated,
           i.api_base_url, i.status_endpoint, i.auth_type, i.auth_credentials,
           i.status_mapping::text, i.unmapped_status, i.update_method,
           i.polling_interval_seconds, i.timeout_seconds, i.retry_count
      FROM projects p
      LEFT JOIN integration_configs i ON i.project_id = p.id
     WHERE p.is_active AND p.slug = ANY($1)";

impl ProjectRepo {
    /// Reads through `pool`.
    pub fn new(pool: PgPool) -> Self {
        let connections = pool.options().get_max_connections() as usize;
        let lookups = connections.saturating_sub(KEPT_FOR_SETTINGS).max(1);
        Self {
            pool,
            lookups: Arc::new(Semaphore::new(lookups)),
        }
    }

    /// The active project under `slug`.
    ///
    /// # Errors
    /// When the database cannot answer, or its row cannot be read.
    pub async fn find_active(&self, slug: &Slug) -> Result<Option<StoredProject>, RepoError> {
        let rows = self
            .looked_up(sqlx::query(ACTIVE).bind([slug.as_str()]))
            .await?;
        found(&rows)?.into_values().next().transpose()
    }

    /// The active ones of `slugs`; one whose row cannot be read hides no other.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_all_active(&self, slugs: &[Slug]) -> Result<Found, RepoError> {
        let slugs: Vec<&str> = slugs.iter().map(Slug::as_str).collect();
        let deadline = Instant::now() + ANSWER_WITHIN;
        found(&self.rows(sqlx::query(ACTIVE).bind(slugs), deadline).await?)
    }

    /// Slug and name of every active project, by name; at most `most`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_active(&self, most: i64) -> Result<Vec<(String, String)>, RepoError> {
        let query = "SELECT slug, name FROM projects WHERE is_active ORDER BY name, slug LIMIT $1";
        let rows = self.looked_up(sqlx::query(query).bind(most)).await?;
        let listed = rows.iter().map(<(String, String)>::from_row);
        Ok(listed.collect::<Result<_, _>>()?)
    }

    /// A query on behalf of a viewer: one of few at a time.
    async fn looked_up(
        &self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, RepoError> {
        let deadline = Instant::now() + LOOKUP_WITHIN;
        let Ok(permit) = timeout_at(deadline, self.lookups.acquire()).await else {
            return Err(RepoError::Unavailable(sqlx::Error::PoolTimedOut));
        };
        let answer = self.rows(query, deadline).await;
        drop(permit);
        answer
    }

    /// Without a limit of our own, a query that was under way when the server
    /// vanished would wait for ever, and with it the reading of settings.
    async fn rows(
        &self,
        query: Query<'_, Postgres, PgArguments>,
        deadline: Instant,
    ) -> Result<Vec<PgRow>, RepoError> {
        let Ok(connection) = timeout_at(deadline, self.pool.acquire()).await else {
            return Err(RepoError::Unavailable(sqlx::Error::PoolTimedOut));
        };
        let mut connection = connection?;
        if let Ok(answer) = timeout_at(deadline, query.fetch_all(&mut *connection)).await {
            return Ok(answer?);
        }
        // The pool would wait for this one's next answer.
        connection.close_on_drop();
        let silent = sqlx::Error::Io(io::ErrorKind::TimedOut.into());
        Err(RepoError::Unavailable(silent))
    }
}

fn found(rows: &[PgRow]) -> Result<Found, RepoError> {
    let mut found = HashMap::with_capacity(rows.len());
    for row in rows {
        if let Some(slug) = Slug::parse(row.try_get("slug")?) {
            let stored = StoredProject::from_row(row);
            found.insert(slug, stored.map_err(RepoError::from));
        }
    }
    Ok(found)
}

impl sqlx::FromRow<'_, PgRow> for StoredProject {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let integrated: bool = row.try_get("integrated")?;
        let integration = integrated.then(|| integration(row)).transpose()?;
        Ok(Self { integration })
    }
}

fn integration(row: &PgRow) -> Result<StoredIntegration, sqlx::Error> {
    Ok(StoredIntegration {
        api_base_url: row.try_get("api_base_url")?,
        status_endpoint: row.try_get("status_endpoint")?,
        auth_type: row.try_get("auth_type")?,
        auth_credentials: row.try_get("auth_credentials")?,
        status_mapping: row.try_get("status_mapping")?,
        unmapped_status: row.try_get("unmapped_status")?,
        update_method: row.try_get("update_method")?,
        polling_interval_seconds: row.try_get("polling_interval_seconds")?,
        timeout_seconds: row.try_get("timeout_seconds")?,
        retry_count: row.try_get("retry_count")?,
    })
}
