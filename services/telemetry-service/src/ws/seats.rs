//! Places for sockets: so many in all, so many of one tenant.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus::IntGauge;

use super::ending::Ending;
use crate::model::TenantId;

/// All places. Clones share them.
#[derive(Clone)]
pub struct Seats(Arc<Shared>);

struct Shared {
    taken: Mutex<Taken>,
    most: usize,
    most_of_tenant: usize,
    open: IntGauge,
}

#[derive(Default)]
struct Taken {
    all: usize,
    /// Only tenants with at least one.
    tenants: HashMap<TenantId, usize>,
}

/// A place; it is given back when this is dropped.
pub struct Seat {
    seats: Seats,
    tenant: TenantId,
}

impl Seats {
    /// `most` in all, `most_of_tenant` of each tenant; `open` shows how many are taken.
    pub fn new(most: usize, most_of_tenant: usize, open: IntGauge) -> Self {
        let taken = Mutex::default();
        Self(Arc::new(Shared {
            taken,
            most,
            most_of_tenant,
            open,
        }))
    }

    /// A place for a socket of `tenant`.
    ///
    /// # Errors
    /// [`Ending::Full`] or [`Ending::TenantFull`].
    pub fn take(&self, tenant: &TenantId) -> Result<Seat, Ending> {
        let mut taken = self.lock();
        let of_tenant = taken.tenants.get(tenant).copied().unwrap_or_default();
        if of_tenant >= self.0.most_of_tenant {
            return Err(Ending::TenantFull);
        }
        if taken.all >= self.0.most {
            return Err(Ending::Full);
        }
        taken.all += 1;
        self.0.open.inc();
        taken.tenants.insert(tenant.clone(), of_tenant + 1);
        Ok(Seat {
            seats: self.clone(),
            tenant: tenant.clone(),
        })
    }

    /// Places taken by each tenant that has one.
    pub fn by_tenant(&self) -> HashMap<TenantId, usize> {
        self.lock().tenants.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Whose place it is.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        taken.all -= 1;
        self.seats.0.open.dec();
        if let Some(count) = taken.tenants.get_mut(&self.tenant) {
            *count -= 1;
            if *count == 0 {
                taken.tenants.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_gets_its_share_and_no_place_is_lost() {
        let open = IntGauge::new("open", "Open.").unwrap();
        let [a, b] = ["a", "b"].map(|id| TenantId::parse(id).unwrap());
        let seats = Seats::new(3, 2, open.clone());
        let mut held: Vec<_> = (0..2).map(|_| seats.take(&a).ok().unwrap()).collect();
        assert_eq!(seats.take(&a).err(), Some(Ending::TenantFull));
        held.push(seats.take(&b).ok().unwrap());
        assert_eq!(seats.take(&b).err(), Some(Ending::Full));
        assert_eq!(seats.by_tenant(), HashMap::from([(a.clone(), 2), (b, 1)]));
        assert_eq!(open.get(), 3);
        held.clear();
        assert_eq!(open.get(), 0);
        assert!(seats.by_tenant().is_empty());
        assert!(seats.take(&a).is_ok());
    }
}
