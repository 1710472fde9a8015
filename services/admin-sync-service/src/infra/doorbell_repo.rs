//! The doorbell of runs: LISTEN on a connection of its own, and the certainty that it is still heard.

use std::time::Duration;

use sqlx::postgres::{PgListener, PgPool, PgPoolOptions};
use tokio::time::timeout;

use super::connection_repo::RepoError;

/// Migration 0004 rings here.
const CHANNEL: &str = "farol_execution";
/// After so long a silence the connection is asked whether it lives.
const SILENCE: Duration = Duration::from_secs(30);
/// What it has to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the doorbell is.
#[derive(Clone, Debug)]
pub struct DoorbellRepo {
    pool: PgPool,
}

/// Somebody who listens. Its connection ends with it.
#[derive(Debug)]
pub struct DoorbellListener {
    inner: PgListener,
}

impl DoorbellRepo {
    /// `pool` says where the database is; its connections are left alone.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Listens from now on.
    ///
    /// # Errors
    /// Of the database.
    pub async fn listen(&self) -> Result<DoorbellListener, RepoError> {
        let options = self.pool.connect_options().as_ref().clone();
        let own = PgPoolOptions::new().max_connections(1);
        let listening = async {
            let mut inner = PgListener::connect_with(&own.connect_lazy_with(options)).await?;
            inner.eager_reconnect(false);
            inner.listen(CHANNEL).await?;
            Ok(DoorbellListener { inner })
        };
        timeout(PATIENCE, listening).await.unwrap_or_else(silent)
    }
}

impl DoorbellListener {
    /// Returns when it has rung; what rang while nobody asked rings once.
    ///
    /// # Errors
    /// Where the connection is lost: listen anew, and look at everything.
    pub async fn rung(&mut self) -> Result<(), RepoError> {
        loop {
            match timeout(SILENCE, self.inner.try_recv()).await {
                Ok(Ok(Some(_))) => break,
                Ok(Ok(None)) => {
                    let lost = sqlx::Error::Io(std::io::ErrorKind::ConnectionAborted.into());
                    return Err(lost.into());
                }
                Ok(Err(error)) => return Err(error.into()),
                Err(_) => self.lives().await?,
            }
        }
        while self.inner.next_buffered().is_some() {}
        Ok(())
    }

    /// A statement that changes nothing, and has to be answered.
    async fn lives(&mut self) -> Result<(), RepoError> {
        let asked = async { Ok(self.inner.listen(CHANNEL).await?) };
        timeout(PATIENCE, asked).await.unwrap_or_else(silent)
    }
}

fn silent<T>(_: tokio::time::error::Elapsed) -> Result<T, RepoError> {
    let silent = sqlx::Error::Io(std::io::ErrorKind::TimedOut.into());
    Err(RepoError::Unavailable(silent))
}
