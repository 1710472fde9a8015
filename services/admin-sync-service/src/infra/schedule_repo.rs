//! The scheduled update: whether one is due, and the row and message of it, in one transaction.

use std::time::Duration;

use farol_core::sync::{Mode, Move, Zone, ring_body};
use sqlx::PgPool;

use super::connection_repo::RepoError;

/// The schedule. Clones share the pool.
#[derive(Clone, Debug)]
pub struct ScheduleRepo {
    pool: PgPool,
    queue: String,
    zone: Zone,
}

impl ScheduleRepo {
    /// Updates of this database, announced on `queue`.
    pub fn new(pool: PgPool, queue: String, zone: Zone) -> Self {
        Self { pool, queue, zone }
    }

    /// Enqueues an update if none lives and the last one began long enough ago: `every`, or twice its duration if
    /// that is longer (that of its last stretch: a run that was parked over a weekend did not work for so long). Under
    /// the lock of all who enqueue updates, so two schedulers make one run. Gives its id.
    ///
    /// # Errors
    /// Of the database; nothing is half-done.
    pub async fn enqueue_if_due(&self, every: Duration) -> Result<Option<i32>, RepoError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(Mode::Update.lock_key())
            .execute(&mut *transaction)
            .await?;
        let made: Option<i32> = sqlx::query_scalar(
            "INSERT INTO sync_executions (mode, state, requested_by)
             SELECT 'update', 'queued', 'schedule'
             WHERE NOT EXISTS (SELECT FROM sync_executions WHERE mode = 'update'
                               AND state IN ('queued', 'running', 'retry_wait', 'cancelling'))
               AND NOT EXISTS (
                   SELECT FROM (SELECT created_at, finished_at,
                                       COALESCE((SELECT max(at) FROM sync_events
                                                  WHERE execution_id = e.id AND kind = $2), started_at) AS begun_at
                                  FROM sync_executions e WHERE mode = 'update' ORDER BY id DESC LIMIT 1) last
                   WHERE now() < created_at + GREATEST(make_interval(secs => $1),
                                                       2 * COALESCE(finished_at - begun_at, interval '0')))
             RETURNING id",
        )
        .bind(every.as_secs_f64())
        .bind(Move::Claim.as_str())
        .fetch_optional(&mut *transaction)
        .await?;
        if let Some(id) = made {
            sqlx::query(
                "WITH told AS (INSERT INTO sync_events (execution_id, actor, kind) VALUES ($1, 'schedule', 'queued'))
                 INSERT INTO outbox (execution_id, queue, body) VALUES ($1, $2, $3)",
            )
            .bind(id)
            .bind(&self.queue)
            .bind(ring_body(id, Mode::Update, None, self.zone))
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(made)
    }
}
