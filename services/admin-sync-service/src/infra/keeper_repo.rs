//! Runs that nobody looks after: each verb is one transaction that moves the rows whose time has come, writes who
//! did it, and puts the message into the outbox where a worker must hear of it. All by the database's clock, so
//! two of these at once find nothing twice.

use std::time::Duration;

use chrono::{DateTime, Utc};
use farol_core::sync::{Mode, Window, Zone, ring_body};
use serde_json::Value;
use sqlx::{PgConnection, PgPool};

use super::connection_repo::RepoError;

/// Most rows that one call moves; the next tick goes on.
const BATCH: i64 = 100;
/// An announcement that nobody took is repeated ever more rarely, up to this wait in seconds.
const LONGEST_SILENCE: f64 = 600.0;

/// Runs in need of a hand. Clones share the pool.
#[derive(Clone, Debug)]
pub struct KeeperRepo {
    pool: PgPool,
    queue: String,
    zone: Zone,
}

/// A run that was moved.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct Moved {
    /// Which.
    pub id: i32,
    /// Its mode, `update` or `backfill`.
    pub mode: String,
    /// How often it has been rescued.
    pub rescues: i32,
    /// Who had it.
    pub worker: Option<String>,
    window_start: Option<DateTime<Utc>>,
    window_end: Option<DateTime<Utc>>,
}

impl KeeperRepo {
    /// Runs of this database; they are announced on `queue`, in local time of `zone`.
    pub fn new(pool: PgPool, queue: String, zone: Zone) -> Self {
        Self { pool, queue, zone }
    }

    /// Takes runs from workers whose lease has expired and queues them again, unless that has happened
    /// `max_rescues` times. A live lease is never touched.
    ///
    /// # Errors
    /// Of the database; nothing is half-done.
    pub async fn rescue(&self, max_rescues: u32) -> Result<Vec<Moved>, RepoError> {
        let moving = "WITH old AS (
                SELECT id, worker FROM sync_executions
                WHERE state = 'running' AND lease_until < now() AND rescues < $1
                ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED),
            moved AS (
                UPDATE sync_executions e SET state = 'queued', rescues = rescues + 1, lease_token = NULL,
                       lease_until = NULL, worker = NULL, updated_at = now()
                FROM old WHERE e.id = old.id
                RETURNING e.id, e.mode, e.rescues, old.worker, e.window_start, e.window_end),
            told AS (
                INSERT INTO sync_events (execution_id, actor, kind, detail)
                SELECT id, 'reaper', 'rescued', jsonb_build_object('worker', worker, 'rescues', rescues) FROM moved)
            SELECT * FROM moved";
        let mut transaction = self.pool.begin().await?;
        let moved: Vec<Moved> = sqlx::query_as(moving)
            .bind(i64::from(max_rescues))
            .bind(BATCH)
            .fetch_all(&mut *transaction)
            .await?;
        self.announce(&mut transaction, &moved).await?;
        transaction.commit().await?;
        Ok(moved)
    }

    /// Gives up runs whose lease has expired once more than `max_rescues` times.
    ///
    /// # Errors
    /// Of the database; nothing is half-done.
    pub async fn lose(&self, max_rescues: u32) -> Result<Vec<Moved>, RepoError> {
        sqlx::query_as(
            "WITH old AS (
                SELECT id, worker FROM sync_executions
                WHERE state = 'running' AND lease_until < now() AND rescues >= $1
                ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED),
            moved AS (
                UPDATE sync_executions e SET state = 'lost', lease_token = NULL, lease_until = NULL, worker = NULL,
                       finished_at = now(), updated_at = now(),
                       duration_seconds = LEAST(extract(epoch FROM now() - COALESCE(started_at, created_at)), 99999999),
                       error_message = 'workers fell silent ' || (rescues + 1) || ' times, the last one was '
                                       || COALESCE(old.worker, 'unknown')
                FROM old WHERE e.id = old.id
                RETURNING e.id, e.mode, e.rescues, old.worker, e.window_start, e.window_end),
            told AS (
                INSERT INTO sync_events (execution_id, actor, kind, detail)
                SELECT id, 'reaper', 'lost', jsonb_build_object('worker', worker, 'rescues', rescues) FROM moved)
            SELECT * FROM moved",
        )
        .bind(i64::from(max_rescues))
        .bind(BATCH)
        .fetch_all(&self.pool)
        .await
        .map_err(RepoError::from)
    }

    /// Ends runs whose cancel was asked for more than `after` ago, or whose worker is gone: a worker that still
    /// writes finds its lease taken.
    ///
    /// # Errors
    /// Of the database; nothing is half-done.
    pub async fn cancel_overdue(&self, after: Duration) -> Result<Vec<Moved>, RepoError> {
        sqlx::query_as(
            "WITH old AS (
                SELECT id, worker FROM sync_executions
                WHERE state = 'cancelling'
                  AND (COALESCE(cancel_requested_at, updated_at) < now() - make_interval(secs => $1)
                       OR lease_until IS NULL OR lease_until < now())
                ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED),
            moved AS (
                UPDATE sync_executions e SET state = 'cancelled', lease_token = NULL, lease_until = NULL,
                       worker = NULL, finished_at = now(), updated_at = now(),
                       duration_seconds = LEAST(extract(epoch FROM now() - COALESCE(started_at, created_at)), 99999999),
                       error_message = COALESCE(error_message, 'cancelled; its worker did not answer in time')
                FROM old WHERE e.id = old.id
                RETURNING e.id, e.mode, e.rescues, old.worker, e.window_start, e.window_end),
            told AS (
                INSERT INTO sync_events (execution_id, actor, kind, detail)
                SELECT id, 'reaper', 'cancelled', jsonb_build_object('worker', worker) FROM moved)
            SELECT * FROM moved",
        )
        .bind(after.as_secs_f64())
        .bind(BATCH)
        .fetch_all(&self.pool)
        .await
        .map_err(RepoError::from)
    }

    /// Queues runs again whose wait after a failure of ours is over.
    ///
    /// # Errors
    /// Of the database; nothing is half-done.
    pub async fn wake_due(&self) -> Result<Vec<Moved>, RepoError> {
        let moving = "WITH moved AS (
                UPDATE sync_executions SET state = 'queued', next_attempt_at = NULL, updated_at = now()
                WHERE id IN (SELECT id FROM sync_executions
                             WHERE state = 'retry_wait' AND COALESCE(next_attempt_at, updated_at) <= now()
                             ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
                RETURNING id, mode, rescues, worker, window_start, window_end),
            told AS (
                INSERT INTO sync_events (execution_id, actor, kind) SELECT id, 'reaper', 'queued' FROM moved)
            SELECT * FROM moved";
        let mut transaction = self.pool.begin().await?;
        let moved: Vec<Moved> = sqlx::query_as(moving)
            .bind(BATCH)
            .fetch_all(&mut *transaction)
            .await?;
        self.announce(&mut transaction, &moved).await?;
        transaction.commit().await?;
        Ok(moved)
    }

    /// Announces runs once more that are queued, whose messages are all published, and that nobody has claimed for
    /// `after` since the last one. The wait doubles with every message, so a run that waits for hours behind
    /// another one does not fill the queue.
    ///
    /// # Errors
    /// Of the database; nothing is half-done.
    pub async fn announce_again(&self, after: Duration) -> Result<Vec<Moved>, RepoError> {
        let stale = "SELECT e.id, e.mode, e.rescues, e.worker, e.window_start, e.window_end
            FROM sync_executions e
            CROSS JOIN LATERAL (
                SELECT count(*) AS sent, count(*) FILTER (WHERE published_at IS NULL) AS pending,
                       max(published_at) AS last
                FROM outbox WHERE execution_id = e.id) o
            WHERE e.state = 'queued' AND o.pending = 0
              AND GREATEST(o.last, e.dispatched_at, e.updated_at)
                  < now() - make_interval(secs => LEAST($1 * power(2, LEAST(GREATEST(o.sent - 1, 0), 20)), GREATEST($1, $2)))
            ORDER BY e.id LIMIT $3 FOR UPDATE OF e SKIP LOCKED";
        let mut transaction = self.pool.begin().await?;
        let found: Vec<Moved> = sqlx::query_as(stale)
            .bind(after.as_secs_f64())
            .bind(LONGEST_SILENCE)
            .bind(BATCH)
            .fetch_all(&mut *transaction)
            .await?;
        self.announce(&mut transaction, &found).await?;
        transaction.commit().await?;
        Ok(found)
    }

    /// One message for each run, in the caller's transaction.
    async fn announce(
        &self,
        connection: &mut PgConnection,
        runs: &[Moved],
    ) -> Result<(), RepoError> {
        if runs.is_empty() {
            return Ok(());
        }
        let ids: Vec<i32> = runs.iter().map(|run| run.id).collect();
        let bodies: Vec<Value> = runs.iter().map(|run| run.body(self.zone)).collect();
        sqlx::query(
            "INSERT INTO outbox (execution_id, queue, body)
             SELECT id, $3, body FROM unnest($1::int[], $2::jsonb[]) AS run (id, body)",
        )
        .bind(ids)
        .bind(bodies)
        .bind(&self.queue)
        .execute(connection)
        .await
        .map(drop)
        .map_err(RepoError::from)
    }
}

impl Moved {
    fn body(&self, zone: Zone) -> Value {
        let window = self.window_start.zip(self.window_end);
        let window = window.and_then(|(start, end)| Window::new(start, end).ok());
        // A CHECK of the table admits no other word than the two.
        let mode = self.mode.parse().unwrap_or(Mode::Update);
        ring_body(self.id, mode, window.as_ref(), zone)
    }
}
