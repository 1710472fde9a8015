//! What is only old is deleted here, a few rows at a time: the next look goes on.

use sqlx::PgPool;

use super::connection_repo::RepoError;

/// Most rows that one statement deletes.
const SWEEP: i64 = 1000;
/// Most runs that one look deletes: each takes its ledger, its events and its messages with it.
const RUNS: i64 = 50;

/// Old rows. Clones share the pool.
#[derive(Clone, Debug)]
pub struct SweepRepo {
    pool: PgPool,
}

impl SweepRepo {
    /// Rows of this database.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Deletes what nobody needs any more: answers of requests after 24 hours, published messages after 7 days,
    /// incidents 90 days after they were over, pages of runs that nobody goes on with. Says how many rows.
    ///
    /// # Errors
    /// Of the database.
    pub async fn forget(&self) -> Result<u64, RepoError> {
        let mut gone = 0;
        for sweep in [
            "DELETE FROM sync_idempotency WHERE key IN (SELECT key FROM sync_idempotency
                 WHERE created_at < now() - interval '24 hours' LIMIT $1)",
            "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox
                 WHERE published_at < now() - interval '7 days' LIMIT $1)",
            "DELETE FROM sync_pages WHERE segment_id IN (SELECT s.id FROM sync_segments s
                 JOIN sync_executions e ON e.id = s.execution_id
                 WHERE s.id IN (SELECT DISTINCT segment_id FROM sync_pages) AND e.state IN ('cancelled', 'lost') LIMIT $1)",
            "DELETE FROM sync_incidents WHERE fingerprint IN (SELECT fingerprint FROM sync_incidents
                 WHERE resolved_at < now() - interval '90 days' LIMIT $1)",
        ] {
            let swept = sqlx::query(sweep).bind(SWEEP).execute(&self.pool).await?;
            gone += swept.rows_affected();
        }
        Ok(gone)
    }

    /// Deletes runs that have been over for so many days, with their ledger, events and messages, and records that
    /// such runs put aside. What somebody still goes by stays: the newest success of each mode, what an open incident
    /// is about, and the parent of a retry that stays. Says how many runs.
    ///
    /// # Errors
    /// Of the database.
    pub async fn retire(&self, days: u32) -> Result<u64, RepoError> {
        let days = i32::try_from(days).unwrap_or(i32::MAX);
        let retired = sqlx::query(
            "DELETE FROM sync_executions WHERE id IN (
                 SELECT id FROM sync_executions e
                  WHERE created_at < now() - make_interval(days => $1)
                    AND COALESCE(finished_at, updated_at) < now() - make_interval(days => $1)
                    AND state IN ('success', 'incomplete', 'error', 'cancelled', 'lost')
                    AND NOT EXISTS (SELECT FROM sync_executions c WHERE c.parent_id = e.id)
                    AND NOT EXISTS (SELECT FROM sync_incidents i WHERE i.execution_id = e.id AND i.resolved_at IS NULL)
                    AND id IS DISTINCT FROM (SELECT max(id) FROM sync_executions s
                                              WHERE s.mode = e.mode AND s.status = 'success')
                  ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
        )
        .bind(days)
        .bind(RUNS)
        .execute(&self.pool)
        .await?;
        // What a deleted run put aside belongs to nobody.
        sqlx::query(
            "DELETE FROM sync_quarantine WHERE id IN (SELECT id FROM sync_quarantine
                 WHERE execution_id IS NULL AND at < now() - make_interval(days => $1) LIMIT $2)",
        )
        .bind(days)
        .bind(SWEEP)
        .execute(&self.pool)
        .await?;
        Ok(retired.rows_affected())
    }
}
