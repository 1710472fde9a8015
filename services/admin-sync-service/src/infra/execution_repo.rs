//! What operators change: runs are enqueued and cancelled here, each in one transaction.

use farol_core::sync::{Mode, Move, State, Window, Zone, ring_body};
use sqlx::postgres::PgPool;
use sqlx::{Acquire as _, AssertSqlSafe, FromRow as _, PgConnection, Row as _};
use tokio::time::timeout_at;
use uuid::Uuid;

use super::connection_repo::{Connection, RepoError};
use super::idempotency_repo::{led_to, take};
use super::run_repo::{PENDING, dispatch};
use crate::sync::{Asked, CancelOutcome, Dispatch, EnqueueOutcome, NewRun, Overlap, Ticket};

/// Changes runs. Clones share the pool.
#[derive(Clone, Debug)]
pub struct ExecutionRepo {
    pool: PgPool,
    zone: Zone,
    queue: String,
}

/// What a new run is to be.
struct Planned {
    mode: Mode,
    window: Option<Window>,
    parent: Option<i32>,
    attempt: i32,
}

impl ExecutionRepo {
    /// Over this pool; messages go to `queue`, with times in `zone`.
    pub fn new(pool: PgPool, queue: String, zone: Zone) -> Self {
        Self { pool, zone, queue }
    }

    /// Writes a run, its message to the ingestor and who asked for it, or nothing at all.
    ///
    /// # Errors
    /// Of the database: then nothing is written, unless it vanished while it committed.
    pub async fn enqueue(&self, run: &NewRun) -> Result<EnqueueOutcome, RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let deadline = connection.deadline();
        let answer = timeout_at(deadline, self.enqueue_on(&mut connection, run)).await;
        connection.settle(answer)
    }

    /// What the answer about a run was made from.
    ///
    /// # Errors
    /// Of the database.
    pub async fn ticket(&self, id: i32) -> Result<Option<(Ticket, Dispatch)>, RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let deadline = connection.deadline();
        let row = format!(
            "SELECT id, task_id, mode, {PENDING}, 0::bigint AS outbox_id FROM sync_executions WHERE id = $1"
        );
        let row = sqlx::query(AssertSqlSafe(row)).bind(id);
        let answer = timeout_at(deadline, row.fetch_optional(&mut *connection)).await;
        let row = connection.settle(answer)?;
        let told = row.map(|row| Ok::<_, sqlx::Error>((Ticket::from_row(&row)?, dispatch(&row)?)));
        Ok(told.transpose()?)
    }

    /// Ends a run that waits at once; one that runs is told to end.
    ///
    /// # Errors
    /// Of the database.
    pub async fn cancel(&self, id: i32, actor: &str) -> Result<CancelOutcome, RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let answer = timeout_at(connection.deadline(), cancel(&mut connection, id, actor)).await;
        connection.settle(answer)
    }

    /// The live run for which a new one of this window would be refused.
    ///
    /// # Errors
    /// Of the database.
    pub async fn in_the_way(
        &self,
        mode: Mode,
        window: Option<Window>,
    ) -> Result<Option<i32>, RepoError> {
        let planned = Planned {
            mode,
            window,
            parent: None,
            attempt: 1,
        };
        let mut connection = Connection::of(&self.pool).await?;
        let answer = timeout_at(connection.deadline(), blocking(&mut connection, &planned)).await;
        connection.settle(answer)
    }

    async fn enqueue_on(
        &self,
        connection: &mut PgConnection,
        run: &NewRun,
    ) -> sqlx::Result<EnqueueOutcome> {
        let mut transaction = connection.begin().await?;
        if let Some(once) = &run.once
            && let Some(known) = take(&mut transaction, once).await?
        {
            return Ok(EnqueueOutcome::Known(known));
        }
        let planned = match run.asked {
            Asked::Fresh { mode, window } => Planned {
                mode,
                window,
                parent: None,
                attempt: 1,
            },
            Asked::Again { parent } => match repeated(&mut transaction, parent).await? {
                Ok(planned) => planned,
                Err(refused) => return Ok(refused),
            },
        };
        lock(&mut transaction, planned.mode).await?;
        if run.overlap == Overlap::Reject
            && let Some(by) = blocking(&mut transaction, &planned).await?
        {
            return Ok(EnqueueOutcome::Blocked { by });
        }
        let ticket = self
            .insert(&mut transaction, &planned, &run.requested_by)
            .await?;
        if let Some(once) = &run.once {
            led_to(&mut transaction, once, ticket.execution_id).await?;
        }
        transaction.commit().await?;
        Ok(EnqueueOutcome::New(ticket))
    }

    async fn insert(
        &self,
        transaction: &mut PgConnection,
        run: &Planned,
        actor: &str,
    ) -> sqlx::Result<Ticket> {
        let row = sqlx::query_as(
            "WITH run AS (
                 INSERT INTO sync_executions
                        (mode, window_start, window_end, status, state, parent_id, attempt, requested_by)
                 VALUES ($1, $2, $3, 'running', 'queued', $4, $5, $6) RETURNING id, task_id),
             told AS (
                 INSERT INTO sync_events (execution_id, actor, kind, detail)
                 SELECT id, $6, CASE WHEN $4::int IS NULL THEN 'requested' ELSE 'retry_requested' END,
                        CASE WHEN $4::int IS NULL THEN '{}' ELSE jsonb_build_object('parent_id', $4::int) END
                   FROM run)
             SELECT id, task_id FROM run",
        );
        let row = row
            .bind(run.mode.as_str())
            .bind(run.window.map(|it| it.start()));
        let row = row
            .bind(run.window.map(|it| it.end()))
            .bind(run.parent)
            .bind(run.attempt)
            .bind(actor);
        let (execution_id, task_id): (i32, Uuid) = row.fetch_one(&mut *transaction).await?;
        let letter =
            "INSERT INTO outbox (execution_id, queue, body) VALUES ($1, $2, $3) RETURNING id";
        let body = ring_body(execution_id, run.mode, run.window.as_ref(), self.zone);
        let letter = sqlx::query_scalar(letter)
            .bind(execution_id)
            .bind(&self.queue)
            .bind(body);
        Ok(Ticket {
            execution_id,
            task_id,
            mode: run.mode.as_str().to_owned(),
            outbox_id: letter.fetch_one(transaction).await?,
        })
    }
}

/// Whoever enqueues or claims a run of this mode looks at the live ones under this lock, so that two cannot each
/// find the way free.
async fn lock(transaction: &mut PgConnection, mode: Mode) -> sqlx::Result<()> {
    let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(mode.lock_key());
    lock.execute(transaction).await.map(drop)
}

/// The oldest live run whose window overlaps. Any two updates do: their windows are not known yet.
async fn blocking(connection: &mut PgConnection, run: &Planned) -> sqlx::Result<Option<i32>> {
    sqlx::query_scalar(
        "SELECT id FROM sync_executions
          WHERE mode = $1 AND state IN ('queued', 'running', 'retry_wait', 'cancelling')
            AND (mode = 'update' OR (window_start < $3 AND window_end > $2))
          ORDER BY id LIMIT 1",
    )
    .bind(run.mode.as_str())
    .bind(run.window.map(|it| it.start()))
    .bind(run.window.map(|it| it.end()))
    .fetch_optional(connection)
    .await
}

/// The run that repeats `parent`, or why it may not be repeated.
async fn repeated(
    transaction: &mut PgConnection,
    parent: i32,
) -> sqlx::Result<Result<Planned, EnqueueOutcome>> {
    let row =
        "SELECT mode, state, window_start, window_end, attempt FROM sync_executions WHERE id = $1";
    let row = sqlx::query(row)
        .bind(parent)
        .fetch_optional(transaction)
        .await?;
    let Some(row) = row else {
        return Ok(Err(EnqueueOutcome::NoSuchRun));
    };
    let state = state(row.try_get("state")?)?;
    if !state.is_terminal() || state == State::Success {
        return Ok(Err(EnqueueOutcome::Refused(state)));
    }
    let mode: String = row.try_get("mode")?;
    let window = (row.try_get("window_start")?, row.try_get("window_end")?);
    let window = match window {
        (Some(start), Some(end)) => Some(Window::new(start, end).map_err(undecodable)?),
        _ => None,
    };
    Ok(Ok(Planned {
        mode: mode.parse().map_err(undecodable)?,
        window,
        parent: Some(parent),
        attempt: row.try_get::<i32, _>("attempt")?.saturating_add(1),
    }))
}

async fn cancel(
    connection: &mut PgConnection,
    id: i32,
    actor: &str,
) -> sqlx::Result<CancelOutcome> {
    let waiting = Move::Cancelled
        .from_states()
        .iter()
        .filter(|state| !state.is_worked_on());
    let waiting: Vec<&str> = waiting.map(|state| state.as_str()).collect();
    let moved: Option<String> = sqlx::query_scalar(
        "WITH moved AS (
             UPDATE sync_executions SET
                    state = CASE WHEN state = ANY($3) THEN 'cancelled' ELSE 'cancelling' END,
                    cancel_requested_at = now(), next_attempt_at = NULL, updated_at = now(),
                    finished_at = CASE WHEN state = ANY($3) THEN now() END,
                    duration_seconds = CASE WHEN state = ANY($3)
                        THEN COALESCE(extract(epoch FROM now() - started_at), 0) ELSE duration_seconds END,
                    error_message = CASE WHEN state = ANY($3) THEN 'cancelled by ' || $2 ELSE error_message END
              WHERE id = $1 AND (state = ANY($3) OR state = 'running') RETURNING id, state),
         told AS (
             INSERT INTO sync_events (execution_id, actor, kind)
             SELECT id, $2, CASE state WHEN 'cancelled' THEN 'cancelled' ELSE 'cancel_requested' END FROM moved)
         SELECT state FROM moved",
    )
    .bind(id)
    .bind(actor)
    .bind(&waiting)
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(moved) = moved {
        return Ok(CancelOutcome::Moved(state(&moved)?));
    }
    let found = sqlx::query_scalar("SELECT state FROM sync_executions WHERE id = $1");
    let found: Option<String> = found.bind(id).fetch_optional(connection).await?;
    Ok(match found.as_deref().map(state).transpose()? {
        None => CancelOutcome::NoSuchRun,
        Some(State::Cancelling) => CancelOutcome::Moved(State::Cancelling),
        Some(state) => CancelOutcome::Refused(state),
    })
}

fn state(word: &str) -> sqlx::Result<State> {
    word.parse().map_err(undecodable)
}

fn undecodable(error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(error))
}

impl sqlx::FromRow<'_, sqlx::postgres::PgRow> for Ticket {
    fn from_row(row: &sqlx::postgres::PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            execution_id: row.try_get("id")?,
            task_id: row.try_get("task_id")?,
            mode: row.try_get("mode")?,
            outbox_id: row.try_get("outbox_id")?,
        })
    }
}
