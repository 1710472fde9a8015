//! One leader among replicas: whoever holds a session-level advisory lock. The lock is as alive as its connection,
//! which is therefore the leader's own and asked at every look.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection, PgPool};
use tokio::time::timeout;

use super::connection_repo::RepoError;

/// The seat of the leader.
const SEAT: i64 = 4_706_230_114_010;

/// A look that takes longer has failed: a connection may be dead without a word.
const PATIENCE: Duration = Duration::from_secs(3);

/// The wish to lead.
#[derive(Debug)]
pub struct LeaderRepo {
    pool: PgPool,
    session: Option<PgConnection>,
    leads: bool,
}

impl LeaderRepo {
    /// A candidate; `pool` says where the database is, its connections are left alone.
    pub fn new(pool: PgPool) -> Self {
        Self {
            pool,
            session: None,
            leads: false,
        }
    }

    /// Whether this process leads now: it keeps its seat, or tries to take it.
    ///
    /// # Errors
    /// Where the database cannot be asked; the seat is then given up.
    pub async fn leads(&mut self) -> Result<bool, RepoError> {
        let asked = timeout(PATIENCE, self.ask()).await;
        let answer = asked.unwrap_or(Err(RepoError::Unavailable(sqlx::Error::PoolTimedOut)));
        self.leads = *answer.as_ref().unwrap_or(&false);
        if answer.is_err() {
            self.session = None;
        }
        answer
    }

    /// Leaves the seat to others, at once.
    pub async fn resign(self) {
        if let Some(session) = self.session {
            // The server frees the seat in any case when the socket is gone.
            let _ = timeout(PATIENCE, session.close()).await;
        }
    }

    async fn ask(&mut self) -> Result<bool, RepoError> {
        let session = match &mut self.session {
            Some(session) => session,
            none => {
                self.leads = false;
                none.insert(PgConnection::connect_with(&self.pool.connect_options()).await?)
            }
        };
        if self.leads {
            // An answer means that the session lives, and with it the lock.
            session.ping().await?;
            return Ok(true);
        }
        let taken = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(SEAT);
        Ok(taken.fetch_one(session).await?)
    }
}
