//! How a run becomes ours: one conditional update under the lock of its mode. What is done with it then is
//! `execution_repo`'s.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use farol_core::sync::{Interval, Mode, Move, State, Window, first_gap};
use serde_json::json;
use sqlx::postgres::PgRow;
use sqlx::{Connection as _, PgConnection, Row as _};
use uuid::Uuid;

use super::execution_repo::{ExecutionRepo, Lease, Leaving, event_in, leave_in, state_of};
use super::postgres_repo::{Lent, RepoError, bounded};

/// More candidates than these are not tried in a row: whoever frees the next slot goes on.
const MOST_CANDIDATES: usize = 100;

/// A run that we have just taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// Proves it.
    pub lease: Lease,
    /// What streams and status pages call it.
    pub task_id: Uuid,
    /// What it is for.
    pub mode: Mode,
    /// What it reads. Of an update: fixed by its first claim, the same at every later one.
    pub window: Window,
    /// The run that it is a retry of.
    pub parent_id: Option<i32>,
    /// From 1; a retry's is its parent's and one.
    pub attempt: i32,
    /// When it was first claimed.
    pub started_at: DateTime<Utc>,
    /// How long it had waited; `None` where it goes on after a rescue or a restart.
    pub waited: Option<Duration>,
}

/// What came of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is ours.
    Taken(Claimed),
    /// It is in another state than `queued`: taken, over, or waiting for another try.
    NotQueued(State),
    /// A run of the same mode with an overlapping window is being worked on. It stays queued.
    Blocked {
        /// That run.
        by: i32,
    },
    /// There is no such row.
    Unknown,
}

/// What an update reads: docs/API.md, "Ingesting a window".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateReach {
    /// At least so far back.
    pub rolling: TimeDelta,
    /// At most so far back.
    pub catch_up: TimeDelta,
    /// What must be proven of each of these, to be proven.
    pub modalidades: Vec<i16>,
}

impl ExecutionRepo {
    /// Takes a queued run for `worker`, unless it would overlap with one under way. One that asks for nothing that
    /// could be read (an earlier program's, without a window) ends as `error` instead.
    ///
    /// # Errors
    /// Of the database; the run is then queued, or ours without our knowing until its lease is over.
    pub async fn claim(
        &self,
        execution_id: i32,
        worker: &str,
        lasts: Duration,
    ) -> Result<Claim, RepoError> {
        bounded(async {
            let mut lent = Lent::from(&self.pool).await?;
            let mut tx = lent.begin().await?;
            let claim = self.claim_in(&mut tx, execution_id, worker, lasts).await?;
            tx.commit().await?;
            lent.back();
            Ok(claim)
        })
        .await
    }

    /// Takes the oldest run of this mode that is queued and overlaps with none under way.
    ///
    /// # Errors
    /// As for [`ExecutionRepo::claim`].
    pub async fn claim_next(
        &self,
        mode: Mode,
        worker: &str,
        lasts: Duration,
    ) -> Result<Option<Claimed>, RepoError> {
        for _ in 0..MOST_CANDIDATES {
            let Some(execution_id) = self.next_claimable(mode).await? else {
                return Ok(None);
            };
            // Anything else: somebody was faster, or it could never be read. Either way it is no candidate any more.
            if let Claim::Taken(claimed) = self.claim(execution_id, worker, lasts).await? {
                return Ok(Some(claimed));
            }
        }
        Ok(None)
    }

    async fn next_claimable(&self, mode: Mode) -> Result<Option<i32>, RepoError> {
        bounded(async {
            let mut lent = Lent::from(&self.pool).await?;
            let found = sqlx::query_scalar(
                "SELECT id FROM sync_executions q
                  WHERE mode = $1 AND state = 'queued' AND NOT EXISTS (
                        SELECT FROM sync_executions r
                         WHERE r.mode = q.mode AND r.state IN ('running', 'cancelling')
                           AND (r.mode = 'update'
                                OR (r.window_start < q.window_end AND q.window_start < r.window_end)))
                  ORDER BY id LIMIT 1",
            )
            .bind(mode.as_str())
            .fetch_optional(&mut *lent)
            .await?;
            lent.back();
            Ok(found)
        })
        .await
    }

    async fn claim_in(
        &self,
        tx: &mut PgConnection,
        execution_id: i32,
        worker: &str,
        lasts: Duration,
    ) -> Result<Claim, RepoError> {
        let Some(mode) = mode_of(tx, execution_id).await? else {
            return Ok(Claim::Unknown);
        };
        // Before the row is looked at: whoever held the lock has committed what it did.
        let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(mode.lock_key());
        lock.execute(&mut *tx).await?;
        let (state, known) = queued_row(tx, execution_id).await?;
        if state != State::Queued {
            return Ok(Claim::NotQueued(state));
        }
        let window = match (mode, known) {
            (_, Some(known)) => known,
            (Mode::Update, None) => self.unproven(tx).await?,
            (Mode::Backfill, None) => (None, None),
        };
        let window = window
            .0
            .zip(window.1)
            .and_then(|(from, to)| Window::new(from, to).ok());
        let Some(window) = window else {
            refuse(tx, execution_id, worker, lasts).await?;
            return Ok(Claim::NotQueued(State::Error));
        };
        if let Some(by) = blocking(tx, execution_id, mode, &window).await? {
            return Ok(Claim::Blocked { by });
        }
        take(tx, execution_id, worker, lasts, Some(&window))
            .await?
            .map_or(Ok(Claim::NotQueued(state)), |row| {
                claimed(&row, mode, window).map(Claim::Taken)
            })
    }

    /// From the first instant that is not proven to now.
    async fn unproven(&self, tx: &mut PgConnection) -> Result<Ends, RepoError> {
        // Not now(): that is when the transaction began, and we may have waited for the lock.
        let now: DateTime<Utc> = sqlx::query_scalar("SELECT clock_timestamp()")
            .fetch_one(&mut *tx)
            .await?;
        let horizon = now - self.reach.catch_up;
        let proven = proven_updates(tx, &self.reach.modalidades, horizon).await?;
        let gap = first_gap(&proven, horizon, now).unwrap_or(now);
        Ok((Some(gap.min(now - self.reach.rolling)), Some(now)))
    }
}

/// The ends of a window, as the row has them.
type Ends = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

async fn mode_of(tx: &mut PgConnection, execution_id: i32) -> Result<Option<Mode>, RepoError> {
    let mode: Option<String> = sqlx::query_scalar("SELECT mode FROM sync_executions WHERE id = $1")
        .bind(execution_id)
        .fetch_optional(tx)
        .await?;
    let unreadable = |_| RepoError::Unreadable(format!("the mode of execution {execution_id}"));
    mode.map(|word| word.parse().map_err(unreadable))
        .transpose()
}

/// State and window of a row that is there; locked until the transaction ends.
async fn queued_row(
    tx: &mut PgConnection,
    execution_id: i32,
) -> Result<(State, Option<Ends>), RepoError> {
    let row = sqlx::query(
        "SELECT state, window_start, window_end FROM sync_executions WHERE id = $1 FOR UPDATE",
    )
    .bind(execution_id)
    .fetch_one(tx)
    .await?;
    let ends: Ends = (row.try_get("window_start")?, row.try_get("window_end")?);
    let known = ends.0.is_some() || ends.1.is_some();
    Ok((state_of(row.try_get("state")?)?, known.then_some(ends)))
}

/// What was proven by updates, for each modalidade: all that reaches into the horizon, and the newest before it.
async fn proven_updates(
    tx: &mut PgConnection,
    modalidades: &[i16],
    horizon: DateTime<Utc>,
) -> Result<Vec<Vec<Interval>>, RepoError> {
    let rows = sqlx::query(
        "SELECT modalidade, cut_from, proven_until FROM sync_segments
          WHERE endpoint = 'atualizacao' AND state = 'complete' AND modalidade = ANY($1) AND proven_until > $2
         UNION ALL
         SELECT m, last.cut_from, last.proven_until FROM unnest($1::smallint[]) m CROSS JOIN LATERAL (
                SELECT cut_from, proven_until FROM sync_segments
                 WHERE endpoint = 'atualizacao' AND state = 'complete' AND modalidade = m AND proven_until <= $2
                 ORDER BY proven_until DESC LIMIT 1) last",
    )
    .bind(modalidades)
    .bind(horizon)
    .fetch_all(tx)
    .await?;
    let mut proven = vec![Vec::new(); modalidades.len()];
    for row in rows {
        let modalidade: i16 = row.try_get(0)?;
        let interval = Interval {
            from: row.try_get(1)?,
            to: row.try_get(2)?,
        };
        let sets = modalidades.iter().zip(&mut proven);
        sets.filter(|(id, _)| **id == modalidade)
            .for_each(|(_, set)| set.push(interval));
    }
    Ok(proven)
}

async fn blocking(
    tx: &mut PgConnection,
    execution_id: i32,
    mode: Mode,
    window: &Window,
) -> Result<Option<i32>, RepoError> {
    let by = sqlx::query_scalar(
        "SELECT id FROM sync_executions
          WHERE mode = $1 AND id <> $2 AND state IN ('running', 'cancelling')
            AND (mode = 'update' OR (window_start < $4 AND window_end > $3))
          ORDER BY id LIMIT 1",
    )
    .bind(mode.as_str())
    .bind(execution_id)
    .bind(window.start())
    .bind(window.end());
    Ok(by.fetch_optional(tx).await?)
}

async fn take(
    tx: &mut PgConnection,
    execution_id: i32,
    worker: &str,
    lasts: Duration,
    window: Option<&Window>,
) -> Result<Option<PgRow>, RepoError> {
    let row = sqlx::query(
        "UPDATE sync_executions
            SET state = 'running', lease_token = gen_random_uuid(), worker = $2,
                lease_until = clock_timestamp() + make_interval(secs => $3),
                window_start = COALESCE($4, window_start), window_end = COALESCE($5, window_end),
                started_at = COALESCE(started_at, statement_timestamp()),
                next_attempt_at = NULL, updated_at = statement_timestamp()
          WHERE id = $1 AND state = 'queued'
        RETURNING id, lease_token, task_id, parent_id, attempt, started_at,
                  CASE WHEN updated_at = started_at
                       THEN extract(epoch FROM started_at - created_at)::double precision END AS waited",
    )
    .bind(execution_id)
    .bind(worker)
    .bind(lasts.as_secs_f64())
    .bind(window.map(Window::start))
    .bind(window.map(Window::end))
    .fetch_optional(&mut *tx)
    .await?;
    event_in(tx, execution_id, worker, Move::Claim.as_str(), json!({})).await?;
    Ok(row)
}

/// A queued run that can never be read: taken and ended in one transaction, so that it blocks nobody.
async fn refuse(
    tx: &mut PgConnection,
    execution_id: i32,
    worker: &str,
    lasts: Duration,
) -> Result<(), RepoError> {
    let Some(row) = take(tx, execution_id, worker, lasts, None).await? else {
        return Ok(());
    };
    let lease = Lease {
        execution_id,
        token: row.try_get("lease_token")?,
    };
    let leaving = Leaving {
        error_message: Some("it has no window that could be read"),
        ..Leaving::by(Move::Fail, worker)
    };
    leave_in(tx, &lease, &leaving).await
}

fn claimed(row: &PgRow, mode: Mode, window: Window) -> Result<Claimed, RepoError> {
    let waited: Option<f64> = row.try_get("waited")?;
    let seconds = |seconds| Duration::try_from_secs_f64(seconds).ok();
    Ok(Claimed {
        lease: Lease {
            execution_id: row.try_get("id")?,
            token: row.try_get("lease_token")?,
        },
        task_id: row.try_get("task_id")?,
        mode,
        window,
        parent_id: row.try_get("parent_id")?,
        attempt: row.try_get("attempt")?,
        started_at: row.try_get("started_at")?,
        waited: waited.and_then(seconds),
    })
}
