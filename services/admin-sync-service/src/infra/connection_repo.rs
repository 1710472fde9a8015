//! One connection for one verb, with one deadline for all of it. Postgres ends a statement after 5 s and says so; a
//! machine that is gone says nothing.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};
use tokio::time::{Instant, timeout_at};

/// For the queue before the pool and the answer together.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(8);

/// The database cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum RepoError {
    /// It is away, and may come back.
    #[error("the database is not available: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// It answered with something else than rows.
    #[error("the database refused a query: {0}")]
    Refused(#[source] sqlx::Error),
}

impl From<sqlx::Error> for RepoError {
    fn from(error: sqlx::Error) -> Self {
        if service_kit::pg::is_unavailable(&error) {
            Self::Unavailable(error)
        } else {
            Self::Refused(error)
        }
    }
}

/// A connection until its deadline.
pub(super) struct Connection {
    inner: PoolConnection<Postgres>,
    deadline: Instant,
}

impl Connection {
    pub(super) async fn of(pool: &PgPool) -> Result<Self, RepoError> {
        let deadline = Instant::now() + ANSWER_WITHIN;
        let Ok(inner) = timeout_at(deadline, pool.acquire()).await else {
            return Err(RepoError::Unavailable(sqlx::Error::PoolTimedOut));
        };
        Ok(Self {
            inner: inner?,
            deadline,
        })
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Gives the connection back, or ends it where its answer never came: the pool would wait for that one.
    pub(super) fn settle<T, E>(
        mut self,
        answer: Result<sqlx::Result<T>, E>,
    ) -> Result<T, RepoError> {
        if let Ok(answer) = answer {
            return Ok(answer?);
        }
        self.inner.close_on_drop();
        let silent = sqlx::Error::Io(std::io::ErrorKind::TimedOut.into());
        Err(RepoError::Unavailable(silent))
    }
}

impl Deref for Connection {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.inner
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.inner
    }
}
