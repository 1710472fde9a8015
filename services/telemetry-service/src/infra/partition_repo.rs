//! Sees to it that the table of readings has a part for each of the days to come.

use sqlx::postgres::PgPool;
use tokio::time::timeout_at;

use super::connection_repo::Connection;
use crate::model::SourceError;

/// Calls what migration 0011 made. Clones share the pool.
#[derive(Clone, Debug)]
pub struct PartitionRepo {
    pool: PgPool,
}

impl PartitionRepo {
    /// Over this pool, whose user is a member of `farol_telemetry`.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Keeps yesterday, today and the next `days` (0 to 60) days ready; how many parts that took. Without a part a
    /// reading goes to the default one: a failure here loses nothing, and the next call makes up for it.
    ///
    /// # Errors
    /// Of the database.
    pub async fn ensure(&self, days: i32) -> Result<i32, SourceError> {
        let mut connection = Connection::of(&self.pool).await?;
        let deadline = connection.deadline();
        let ensure = sqlx::query_scalar("SELECT farol_ensure_partitions($1)").bind(days);
        let answer = timeout_at(deadline, ensure.fetch_one(&mut *connection)).await;
        connection.settle(answer)
    }
}
