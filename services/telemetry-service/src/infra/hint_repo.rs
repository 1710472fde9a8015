//! The database's hints: LISTEN on a connection of its own, and the certainty that it is still heard. A hint says
//! where to look; what is lost with a connection is made up for by looking everywhere.

use std::time::Duration;

use sqlx::postgres::{PgListener, PgNotification, PgPool, PgPoolOptions};
use tokio::time::timeout;

use super::connection_repo::silent;
use crate::model::{SourceError, TenantId};

/// Migration 0011 rings here.
const TELEMETRY: &str = "farol_telemetry";
/// Migration 0010 rings here.
const ALERTS: &str = "farol_alert";
/// After so long a silence the connection is asked whether it lives.
const SILENCE: Duration = Duration::from_secs(30);
/// What it has to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where hints come from.
#[derive(Clone, Debug)]
pub struct HintRepo {
    pool: PgPool,
}

/// Somebody who listens. Its connection ends with it.
#[derive(Debug)]
pub struct HintListener {
    inner: PgListener,
}

/// Something has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// This tenant has new readings.
    Telemetry(TenantId),
    /// An alert of this tenant was opened, changed, closed or deleted.
    Alerts(TenantId),
}

impl HintRepo {
    /// `pool` says where the database is; its connections are left alone.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Listens from now on.
    ///
    /// # Errors
    /// Of the database.
    pub async fn listen(&self) -> Result<HintListener, SourceError> {
        let options = self.pool.connect_options().as_ref().clone();
        let own = PgPoolOptions::new().max_connections(1);
        let listening = async {
            let mut inner = PgListener::connect_with(&own.connect_lazy_with(options)).await?;
            inner.eager_reconnect(false);
            inner.listen_all([TELEMETRY, ALERTS]).await?;
            Ok(HintListener { inner })
        };
        timeout(PATIENCE, listening).await.map_err(|_| silent())?
    }
}

impl HintListener {
    /// The next hint. What comes while nobody asks waits.
    ///
    /// # Errors
    /// Where the connection is lost: listen anew, and look at everything.
    pub async fn next(&mut self) -> Result<Hint, SourceError> {
        loop {
            let heard = match timeout(SILENCE, self.inner.try_recv()).await {
                Ok(Ok(Some(heard))) => heard,
                Ok(Ok(None)) => {
                    let lost = "the connection for hints was lost";
                    return Err(SourceError::Unavailable(lost.to_owned()));
                }
                Ok(Err(error)) => return Err(error.into()),
                Err(_) => {
                    self.lives().await?;
                    continue;
                }
            };
            if let Some(hint) = Hint::of(&heard) {
                return Ok(hint);
            }
        }
    }

    /// A statement that changes nothing, and has to be answered.
    async fn lives(&mut self) -> Result<(), SourceError> {
        let asked = timeout(PATIENCE, self.inner.listen(TELEMETRY)).await;
        Ok(asked.map_err(|_| silent())??)
    }
}

impl Hint {
    /// Anybody who may connect may notify: what names no tenant is nobody's business.
    fn of(heard: &PgNotification) -> Option<Self> {
        let tenant = TenantId::parse(heard.payload()).ok()?;
        match heard.channel() {
            TELEMETRY => Some(Self::Telemetry(tenant)),
            ALERTS => Some(Self::Alerts(tenant)),
            _ => None,
        }
    }
}
