//! How often a tenant may ask in a minute. Bounded, however many tenants there are.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::model::TenantId;

/// What is counted together.
const WINDOW: Duration = Duration::from_mins(1);
/// Tenants that are remembered at once; further ones share one place.
const MOST_TENANTS: usize = 10_000;

/// Requests of each tenant: never more than so many in any minute. A token bucket would let through twice as many in
/// the first one.
#[derive(Debug)]
pub struct TenantLimit {
    most: usize,
    /// When each was let in, oldest first, at most `most` of them. `None` is the place that is shared.
    by_tenant: Mutex<HashMap<Option<TenantId>, VecDeque<Instant>>>,
}

impl TenantLimit {
    /// At most `most` in a minute by one tenant, all at once or spread.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            by_tenant: Mutex::default(),
        }
    }

    /// Counts one request.
    ///
    /// # Errors
    /// When the tenant has had its share: the time until it may again.
    pub fn take(&self, tenant: &TenantId) -> Result<(), Duration> {
        let now = Instant::now();
        let mut by_tenant = self.lock();
        let place = place(&mut by_tenant, tenant, now);
        let times = by_tenant.entry(place).or_default();
        while times.front().is_some_and(|first| is_over(*first, now)) {
            times.pop_front();
        }
        match times.front() {
            Some(first) if times.len() >= self.most => {
                Err(WINDOW.saturating_sub(now.duration_since(*first)))
            }
            _ => {
                times.push_back(now);
                Ok(())
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Option<TenantId>, VecDeque<Instant>>> {
        self.by_tenant
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Its own place, where it has one or there is one; those who have not asked for a minute make room.
fn place(
    by_tenant: &mut HashMap<Option<TenantId>, VecDeque<Instant>>,
    tenant: &TenantId,
    now: Instant,
) -> Option<TenantId> {
    let own = Some(tenant.clone());
    if by_tenant.len() < MOST_TENANTS || by_tenant.contains_key(&own) {
        return own;
    }
    by_tenant.retain(|_, times| times.back().is_some_and(|last| !is_over(*last, now)));
    own.filter(|_| by_tenant.len() < MOST_TENANTS)
}

fn is_over(time: Instant, now: Instant) -> bool {
    now.duration_since(time) >= WINDOW
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> TenantId {
        TenantId::parse(name).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn no_minute_whatever_its_beginning_has_more_than_the_share() {
        let limit = TenantLimit::new(3);
        let (mine, other) = (tenant("a"), tenant("b"));
        limit.take(&mine).unwrap();
        tokio::time::advance(Duration::from_secs(50)).await;
        limit.take(&mine).unwrap();
        limit.take(&mine).unwrap();
        assert_eq!(limit.take(&mine), Err(Duration::from_secs(10)));
        limit.take(&other).unwrap();
        tokio::time::advance(Duration::from_secs(10)).await;
        limit.take(&mine).unwrap();
        assert_eq!(limit.take(&mine), Err(Duration::from_secs(50)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_not_counted() {
        let limit = TenantLimit::new(1);
        limit.take(&tenant("a")).unwrap();
        for _ in 0..100 {
            limit.take(&tenant("a")).unwrap_err();
        }
        tokio::time::advance(WINDOW).await;
        limit.take(&tenant("a")).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn more_tenants_than_places_share_one_and_are_forgotten_after_a_minute() {
        let limit = TenantLimit::new(2);
        for n in 0..MOST_TENANTS + 2 {
            limit.take(&tenant(&n.to_string())).unwrap();
        }
        assert_eq!(limit.lock().len(), MOST_TENANTS + 1);
        limit.take(&tenant("late")).unwrap_err();
        limit.take(&tenant("0")).unwrap();
        tokio::time::advance(WINDOW).await;
        limit.take(&tenant("late")).unwrap();
        assert_eq!(limit.lock().len(), 1);
    }
}
