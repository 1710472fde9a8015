//! Runs as rows: one at a time, with what belongs to it. Lists are in `history_repo`, what changes runs is in
//! `execution_repo`.

use farol_core::sync::{Progress, SegmentPages, SegmentState};
use sqlx::postgres::{PgPool, PgRow};
use sqlx::{FromRow as _, PgConnection, Row as _};
use tokio::time::timeout_at;

use super::connection_repo::{Connection, RepoError};
use crate::sync::{
    Dispatch, Event, LastSuccess, Newest, ProgressView, Run, RunDetail, Segment, Source,
};

/// The columns of a [`Run`].
pub(super) const RUN: &str = "
    id, mode, window_start, window_end, status, records_processed,
    round((CASE WHEN status = 'running' THEN COALESCE(extract(epoch FROM now() - started_at), 0)
                ELSE duration_seconds END)::numeric, 2)::float8 AS duration_seconds,
    error_message, created_at, updated_at, state, task_id, started_at, finished_at, attempt, requested_by, verdict";

/// Queued, never begun, and the broker has not confirmed its message.
pub(super) const PENDING: &str = "
    (state = 'queued' AND started_at IS NULL AND dispatched_at IS NULL) AS dispatch_pending";

/// A source that was not heard of for so long is down, whatever it said last.
pub(super) const SOURCE: &str = "
    SELECT CASE WHEN fresh THEN state ELSE 'down' END AS state,
           CASE WHEN fresh OR state = 'down' THEN since ELSE updated_at END AS since,
           breaker, pace_per_second
      FROM (SELECT *, updated_at > now() - interval '30 seconds' AS fresh FROM sync_source WHERE name = 'pncp') s";

/// Reads single runs. Clones share the pool.
#[derive(Clone, Debug)]
pub struct RunRepo {
    pool: PgPool,
}

impl RunRepo {
    /// Over this pool.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// A run with its segments and events.
    ///
    /// # Errors
    /// Of the database.
    pub async fn find(&self, id: i32) -> Result<Option<RunDetail>, RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let answer = timeout_at(connection.deadline(), detail(&mut connection, id)).await;
        connection.settle(answer)
    }

    /// The newest run, the last that went well, and how the source is.
    ///
    /// # Errors
    /// Of the database.
    pub async fn newest(&self) -> Result<Newest, RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let answer = timeout_at(connection.deadline(), newest(&mut connection)).await;
        connection.settle(answer)
    }
}

async fn newest(connection: &mut PgConnection) -> sqlx::Result<Newest> {
    let row = format!("SELECT {RUN}, {PENDING} FROM sync_executions ORDER BY id DESC LIMIT 1");
    let row = sqlx::query(sqlx::AssertSqlSafe(row))
        .fetch_optional(&mut *connection)
        .await?;
    let run = match row {
        None => None,
        Some(row) => {
            let run = Run::from_row(&row)?;
            let progress = ProgressView::of(&run, progress(connection, run.id).await?);
            Some((run, progress, dispatch(&row)?))
        }
    };
    let success = "SELECT id, window_end, finished_at FROM sync_executions
                   WHERE status = 'success' ORDER BY id DESC LIMIT 1";
    let success = sqlx::query(success)
        .fetch_optional(&mut *connection)
        .await?;
    let source = sqlx::query(SOURCE).fetch_optional(connection).await?;
    Ok(Newest {
        run,
        last_success: success.as_ref().map(LastSuccess::from_row).transpose()?,
        source: source.as_ref().map(Source::from_row).transpose()?,
    })
}

async fn detail(connection: &mut PgConnection, id: i32) -> sqlx::Result<Option<RunDetail>> {
    let row = format!(
        "SELECT {RUN}, {PENDING}, parent_id, rescues, worker, progress_at, next_attempt_at, cancel_requested_at,
                dispatched_at
         FROM sync_executions WHERE id = $1"
    );
    let row = sqlx::query(sqlx::AssertSqlSafe(row))
        .bind(id)
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let run = Run::from_row(&row)?;
    let progress = ProgressView::of(&run, progress(connection, id).await?);
    Ok(Some(RunDetail {
        run,
        parent_id: row.try_get("parent_id")?,
        rescues: row.try_get("rescues")?,
        worker: row.try_get("worker")?,
        progress_at: row.try_get("progress_at")?,
        next_attempt_at: row.try_get("next_attempt_at")?,
        cancel_requested_at: row.try_get("cancel_requested_at")?,
        dispatched_at: row.try_get("dispatched_at")?,
        dispatch: dispatch(&row)?,
        progress,
        segments: segments(connection, id).await?,
        events: events(connection, id).await?,
    }))
}

/// `None` where nothing is planned yet. Segments that stand alike are one row: thousands wait for their turn.
async fn progress(connection: &mut PgConnection, id: i32) -> sqlx::Result<Option<Progress>> {
    let rows = "SELECT state, pages_done, pages_total, count(*) FROM sync_segments
                WHERE execution_id = $1 GROUP BY state, pages_done, pages_total";
    let rows: Vec<(String, i32, Option<i32>, i64)> =
        sqlx::query_as(rows).bind(id).fetch_all(connection).await?;
    let alike = rows.iter().flat_map(|(state, done, total, count)| {
        let pages = SegmentPages {
            state: state.parse().unwrap_or(SegmentState::Pending),
            pages_done: done.unsigned_abs(),
            pages_total: total.map(i32::unsigned_abs),
        };
        std::iter::repeat_n(pages, usize::try_from(*count).unwrap_or_default())
    });
    Ok((!rows.is_empty()).then(|| Progress::of(alike)))
}

async fn segments(connection: &mut PgConnection, id: i32) -> sqlx::Result<Vec<Segment>> {
    let rows = "SELECT * FROM sync_segments WHERE execution_id = $1 ORDER BY day_from, endpoint, modalidade";
    let rows = sqlx::query(rows).bind(id).fetch_all(connection).await?;
    rows.iter().map(Segment::from_row).collect()
}

async fn events(connection: &mut PgConnection, id: i32) -> sqlx::Result<Vec<Event>> {
    let rows = "SELECT * FROM (SELECT * FROM sync_events WHERE execution_id = $1 ORDER BY id DESC LIMIT 1000) e
                ORDER BY id";
    let rows = sqlx::query(rows).bind(id).fetch_all(connection).await?;
    rows.iter().map(Event::from_row).collect()
}

/// Of a row with [`PENDING`].
pub(super) fn dispatch(row: &PgRow) -> sqlx::Result<Dispatch> {
    let pending: bool = row.try_get("dispatch_pending")?;
    Ok(if pending {
        Dispatch::Pending
    } else {
        Dispatch::Published
    })
}

impl sqlx::FromRow<'_, PgRow> for Run {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            mode: row.try_get("mode")?,
            window_start: row.try_get("window_start")?,
            window_end: row.try_get("window_end")?,
            status: row.try_get("status")?,
            records_processed: row.try_get("records_processed")?,
            duration_seconds: row.try_get("duration_seconds")?,
            error_message: row.try_get("error_message")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
            state: row.try_get("state")?,
            task_id: row.try_get("task_id")?,
            started_at: row.try_get("started_at")?,
            finished_at: row.try_get("finished_at")?,
            attempt: row.try_get("attempt")?,
            requested_by: row.try_get("requested_by")?,
            verdict: row.try_get("verdict")?,
        })
    }
}

impl sqlx::FromRow<'_, PgRow> for Segment {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            endpoint: row.try_get("endpoint")?,
            modalidade: row.try_get("modalidade")?,
            day_from: row.try_get("day_from")?,
            day_to: row.try_get("day_to")?,
            state: row.try_get("state")?,
            pages_done: row.try_get("pages_done")?,
            pages_total: row.try_get("pages_total")?,
            expected: row.try_get("expected")?,
            got: row.try_get("got")?,
            inserted: row.try_get("inserted")?,
            updated: row.try_get("updated")?,
            unchanged: row.try_get("unchanged")?,
            quarantined: row.try_get("quarantined")?,
            attempts: row.try_get("attempts")?,
            error_class: row.try_get("error_class")?,
            last_error: row.try_get("last_error")?,
            proven_until: row.try_get("proven_until")?,
        })
    }
}

impl sqlx::FromRow<'_, PgRow> for Event {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            at: row.try_get("at")?,
            actor: row.try_get("actor")?,
            kind: row.try_get("kind")?,
            detail: row.try_get("detail")?,
        })
    }
}

impl sqlx::FromRow<'_, PgRow> for LastSuccess {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            window_end: row.try_get("window_end")?,
            finished_at: row.try_get("finished_at")?,
        })
    }
}

impl sqlx::FromRow<'_, PgRow> for Source {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            state: row.try_get("state")?,
            since: row.try_get("since")?,
            breaker: row.try_get("breaker")?,
            pace_per_second: row.try_get("pace_per_second")?,
        })
    }
}
