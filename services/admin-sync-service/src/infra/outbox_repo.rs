//! The outbox as its relay uses it: letters are claimed by moving their next attempt, so no transaction is held
//! while the broker is talked to.

use std::time::Duration;

use serde_json::Value;
use sqlx::PgPool;
use tokio::time::timeout_at;

use super::connection_repo::{Connection, RepoError};

/// The outbox. Clones share the pool.
#[derive(Clone, Debug)]
pub struct OutboxRepo {
    pool: PgPool,
}

/// A message that this relay has claimed.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct Letter {
    /// The message id on the broker.
    pub id: i64,
    /// The run that it announces.
    pub execution_id: i32,
    /// Where it goes.
    pub queue: String,
    /// What it says.
    pub body: Value,
    /// Attempts, this one included.
    pub attempts: i32,
}

/// What has not been published yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, sqlx::FromRow)]
pub struct Pending {
    /// Messages.
    pub count: i64,
    /// Seconds since the oldest was written; 0 where there is none.
    pub oldest_age_seconds: f64,
}

impl OutboxRepo {
    /// Over this pool.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Claims up to `most` letters that are due, oldest first: nobody else gets them for `hold`, which must be
    /// longer than the longest publish.
    ///
    /// # Errors
    /// Of the database.
    pub async fn claim(&self, most: i64, hold: Duration) -> Result<Vec<Letter>, RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let deadline = connection.deadline();
        let asked = sqlx::query_as(
            "UPDATE outbox SET next_at = now() + make_interval(secs => $2), attempts = attempts + 1
             WHERE id IN (SELECT id FROM outbox WHERE published_at IS NULL AND next_at <= now()
                          ORDER BY next_at, id LIMIT $1 FOR UPDATE SKIP LOCKED)
             RETURNING id, execution_id, queue, body, attempts",
        )
        .bind(most)
        .bind(hold.as_secs_f64())
        .fetch_all(&mut *connection);
        let answer = timeout_at(deadline, asked).await;
        connection.settle(answer)
    }

    /// The broker has confirmed a letter: both the letter and its run say so from now on.
    ///
    /// # Errors
    /// Of the database; the letter is then published again after its hold.
    pub async fn published(&self, id: i64) -> Result<(), RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let deadline = connection.deadline();
        let asked = sqlx::query(
            "WITH letter AS (
                 UPDATE outbox SET published_at = now(), last_error = NULL
                 WHERE id = $1 AND published_at IS NULL RETURNING execution_id)
             UPDATE sync_executions SET dispatched_at = now()
             WHERE id IN (SELECT execution_id FROM letter)",
        )
        .bind(id)
        .execute(&mut *connection);
        let answer = timeout_at(deadline, asked).await;
        connection.settle(answer).map(drop)
    }

    /// A letter could not be delivered: the next attempt is after `wait`.
    ///
    /// # Errors
    /// Of the database; the next attempt is then after its hold.
    pub async fn failed(&self, id: i64, error: &str, wait: Duration) -> Result<(), RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let deadline = connection.deadline();
        let asked = sqlx::query(
            "UPDATE outbox SET next_at = now() + make_interval(secs => $3), last_error = $2
             WHERE id = $1 AND published_at IS NULL",
        )
        .bind(id)
        .bind(error)
        .bind(wait.as_secs_f64())
        .execute(&mut *connection);
        let answer = timeout_at(deadline, asked).await;
        connection.settle(answer).map(drop)
    }

    /// Whether the broker has confirmed this letter, to whichever replica.
    ///
    /// # Errors
    /// Of the database.
    pub async fn is_published(&self, id: i64) -> Result<bool, RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let deadline = connection.deadline();
        let asked = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM outbox WHERE id = $1 AND published_at IS NOT NULL)",
        )
        .bind(id)
        .fetch_one(&mut *connection);
        let answer = timeout_at(deadline, asked).await;
        connection.settle(answer)
    }

    /// How much waits, and for how long.
    ///
    /// # Errors
    /// Of the database.
    pub async fn pending(&self) -> Result<Pending, RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let deadline = connection.deadline();
        let asked = sqlx::query_as(
            "SELECT count(*) AS count,
                    COALESCE(extract(epoch FROM now() - min(created_at)), 0)::float8 AS oldest_age_seconds
             FROM outbox WHERE published_at IS NULL",
        )
        .fetch_one(&mut *connection);
        let answer = timeout_at(deadline, asked).await;
        connection.settle(answer)
    }
}
