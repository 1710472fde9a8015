//! How the source is doing, told to whoever shows it.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use super::postgres_repo::{Lent, RepoError, bounded};

/// The row of the portal in `sync_source`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SourceRow {
    /// `ok`, `degraded` or `down`.
    pub state: &'static str,
    /// Since when.
    pub since: DateTime<Utc>,
    /// `closed`, `open` or `half_open`.
    pub breaker: &'static str,
    /// Requests a second at most.
    pub pace_per_second: f64,
}

/// The source. Clones share the pool.
#[derive(Clone)]
pub struct SourceRepo {
    pool: PgPool,
}

impl SourceRepo {
    /// The source in this database.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Tells it. Of several processes the last one is heard, every few seconds anew.
    ///
    /// # Errors
    /// Of the database.
    pub async fn tell(&self, row: SourceRow) -> Result<(), RepoError> {
        bounded(async {
            let mut lent = Lent::from(&self.pool).await?;
            sqlx::query(
                "INSERT INTO sync_source (name, state, since, breaker, pace_per_second)
                 VALUES ('pncp', $1, $2, $3, $4)
                 ON CONFLICT (name) DO UPDATE SET
                    state = excluded.state, since = excluded.since, breaker = excluded.breaker,
                    pace_per_second = excluded.pace_per_second, updated_at = now()",
            )
            .bind(row.state)
            .bind(row.since)
            .bind(row.breaker)
            .bind(row.pace_per_second)
            .execute(&mut *lent)
            .await?;
            lent.back();
            Ok(())
        })
        .await
    }
}
