//! The ledger of some days, summed up: what is proven comes as islands, however many segments made them.

use chrono::{DateTime, NaiveDate, Utc};
use farol_core::sync::Interval;
use sqlx::PgConnection;
use sqlx::postgres::PgPool;
use tokio::time::timeout_at;

use super::connection_repo::{Connection, RepoError};
use crate::sync::{Ledger, Look};

/// $1, $2 = first and last day. A segment begins an island where none before it reaches. Only those of items have more
/// days than their first.
const PROVEN: &str = "
    WITH proven AS (
        SELECT modalidade, cut_from, proven_until,
               max(proven_until) OVER (PARTITION BY modalidade ORDER BY cut_from, proven_until
                                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached
          FROM sync_segments
         WHERE state = 'complete' AND endpoint <> 'itens'
           AND day_from BETWEEN $1 - 1 AND $2 + 1),
    islands AS (
        SELECT modalidade, cut_from, proven_until,
               count(*) FILTER (WHERE reached IS NULL OR reached < cut_from)
                   OVER (PARTITION BY modalidade ORDER BY cut_from, proven_until) AS island
          FROM proven)
    SELECT modalidade, min(cut_from), max(proven_until) FROM islands GROUP BY modalidade, island";

/// $1, $2 = first and last day.
const NEWEST: &str = "
    SELECT DISTINCT ON (modalidade, day_from) modalidade, day_from, state = 'suspected_outage', expected, got
      FROM sync_segments
     WHERE endpoint <> 'itens' AND state <> 'pending' AND day_from BETWEEN $1 AND $2
     ORDER BY modalidade, day_from, id DESC";

/// Reads the ledger. Clones share the pool.
#[derive(Clone, Debug)]
pub struct CoverageRepo {
    pool: PgPool,
}

impl CoverageRepo {
    /// Over this pool.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// What is known of the days from `from` to `to`, both included.
    ///
    /// # Errors
    /// Of the database.
    pub async fn read(&self, from: NaiveDate, to: NaiveDate) -> Result<Ledger, RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let answer = timeout_at(connection.deadline(), read(&mut connection, from, to)).await;
        connection.settle(answer)
    }
}

async fn read(
    connection: &mut PgConnection,
    from: NaiveDate,
    to: NaiveDate,
) -> sqlx::Result<Ledger> {
    let mut ledger = Ledger::default();
    let proven = sqlx::query_as(PROVEN).bind(from).bind(to);
    let proven: Vec<(i16, DateTime<Utc>, DateTime<Utc>)> =
        proven.fetch_all(&mut *connection).await?;
    for (modalidade, from, to) in proven {
        ledger
            .proven
            .entry(modalidade)
            .or_default()
            .push(Interval { from, to });
    }
    let newest = sqlx::query_as(NEWEST).bind(from).bind(to);
    let newest: Vec<(i16, NaiveDate, bool, Option<i32>, i32)> =
        newest.fetch_all(connection).await?;
    for (modalidade, day, suspected_outage, expected, got) in newest {
        let look = Look {
            suspected_outage,
            expected,
            got,
        };
        ledger.newest.insert((modalidade, day), look);
    }
    Ok(ledger)
}
