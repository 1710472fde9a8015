//! Runs as their worker changes them: claimed, held, given back, ended. Every write but the claim's is conditional on
//! the lease; the clock is the database's.

use std::sync::Arc;
use std::time::Duration;

use farol_core::sync::{Move, State, Verdict};
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection, PgPool};
use uuid::Uuid;

pub use super::claim_repo::{Claim, Claimed, UpdateReach};
use super::postgres_repo::{Lent, RepoError, bounded};
pub use super::request_repo::Asked;

/// What proves that a run is ours: a claim gives it, and nobody else ever has the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The run.
    pub execution_id: i32,
    /// Its `lease_token`.
    pub token: Uuid,
}

/// What the row says to whoever has its lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// It is ours, and `running` or `cancelling`.
    Held(State),
    /// It is not ours any more.
    Lost,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending<'a> {
    /// `Succeed`, `EndIncomplete`, `Fail` or `Cancelled`.
    pub by: Move,
    /// Where it came to one.
    pub verdict: Option<Verdict>,
    /// For people; none where all is well.
    pub error_message: Option<&'a str>,
}

/// Runs. Clones share the pool.
#[derive(Clone)]
pub struct ExecutionRepo {
    pub(super) pool: PgPool,
    pub(super) reach: Arc<UpdateReach>,
}

impl ExecutionRepo {
    /// Runs in this database.
    pub fn new(pool: PgPool, reach: UpdateReach) -> Self {
        let reach = Arc::new(reach);
        Self { pool, reach }
    }

    /// Keeps the run for another `lasts`.
    ///
    /// # Errors
    /// Of the database; the lease then lasts as long as it did.
    pub async fn renew(&self, lease: &Lease, lasts: Duration) -> Result<Renewal, RepoError> {
        self.look(
            lease,
            "UPDATE sync_executions SET lease_until = clock_timestamp() + make_interval(secs => $3)
              WHERE id = $1 AND lease_token = $2 AND state IN ('running', 'cancelling') RETURNING state",
            lasts,
        )
        .await
    }

    /// Whether the run is ours, without keeping it any longer.
    ///
    /// # Errors
    /// Of the database.
    pub async fn held(&self, lease: &Lease) -> Result<Renewal, RepoError> {
        self.look(
            lease,
            "SELECT state FROM sync_executions
              WHERE id = $1 AND lease_token = $2 AND state IN ('running', 'cancelling') AND $3 >= 0",
            Duration::ZERO,
        )
        .await
    }

    async fn look(
        &self,
        lease: &Lease,
        query: &'static str,
        lasts: Duration,
    ) -> Result<Renewal, RepoError> {
        bounded(async {
            let mut lent = Lent::from(&self.pool).await?;
            let state: Option<String> = sqlx::query_scalar(query)
                .bind(lease.execution_id)
                .bind(lease.token)
                .bind(lasts.as_secs_f64())
                .fetch_optional(&mut *lent)
                .await?;
            lent.back();
            state.map_or(Ok(Renewal::Lost), |word| {
                Ok(Renewal::Held(state_of(&word)?))
            })
        })
        .await
    }

    /// Where the run is; `None` where there is none.
    ///
    /// # Errors
    /// Of the database.
    pub async fn state(&self, execution_id: i32) -> Result<Option<State>, RepoError> {
        bounded(async {
            let mut lent = Lent::from(&self.pool).await?;
            let state: Option<String> =
                sqlx::query_scalar("SELECT state FROM sync_executions WHERE id = $1")
                    .bind(execution_id)
                    .fetch_optional(&mut *lent)
                    .await?;
            lent.back();
            state.map(|word| state_of(&word)).transpose()
        })
        .await
    }

    /// Gives the run back, with all that is committed, for whoever claims it next.
    ///
    /// # Errors
    /// [`RepoError::LeaseLost`] where it is not `running` under this lease.
    pub async fn park(&self, lease: &Lease, worker: &str) -> Result<(), RepoError> {
        self.leave(lease, Leaving::by(Move::Park, worker)).await
    }

    /// Something of ours failed: the run is queued again after `wait`.
    ///
    /// # Errors
    /// [`RepoError::LeaseLost`] where it is not `running` under this lease.
    pub async fn fail_inside(
        &self,
        lease: &Lease,
        worker: &str,
        error: &str,
        wait: Duration,
    ) -> Result<(), RepoError> {
        let leaving = Leaving {
            error_message: Some(error),
            wait: Some(wait),
            ..Leaving::by(Move::FailInside, worker)
        };
        self.leave(lease, leaving).await
    }

    /// Ends the run.
    ///
    /// # Errors
    /// [`RepoError::LeaseLost`] where this lease is gone, or the state forbids that ending: one that somebody wants
    /// cancelled does not succeed.
    pub async fn finish(
        &self,
        lease: &Lease,
        worker: &str,
        ending: Ending<'_>,
    ) -> Result<(), RepoError> {
        let leaving = Leaving {
            verdict: ending.verdict,
            error_message: ending.error_message,
            ..Leaving::by(ending.by, worker)
        };
        self.leave(lease, leaving).await
    }

    async fn leave(&self, lease: &Lease, leaving: Leaving<'_>) -> Result<(), RepoError> {
        bounded(async {
            let mut lent = Lent::from(&self.pool).await?;
            let mut tx = lent.begin().await?;
            leave_in(&mut tx, lease, &leaving).await?;
            tx.commit().await?;
            lent.back();
            Ok(())
        })
        .await
    }

    /// How often something of ours failed in this run.
    ///
    /// # Errors
    /// Of the database.
    pub async fn failures(&self, execution_id: i32) -> Result<u32, RepoError> {
        bounded(async {
            let mut lent = Lent::from(&self.pool).await?;
            let failures: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM sync_events WHERE execution_id = $1 AND kind = $2",
            )
            .bind(execution_id)
            .bind(Move::FailInside.as_str())
            .fetch_one(&mut *lent)
            .await?;
            lent.back();
            Ok(u32::try_from(failures).unwrap_or(u32::MAX))
        })
        .await
    }
}

/// How a worker lets go of a run.
pub(super) struct Leaving<'a> {
    pub(super) by: Move,
    pub(super) worker: &'a str,
    pub(super) verdict: Option<Verdict>,
    pub(super) error_message: Option<&'a str>,
    pub(super) wait: Option<Duration>,
}

impl<'a> Leaving<'a> {
    pub(super) fn by(by: Move, worker: &'a str) -> Self {
        Self {
            by,
            worker,
            verdict: None,
            error_message: None,
            wait: None,
        }
    }
}

pub(super) async fn leave_in(
    tx: &mut PgConnection,
    lease: &Lease,
    leaving: &Leaving<'_>,
) -> Result<(), RepoError> {
    let from: Vec<&str> = leaving
        .by
        .from_states()
        .iter()
        .map(|state| state.as_str())
        .collect();
    let to = leaving.by.to();
    let left = sqlx::query(
        "UPDATE sync_executions
            SET state = $3, lease_token = NULL, lease_until = NULL,
                worker = CASE WHEN $6 THEN worker END,
                verdict = $4, error_message = $5,
                next_attempt_at = clock_timestamp() + make_interval(secs => $7),
                finished_at = CASE WHEN $6 THEN clock_timestamp() END,
                duration_seconds = CASE WHEN $6
                    THEN LEAST(extract(epoch FROM clock_timestamp() - started_at), 99999999)
                    ELSE duration_seconds END,
                updated_at = clock_timestamp()
          WHERE id = $1 AND lease_token = $2 AND state = ANY($8)",
    )
    .bind(lease.execution_id)
    .bind(lease.token)
    .bind(to.as_str())
    .bind(leaving.verdict.map(Verdict::as_str))
    .bind(leaving.error_message)
    .bind(to.is_terminal())
    .bind(leaving.wait.map(|wait| wait.as_secs_f64()))
    .bind(from)
    .execute(&mut *tx)
    .await?;
    if left.rows_affected() == 0 {
        return Err(RepoError::LeaseLost);
    }
    if to.is_terminal() {
        // What nobody will read on from.
        let pages = sqlx::query(
            "DELETE FROM sync_pages WHERE segment_id IN (SELECT id FROM sync_segments WHERE execution_id = $1)",
        );
        pages.bind(lease.execution_id).execute(&mut *tx).await?;
    }
    let detail =
        json!({"verdict": leaving.verdict.map(Verdict::as_str), "error": leaving.error_message});
    event_in(
        tx,
        lease.execution_id,
        leaving.worker,
        leaving.by.as_str(),
        detail,
    )
    .await
}

pub(super) async fn event_in(
    tx: &mut PgConnection,
    execution_id: i32,
    actor: &str,
    kind: &str,
    detail: Value,
) -> Result<(), RepoError> {
    let event =
        "INSERT INTO sync_events (execution_id, actor, kind, detail) VALUES ($1, $2, $3, $4)";
    let event = sqlx::query(event)
        .bind(execution_id)
        .bind(actor)
        .bind(kind)
        .bind(detail);
    event.execute(tx).await?;
    Ok(())
}

pub(super) fn state_of(word: &str) -> Result<State, RepoError> {
    word.parse()
        .map_err(|_| RepoError::Unreadable(format!("the state {word}")))
}
