//! Requests that are to be done once. The key is written by the transaction that does what is asked for, so there is
//! never one without the other; the answer is added when it is given.

use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool};
use tokio::time::timeout_at;

use super::connection_repo::{Connection, RepoError};
use crate::sync::{Known, Once};

/// Remembers answers. Clones share the pool.
#[derive(Clone, Debug)]
pub struct IdempotencyRepo {
    pool: PgPool,
}

impl IdempotencyRepo {
    /// Over this pool.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Remembers what was answered; an answer that is there already stays.
    ///
    /// # Errors
    /// Of the database: the answer can then be made up from the run.
    pub async fn answered(&self, once: &Once, response: &Value) -> Result<(), RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let deadline = connection.deadline();
        let update = "UPDATE sync_idempotency SET status = 200, response = $2 WHERE key = $1 AND status IS NULL";
        let update = sqlx::query(update).bind(once.stored_key()).bind(response);
        let answer = timeout_at(deadline, update.execute(&mut *connection)).await;
        connection.settle(answer).map(drop)
    }
}

/// Takes the key for this transaction; whoever has the same waits for its end. What is known where it was taken
/// before, within 24 hours.
pub(super) async fn take(
    transaction: &mut PgConnection,
    once: &Once,
) -> sqlx::Result<Option<Known>> {
    let taken = "
        INSERT INTO sync_idempotency AS known (key, body_sha256) VALUES ($1, $2)
        ON CONFLICT (key) DO UPDATE
           SET body_sha256 = EXCLUDED.body_sha256, status = NULL, response = NULL, created_at = now()
         WHERE known.created_at <= now() - interval '24 hours'";
    let taken = sqlx::query(taken)
        .bind(once.stored_key())
        .bind(once.fingerprint());
    if taken.execute(&mut *transaction).await?.rows_affected() == 1 {
        return Ok(None);
    }
    // Whoever answers has been gone for longer than an answer can take: nobody will.
    let known = "
        SELECT body_sha256 = $2, status IS NOT NULL, response, created_at < now() - interval '60 seconds'
          FROM sync_idempotency WHERE key = $1";
    let known = sqlx::query_as(known)
        .bind(once.stored_key())
        .bind(once.fingerprint());
    let known: Option<(bool, bool, Option<Value>, bool)> =
        known.fetch_optional(transaction).await?;
    Ok(Some(match known {
        Some((false, ..)) => Known::OtherRequest,
        Some((true, true, Some(response), _)) => Known::Answered(response),
        Some((true, false, Some(response), true)) => response["execution_id"]
            .as_i64()
            .and_then(|id| i32::try_from(id).ok())
            .map_or(Known::UnderWay, Known::Unanswered),
        // Also where the row went this moment: the next try finds the key free.
        _ => Known::UnderWay,
    }))
}

/// Notes in the same transaction which run the request led to.
pub(super) async fn led_to(
    transaction: &mut PgConnection,
    once: &Once,
    execution: i32,
) -> sqlx::Result<()> {
    let update = sqlx::query("UPDATE sync_idempotency SET response = $2 WHERE key = $1");
    let update = update
        .bind(once.stored_key())
        .bind(json!({"execution_id": execution}));
    update.execute(transaction).await.map(drop)
}
