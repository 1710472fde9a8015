//! What is written beside an integration about how its client API does: the administrators' copy of what public-service
//! knows.

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use tokio::time::timeout_at;

use super::connection_repo::{Connection, RepoError};

/// How the client API of one project does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncFact {
    /// The project.
    pub slug: String,
    /// When it was last heard.
    pub heard_at: Option<DateTime<Utc>>,
    /// `success`, `error` or `idle`.
    pub status: &'static str,
    /// What is wrong, at most 500 characters.
    pub error: Option<String>,
}

/// Writes them. Clones share the pool.
#[derive(Clone, Debug)]
pub struct SyncStateRepo {
    pool: PgPool,
}

impl SyncStateRepo {
    /// Over this pool.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Writes what has changed, in one statement; how many rows that was. `last_sync_at` never goes back, and not into the
    /// future either, where a wrong clock would keep it. `updated_at` tells of people's changes and stays.
    ///
    /// # Errors
    /// Of the database.
    pub async fn write(&self, facts: &[SyncFact]) -> Result<u64, RepoError> {
        let slugs: Vec<&str> = facts.iter().map(|it| it.slug.as_str()).collect();
        let heard: Vec<_> = facts.iter().map(|it| it.heard_at).collect();
        let statuses: Vec<&str> = facts.iter().map(|it| it.status).collect();
        let errors: Vec<Option<&str>> = facts.iter().map(|it| it.error.as_deref()).collect();
        let mut connection = Connection::of(&self.pool).await?;
        let deadline = connection.deadline();
        let written = sqlx::query(
            "UPDATE integration_configs c
                SET last_sync_at = t.heard_at, sync_status = t.status, sync_error = t.error
               FROM (SELECT i.id, f.status, f.error,
                            greatest(i.last_sync_at,
                                     CASE WHEN f.heard_at IS NOT NULL THEN least(f.heard_at, now()) END) AS heard_at
                       FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[])
                            AS f (slug, heard_at, status, error)
                       JOIN projects p ON p.slug = f.slug
                       JOIN integration_configs i ON i.project_id = p.id) t
              WHERE c.id = t.id
                AND (c.last_sync_at, c.sync_status, c.sync_error)
                    IS DISTINCT FROM (t.heard_at, t.status, t.error)",
        )
        .bind(slugs)
        .bind(heard)
        .bind(statuses)
        .bind(errors)
        .execute(&mut *connection);
        let answer = timeout_at(deadline, written).await;
        Ok(connection.settle(answer)?.rows_affected())
    }
}
