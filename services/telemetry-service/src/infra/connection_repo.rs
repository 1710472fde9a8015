//! One connection for one verb, with one deadline for all of it. Postgres ends a statement after 5 s and says so; a
//! machine that is gone says nothing.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};
use tokio::time::{Instant, timeout_at};

use crate::model::SourceError;

/// For the queue before the pool and the answer together.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);

/// A connection until its deadline.
pub(super) struct Connection {
    inner: PoolConnection<Postgres>,
    deadline: Instant,
}

impl Connection {
    pub(super) async fn of(pool: &PgPool) -> Result<Self, SourceError> {
        let deadline = Instant::now() + ANSWER_WITHIN;
        let Ok(inner) = timeout_at(deadline, pool.acquire()).await else {
            return Err(silent());
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
    ) -> Result<T, SourceError> {
        if let Ok(answer) = answer {
            return Ok(answer?);
        }
        self.inner.close_on_drop();
        Err(silent())
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

/// What a failure of the driver means to whoever watches.
impl From<sqlx::Error> for SourceError {
    fn from(error: sqlx::Error) -> Self {
        let told = error.to_string();
        if service_kit::pg::is_unavailable(&error) {
            Self::Unavailable(told)
        } else {
            Self::Refused(told)
        }
    }
}

/// No answer within the time.
pub(super) fn silent() -> SourceError {
    SourceError::Unavailable("the database gives no answer".to_owned())
}
