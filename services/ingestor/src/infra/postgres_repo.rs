//! How every repo of this service borrows a connection, and what can go wrong then. No query of any of them.

use std::io;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};
use tokio::time::timeout;

/// Postgres ends a statement after 5 s and says so; a machine that is gone says nothing. Well within a lease.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Why a verb was not done. Nothing of it is then in the database, except after a commit that was not answered.
#[derive(Debug, thiserror::Error)]
pub enum RepoError {
    /// The run is not ours any more, or over: nothing that we write counts.
    #[error("the lease is lost")]
    LeaseLost,
    /// The database is away, and may come back.
    #[error("the database is not available: {0}")]
    Away(#[source] sqlx::Error),
    /// It answered with something else than what was asked for.
    #[error("the database refused a query: {0}")]
    Refused(#[source] sqlx::Error),
    /// A row holds what none of our writers puts there.
    #[error("a row cannot be read: {0}")]
    Unreadable(String),
}

impl RepoError {
    /// Whether the same verb may be done later.
    pub const fn is_away(&self) -> bool {
        matches!(self, Self::Away(_))
    }
}

/// SQLSTATEs of transactions that lost a race: done again, they succeed.
const RACES: [&str; 2] = ["40001", "40P01"];

impl From<sqlx::Error> for RepoError {
    fn from(error: sqlx::Error) -> Self {
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        let raced = code.is_some_and(|code| RACES.contains(&&*code));
        if raced || service_kit::pg::is_unavailable(&error) {
            Self::Away(error)
        } else {
            Self::Refused(error)
        }
    }
}

/// A connection that goes back to the pool only from [`Lent::back`]. One that is dropped, because the answer did not
/// come in time or was an error, is closed: the pool would wait for what is still under way on it.
pub(super) struct Lent {
    connection: PoolConnection<Postgres>,
    done: bool,
}

impl Lent {
    pub(super) async fn from(pool: &PgPool) -> Result<Self, RepoError> {
        let connection = pool.acquire().await?;
        let done = false;
        Ok(Self { connection, done })
    }

    pub(super) fn back(mut self) {
        self.done = true;
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.done {
            self.connection.close_on_drop();
        }
    }
}

impl Deref for Lent {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

/// `work`, given up where the database does not answer. Boxed at once: what a query needs on its way is some
/// kilobytes, which every future above would carry.
pub(super) fn bounded<T>(
    work: impl Future<Output = Result<T, RepoError>>,
) -> impl Future<Output = Result<T, RepoError>> {
    let work = Box::pin(work);
    let silent = || RepoError::Away(sqlx::Error::Io(io::ErrorKind::TimedOut.into()));
    async move { timeout(ANSWER_WITHIN, work).await.map_err(|_| silent())? }
}
