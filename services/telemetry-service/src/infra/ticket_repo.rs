//! Tickets for `WebSockets`, by their hashes: put in once, taken out once, by whichever replica.

use chrono::TimeDelta;
use serde_json::Value;
use sqlx::postgres::PgPool;
use tokio::time::timeout_at;

use super::connection_repo::Connection;
use crate::model::SourceError;

/// Where tickets are. Clones share the pool.
#[derive(Clone, Debug)]
pub struct TicketRepo {
    pool: PgPool,
}

/// Those that have expired go first: the table never holds more than was asked for within a ticket's life. Which that is
/// is said by one clock, the database's: whichever instance gives a ticket, and whichever takes it.
const PUT: &str = "
    WITH gone AS (DELETE FROM ws_ticket WHERE expires_at <= now())
    INSERT INTO ws_ticket (ticket_hash, claims, expires_at) VALUES ($1, $2, now() + $3)";

/// Of two who come with one ticket, the second finds it deleted.
const TAKE: &str = "
    DELETE FROM ws_ticket WHERE ticket_hash = $1
    RETURNING CASE WHEN expires_at > now() THEN claims END";

impl TicketRepo {
    /// Over this pool, whose user is a member of `farol_telemetry`.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Keeps what a ticket stands for, for so long.
    ///
    /// # Errors
    /// Of the database.
    pub async fn put(
        &self,
        hash: &[u8; 32],
        claims: &Value,
        life: TimeDelta,
    ) -> Result<(), SourceError> {
        let mut connection = Connection::of(&self.pool).await?;
        let deadline = connection.deadline();
        let put = sqlx::query(PUT).bind(&hash[..]).bind(claims).bind(life);
        let answer = timeout_at(deadline, put.execute(&mut *connection)).await;
        connection.settle(answer).map(drop)
    }

    /// What a ticket stands for, the first time that it is asked and only until it expires.
    ///
    /// # Errors
    /// Of the database: the ticket may be used up or not.
    pub async fn take(&self, hash: &[u8; 32]) -> Result<Option<Value>, SourceError> {
        let mut connection = Connection::of(&self.pool).await?;
        let deadline = connection.deadline();
        let take = sqlx::query_scalar::<_, Option<Value>>(TAKE).bind(&hash[..]);
        let answer = timeout_at(deadline, take.fetch_optional(&mut *connection)).await;
        connection.settle(answer).map(Option::flatten)
    }
}
