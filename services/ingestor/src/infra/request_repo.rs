//! The rows of runs that other programs ask for through the broker.

use farol_core::sync::{Mode, Window};
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};

use super::execution_repo::{ExecutionRepo, event_in};
use super::postgres_repo::{Lent, RepoError, bounded};

/// A run that another program asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked<'a> {
    /// What it is for.
    pub mode: Mode,
    /// Of a backfill: what it reads.
    pub window: Option<Window>,
    /// Who asks, for people.
    pub requested_by: &'a str,
    /// The message, where it has an id: delivered again, it asks for nothing new.
    pub message_id: Option<&'a str>,
    /// The message's bytes: another message under an id that was used is another request.
    pub body: &'a [u8],
}

impl ExecutionRepo {
    /// Writes the row of a run that another program asks for; the same message again finds the same row.
    ///
    /// # Errors
    /// Of the database; there is then no row, or the same message finds it.
    pub async fn create(&self, asked: Asked<'_>) -> Result<i32, RepoError> {
        bounded(async {
            let mut lent = Lent::from(&self.pool).await?;
            let mut tx = lent.begin().await?;
            let made = create_in(&mut tx, asked).await?;
            tx.commit().await?;
            lent.back();
            Ok(made)
        })
        .await
    }
}

async fn create_in(tx: &mut PgConnection, asked: Asked<'_>) -> Result<i32, RepoError> {
    let key = asked.message_id.map(|id| format!("amqp:{id}"));
    if let Some(key) = &key
        && let Some(made) = made_before(tx, key, asked.body).await?
    {
        return Ok(made);
    }
    let made: i32 = sqlx::query_scalar(
        "INSERT INTO sync_executions (mode, window_start, window_end, state, requested_by, dispatched_at)
         VALUES ($1, $2, $3, 'queued', $4, clock_timestamp()) RETURNING id",
    )
    .bind(asked.mode.as_str())
    .bind(asked.window.map(|window| window.start()))
    .bind(asked.window.map(|window| window.end()))
    .bind(asked.requested_by)
    .fetch_one(&mut *tx)
    .await?;
    if let Some(key) = &key {
        sqlx::query("UPDATE sync_idempotency SET response = $2, status = 200 WHERE key = $1")
            .bind(key)
            .bind(json!({"execution_id": made}))
            .execute(&mut *tx)
            .await?;
    }
    event_in(
        tx,
        made,
        asked.requested_by,
        "enqueued",
        json!({"message_id": asked.message_id}),
    )
    .await?;
    Ok(made)
}

/// The run that this message made already; else its key is ours until the transaction ends.
async fn made_before(
    tx: &mut PgConnection,
    key: &str,
    body: &[u8],
) -> Result<Option<i32>, RepoError> {
    // A key under another body is a program that numbers its messages anew after a restart: the newest one counts.
    let response: Option<Option<Value>> = sqlx::query_scalar(
        "INSERT INTO sync_idempotency AS known (key, body_sha256) VALUES ($1, sha256($2))
         ON CONFLICT (key) DO UPDATE SET
            response = CASE WHEN known.body_sha256 = excluded.body_sha256 THEN known.response END,
            body_sha256 = excluded.body_sha256
         RETURNING response",
    )
    .bind(key)
    .bind(body)
    .fetch_optional(tx)
    .await?;
    let id = response
        .flatten()
        .and_then(|value| value["execution_id"].as_i64());
    Ok(id.and_then(|id| i32::try_from(id).ok()))
}
