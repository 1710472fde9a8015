//! What the watch looks at: runs that ended badly or get nowhere, the age of the data, the source. Reads only, and
//! only as many rows as a notice can name.

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};

use super::connection_repo::RepoError;
use crate::alerts::{EndedRun, Gap, LateUpdate, SilentRun, SourceState, WaitingRun};

/// What a backfill left open is made good by one that reads all of its window, or by complete segments of any later
/// runs, each of its own day. Asked only of what somebody may be told about, so no old failure costs a look.
const ENDED: &str = "
    WITH told AS (SELECT execution_id FROM sync_incidents WHERE resolved_at IS NULL AND execution_id IS NOT NULL),
    looked AS (
        (SELECT * FROM sync_executions WHERE state IN ('success', 'incomplete', 'error', 'lost')
          ORDER BY id DESC LIMIT 200)
        UNION ALL
        SELECT * FROM sync_executions
         WHERE id IN (SELECT execution_id FROM told) AND state IN ('success', 'incomplete', 'error', 'lost')),
    newest AS (
        SELECT DISTINCT ON (mode, CASE mode WHEN 'backfill' THEN window_start END,
                            CASE mode WHEN 'backfill' THEN window_end END)
               id, mode, state, window_start, window_end, error_message,
               COALESCE(finished_at > now() - interval '1 day', false) AS is_news
          FROM looked
         ORDER BY mode, CASE mode WHEN 'backfill' THEN window_start END,
                  CASE mode WHEN 'backfill' THEN window_end END, id DESC)
    SELECT r.*, CASE WHEN mode = 'backfill' AND state <> 'success'
                          AND (is_news OR id IN (SELECT execution_id FROM told)) THEN
               EXISTS (SELECT FROM sync_executions w
                        WHERE w.mode = 'backfill' AND w.status = 'success' AND w.id > r.id
                          AND w.window_start <= r.window_start AND w.window_end >= r.window_end)
               OR (EXISTS (SELECT FROM sync_segments WHERE execution_id = r.id)
                   AND NOT EXISTS (
                       SELECT FROM sync_segments s
                        WHERE s.execution_id = r.id AND s.state <> 'complete' AND NOT EXISTS (
                              SELECT FROM sync_segments t
                               WHERE t.day_from = s.day_from AND t.modalidade = s.modalidade AND t.endpoint = s.endpoint
                                 AND t.state = 'complete' AND t.id > s.id
                                 AND t.cut_from <= s.cut_from AND t.proven_until >= s.cut_to)))
               ELSE false END AS is_made_good
      FROM newest r";

/// What is. Clones share the pool.
#[derive(Clone, Debug)]
pub struct FindingRepo {
    pool: PgPool,
}

impl FindingRepo {
    /// Over this pool.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Among the newest runs, the newest of each kind that ended by itself: of updates, and of backfills of each
    /// window; and those that an open incident is about, however old they are. One that was cancelled is nobody's news.
    ///
    /// # Errors
    /// Of the database.
    pub async fn ended(&self) -> Result<Vec<EndedRun>, RepoError> {
        sqlx::query_as(ENDED)
            .fetch_all(&self.pool)
            .await
            .map_err(RepoError::from)
    }

    /// Runs with a worker that have committed nothing for so many minutes, oldest first. A claim counts as progress
    /// (it moves `updated_at`, as commits do), so a run that was parked for hours is not late when it goes on.
    ///
    /// # Errors
    /// Of the database.
    pub async fn silent(&self, minutes: u32) -> Result<Vec<SilentRun>, RepoError> {
        sqlx::query_as(
            "SELECT id, mode, worker,
                    (extract(epoch FROM now() - GREATEST(progress_at, updated_at)) / 60)::bigint AS minutes
             FROM sync_executions
             WHERE state IN ('running', 'cancelling')
               AND GREATEST(progress_at, updated_at) <= now() - make_interval(mins => $1)
             ORDER BY id LIMIT 20",
        )
        .bind(i32::try_from(minutes).unwrap_or(i32::MAX))
        .fetch_all(&self.pool)
        .await
        .map_err(RepoError::from)
    }

    /// Runs that have been queued for so many minutes while no run of their mode is worked on.
    ///
    /// # Errors
    /// Of the database.
    pub async fn waiting(&self, minutes: u32) -> Result<Vec<WaitingRun>, RepoError> {
        sqlx::query_as(
            "SELECT q.id, q.mode, (extract(epoch FROM now() - q.updated_at) / 60)::bigint AS minutes,
                    (SELECT COALESCE(last_error, 'no broker has confirmed it') FROM outbox WHERE execution_id = q.id AND published_at IS NULL
                     ORDER BY id DESC LIMIT 1) AS broker_error
             FROM sync_executions q
             WHERE q.state = 'queued' AND q.updated_at <= now() - make_interval(mins => $1)
               AND NOT EXISTS (SELECT FROM sync_executions r
                               WHERE r.mode = q.mode AND r.state IN ('running', 'cancelling'))
             ORDER BY q.id LIMIT 20",
        )
        .bind(i32::try_from(minutes).unwrap_or(i32::MAX))
        .fetch_all(&self.pool)
        .await
        .map_err(RepoError::from)
    }

    /// How long ago the newest complete update ended; `None` where no update has ever been asked for.
    ///
    /// # Errors
    /// Of the database.
    pub async fn late_update(&self) -> Result<Option<LateUpdate>, RepoError> {
        let found: Option<LateUpdate> = sqlx::query_as(
            "WITH done AS (SELECT id, finished_at FROM sync_executions WHERE mode = 'update' AND status = 'success'
                           ORDER BY id DESC LIMIT 1),
                  first AS (SELECT created_at FROM sync_executions WHERE mode = 'update' ORDER BY id LIMIT 1)
             SELECT done.id,
                    (extract(epoch FROM now() - COALESCE(done.finished_at, first.created_at)) / 60)::bigint AS minutes
             FROM first LEFT JOIN done ON true",
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(found)
    }

    /// Among the newest updates, those that begin later than all before them ended. Backfills are looked through only
    /// where there is such a one, and once for all of them.
    ///
    /// # Errors
    /// Of the database.
    pub async fn gaps(&self) -> Result<Vec<Gap>, RepoError> {
        sqlx::query_as(
            "WITH filled AS MATERIALIZED (SELECT window_start, window_end FROM sync_executions
                                           WHERE mode = 'backfill' AND status = 'success')
             SELECT before AS \"from\", window_start AS \"to\", id AS execution_id,
                    EXISTS (SELECT FROM filled b
                            WHERE b.window_start <= before AND b.window_end >= u.window_start) AS is_filled
             FROM (SELECT id, window_start,
                          max(window_end) FILTER (WHERE state = 'success')
                              OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
                   FROM (SELECT * FROM sync_executions WHERE mode = 'update' AND window_start IS NOT NULL
                         ORDER BY id DESC LIMIT 2000) newest) u
             WHERE before < window_start
             ORDER BY id DESC LIMIT 20",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(RepoError::from)
    }

    /// How the source is. A word older than 30 s is none: nobody knows, so it is down.
    ///
    /// # Errors
    /// Of the database.
    pub async fn source(&self) -> Result<Option<SourceState>, RepoError> {
        let found: Option<SourceState> = sqlx::query_as(
            "SELECT fresh AS is_reported,
                    CASE WHEN NOT fresh THEN (extract(epoch FROM now() - updated_at) / 60)::bigint
                         WHEN state = 'down' THEN (extract(epoch FROM now() - since) / 60)::bigint END AS down_minutes
             FROM (SELECT *, updated_at > now() - interval '30 seconds' AS fresh FROM sync_source
                   WHERE name = 'pncp') source",
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(found)
    }
}

impl FromRow<'_, PgRow> for EndedRun {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let start: Option<DateTime<Utc>> = row.try_get("window_start")?;
        Ok(Self {
            id: row.try_get("id")?,
            mode: row.try_get("mode")?,
            state: row.try_get("state")?,
            window: start.zip(row.try_get("window_end")?),
            error_message: row.try_get("error_message")?,
            is_news: row.try_get("is_news")?,
            is_made_good: row.try_get("is_made_good")?,
        })
    }
}

impl FromRow<'_, PgRow> for SilentRun {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            mode: row.try_get("mode")?,
            worker: row.try_get("worker")?,
            minutes: row.try_get("minutes")?,
        })
    }
}

impl FromRow<'_, PgRow> for WaitingRun {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            mode: row.try_get("mode")?,
            minutes: row.try_get("minutes")?,
            broker_error: row.try_get("broker_error")?,
        })
    }
}

impl FromRow<'_, PgRow> for LateUpdate {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            minutes: row.try_get("minutes")?,
        })
    }
}

impl FromRow<'_, PgRow> for Gap {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            from: row.try_get("from")?,
            to: row.try_get("to")?,
            execution_id: row.try_get("execution_id")?,
            is_filled: row.try_get("is_filled")?,
        })
    }
}

impl FromRow<'_, PgRow> for SourceState {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            down_minutes: row.try_get("down_minutes")?,
            is_reported: row.try_get("is_reported")?,
        })
    }
}
