//! Runs by their names on the task stream, many at once, and which of them are hidden there.

use std::collections::HashMap;

use farol_core::sync::{Progress, SegmentPages, SegmentState};
use sqlx::postgres::PgPool;
use sqlx::{FromRow as _, PgConnection};
use tokio::time::timeout_at;
use uuid::Uuid;

use super::connection_repo::{Connection, RepoError};
use super::run_repo::RUN;
use crate::live::Task;
use crate::sync::{ProgressView, Run};

/// Reads and hides tasks. Clones share the pool.
#[derive(Clone, Debug)]
pub struct TaskRepo {
    pool: PgPool,
}

impl TaskRepo {
    /// Over this pool.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Those of `ids` that there are; none that is hidden.
    ///
    /// # Errors
    /// Of the database.
    pub async fn find(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, Task>, RepoError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let mut connection = Connection::of(&self.pool).await?;
        let answer = timeout_at(connection.deadline(), find(&mut connection, ids)).await;
        connection.settle(answer)
    }

    /// Hides a run from the task stream and its routes, if it is over; what ran is never removed. Whether it is hidden
    /// now.
    ///
    /// # Errors
    /// Of the database.
    pub async fn hide(&self, id: i32, actor: &str) -> Result<bool, RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let hidden = sqlx::query(
            "INSERT INTO sync_events (execution_id, actor, kind)
             SELECT id, $2, 'task_hidden' FROM sync_executions WHERE id = $1 AND status <> 'running'",
        )
        .bind(id)
        .bind(actor)
        .execute(&mut *connection);
        let answer = tokio::time::timeout(super::connection_repo::ANSWER_WITHIN, hidden).await;
        Ok(connection.settle(answer)?.rows_affected() > 0)
    }
}

async fn find(connection: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<HashMap<Uuid, Task>> {
    let rows = format!(
        "SELECT {RUN} FROM sync_executions e
         WHERE task_id = ANY($1) AND NOT EXISTS (
             SELECT FROM sync_events h WHERE h.execution_id = e.id AND h.kind = 'task_hidden')"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(rows))
        .bind(ids)
        .fetch_all(&mut *connection)
        .await?;
    let runs = rows.iter().map(Run::from_row);
    let runs = runs.collect::<sqlx::Result<Vec<Run>>>()?;
    let mut progress = progress(connection, &runs).await?;
    let tasks = runs.into_iter().map(|run| {
        let pages = progress.remove(&run.id).map(Progress::of);
        let progress = ProgressView::of(&run, pages);
        (run.task_id, Task { run, progress })
    });
    Ok(tasks.collect())
}

/// By run. Segments that stand alike are one row: thousands wait for their turn.
async fn progress(
    connection: &mut PgConnection,
    runs: &[Run],
) -> sqlx::Result<HashMap<i32, Vec<SegmentPages>>> {
    let ids: Vec<i32> = runs.iter().map(|run| run.id).collect();
    let rows: Vec<(i32, String, i32, Option<i32>, i64)> = sqlx::query_as(
        "SELECT execution_id, state, pages_done, pages_total, count(*) FROM sync_segments
         WHERE execution_id = ANY($1) GROUP BY execution_id, state, pages_done, pages_total",
    )
    .bind(ids)
    .fetch_all(connection)
    .await?;
    let mut found: HashMap<i32, Vec<SegmentPages>> = HashMap::new();
    for (id, state, done, total, count) in rows {
        let pages = SegmentPages {
            state: state.parse().unwrap_or(SegmentState::Pending),
            pages_done: done.unsigned_abs(),
            pages_total: total.map(i32::unsigned_abs),
        };
        let alike = std::iter::repeat_n(pages, usize::try_from(count).unwrap_or_default());
        found.entry(id).or_default().extend(alike);
    }
    Ok(found)
}
