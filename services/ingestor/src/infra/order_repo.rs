//! Whether a run has seen a list out of order. It is an event of the run, so that whoever goes on with it after a
//! rescue or a restart trusts no list either.

use serde_json::json;
use sqlx::Connection as _;

use super::execution_repo::{ExecutionRepo, Lease, event_in};
use super::postgres_repo::{Lent, RepoError, bounded};
use super::segment_repo::hold;

/// The kind of the event.
const DISORDER: &str = "disorder";

impl ExecutionRepo {
    /// Writes down that a list was out of order.
    ///
    /// # Errors
    /// [`RepoError::LeaseLost`], or of the database.
    pub async fn note_disorder(&self, lease: &Lease, worker: &str) -> Result<(), RepoError> {
        bounded(async {
            let mut lent = Lent::from(&self.pool).await?;
            let mut tx = lent.begin().await?;
            hold(&mut tx, lease).await?;
            event_in(&mut tx, lease.execution_id, worker, DISORDER, json!({})).await?;
            tx.commit().await?;
            lent.back();
            Ok(())
        })
        .await
    }

    /// Whether that was ever written down of this run.
    ///
    /// # Errors
    /// Of the database.
    pub async fn had_disorder(&self, execution_id: i32) -> Result<bool, RepoError> {
        bounded(async {
            let mut lent = Lent::from(&self.pool).await?;
            let seen =
                "SELECT EXISTS (SELECT FROM sync_events WHERE execution_id = $1 AND kind = $2)";
            let seen = sqlx::query_scalar(seen)
                .bind(execution_id)
                .bind(DISORDER)
                .fetch_one(&mut *lent)
                .await?;
            lent.back();
            Ok(seen)
        })
        .await
    }
}
