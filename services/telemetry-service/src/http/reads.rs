//! How many reads of one tenant run at once. Each holds a connection of the pool and its whole answer, so of a tenant
//! that asks for much at once the others must notice nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::model::TenantId;

/// Reads of one tenant that run at once; others wait for one of them to end.
const AT_ONCE: usize = 2;
/// How long they wait: longer than a read lasts that is never answered.
const WAIT: Duration = Duration::from_secs(10);
/// When it is worth coming back after that.
const AGAIN: Duration = Duration::from_secs(5);

/// The reads that run.
#[derive(Debug, Default)]
pub struct Reads {
    /// Tenants with a read that runs or waits, or had one when somebody last began.
    by_tenant: Mutex<HashMap<TenantId, Arc<Semaphore>>>,
}

/// A read that runs; it ends when this is dropped.
#[derive(Debug)]
pub struct Running {
    _turn: OwnedSemaphorePermit,
}

impl Reads {
    /// Waits for the turn of a read of `tenant`.
    ///
    /// # Errors
    /// Where it does not come: when to come back.
    pub async fn begin(&self, tenant: &TenantId) -> Result<Running, Duration> {
        let turns = self.turns(tenant);
        match timeout(WAIT, turns.acquire_owned()).await {
            Ok(Ok(turn)) => Ok(Running { _turn: turn }),
            // Turns are never closed.
            Ok(Err(_)) | Err(_) => Err(AGAIN),
        }
    }

    fn turns(&self, tenant: &TenantId) -> Arc<Semaphore> {
        let mut by_tenant = self
            .by_tenant
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Whoever runs or waits holds one more.
        by_tenant.retain(|_, turns| Arc::strong_count(turns) > 1);
        let turns = by_tenant
            .entry(tenant.clone())
            .or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE)));
        Arc::clone(turns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_third_read_waits_for_one_of_two_and_no_other_tenant_does() {
        let reads = Reads::default();
        let [a, b] = ["a", "b"].map(|id| TenantId::parse(id).unwrap());
        let (first, _second) = (reads.begin(&a).await.unwrap(), reads.begin(&a).await);
        assert_eq!(reads.begin(&a).await.err(), Some(AGAIN));
        assert!(reads.begin(&b).await.is_ok());
        let (third, ()) = tokio::join!(reads.begin(&a), async { drop(first) });
        assert!(third.is_ok());
    }

    #[tokio::test]
    async fn who_reads_no_more_is_forgotten() {
        let reads = Reads::default();
        for n in 0..100 {
            let tenant = TenantId::parse(&n.to_string()).unwrap();
            reads.begin(&tenant).await.unwrap();
        }
        assert_eq!(reads.by_tenant.lock().unwrap().len(), 1);
    }
}
