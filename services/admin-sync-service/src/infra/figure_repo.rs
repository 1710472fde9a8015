//! Figures for operators: what waited how long, what succeeded when, what lives. Reads only.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgPool;
use tokio::time::timeout_at;

use super::connection_repo::{Connection, RepoError};

/// A claim is counted this many seconds after it began, when no transaction from before can still commit.
const SETTLE_SECONDS: f64 = 5.0;

/// Figures. Clones share the pool.
#[derive(Clone, Debug)]
pub struct FigureRepo {
    pool: PgPool,
}

/// Runs that found their first worker in a stretch of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Waits {
    /// Seconds that each of them waited.
    pub seconds: Vec<f64>,
    /// Where the next stretch begins.
    pub until: DateTime<Utc>,
}

impl FigureRepo {
    /// Over this pool.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The runs that found a worker after `since`; without it, only where to begin.
    ///
    /// # Errors
    /// Of the database.
    pub async fn waits(&self, since: Option<DateTime<Utc>>) -> Result<Waits, RepoError> {
        let until = sqlx::query_scalar("SELECT now() - make_interval(secs => $1)");
        let until: DateTime<Utc> = until.bind(SETTLE_SECONDS).fetch_one(&self.pool).await?;
        let since = since.unwrap_or(until);
        let seconds = sqlx::query_scalar(
            "SELECT extract(epoch FROM started_at - created_at)::float8 FROM sync_executions
             WHERE created_at > $1 - interval '1 day' AND started_at > $1 AND started_at <= $2
             ORDER BY started_at LIMIT 1000",
        );
        let seconds = seconds
            .bind(since)
            .bind(until)
            .fetch_all(&self.pool)
            .await?;
        Ok(Waits { seconds, until })
    }

    /// When the newest complete run of each mode ended.
    ///
    /// # Errors
    /// Of the database.
    pub async fn last_successes(&self) -> Result<Vec<(String, DateTime<Utc>)>, RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let deadline = connection.deadline();
        let asked = sqlx::query_as(
            "SELECT mode, finished_at FROM (VALUES ('update'), ('backfill')) AS m (mode)
             CROSS JOIN LATERAL (SELECT finished_at FROM sync_executions e
                                 WHERE e.mode = m.mode AND e.state = 'success' AND e.finished_at IS NOT NULL
                                 ORDER BY id DESC LIMIT 1) newest",
        )
        .fetch_all(&mut *connection);
        let answer = timeout_at(deadline, asked).await;
        connection.settle(answer)
    }

    /// The runs that are not over, and the incidents that are open, as JSON for `/status`.
    ///
    /// # Errors
    /// Of the database.
    pub async fn present(&self) -> Result<Value, RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let deadline = connection.deadline();
        let asked = sqlx::query_scalar(
            "SELECT jsonb_build_object(
                 'runs', (SELECT COALESCE(jsonb_agg(jsonb_build_object(
                              'id', id, 'mode', mode, 'state', state, 'worker', worker, 'rescues', rescues,
                              'lease_until', lease_until, 'progress_at', progress_at) ORDER BY id), '[]')
                          FROM (SELECT * FROM sync_executions
                                WHERE state IN ('queued', 'running', 'retry_wait', 'cancelling')
                                ORDER BY id LIMIT 100) live),
                 'incidents', (SELECT COALESCE(jsonb_agg(jsonb_build_object(
                              'incident', fingerprint, 'summary', summary, 'since', opened_at, 'seen', seen,
                              'told', notified_at IS NOT NULL) ORDER BY opened_at), '[]')
                          FROM (SELECT * FROM sync_incidents WHERE resolved_at IS NULL
                                ORDER BY opened_at LIMIT 100) open))",
        )
        .fetch_one(&mut *connection);
        let answer = timeout_at(deadline, asked).await;
        connection.settle(answer)
    }
}
