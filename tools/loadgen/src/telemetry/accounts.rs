//! The accounts of a run: which row of which tenant was written when, and who has it. Every socket of
//! a tenant must get the newest row of each of its devices after every write, once and in order.

use hdrhistogram::Histogram;

use crate::clock::Nanos;
use crate::error::LoadError;
use crate::ledger::histogram;

/// One write: a row for each device of one tenant.
#[derive(Debug)]
struct Write {
    fired: Nanos,
    /// Pushes that it still owes.
    owed: usize,
}

#[derive(Debug, Default)]
struct Tenant {
    sockets: usize,
    /// The counter that all its devices had before the first write.
    base: u64,
    writes: Vec<Write>,
}

#[derive(Debug)]
pub(super) struct Accounts {
    devices: usize,
    tenants: Vec<Tenant>,
    pub(super) fired: u64,
    /// Writes that have reached everybody.
    pub(super) done: u64,
    pub(super) lost: u64,
    pub(super) repeated: u64,
    /// Messages that said that a source could not be read.
    pub(super) states: u64,
    /// From a write to each push, and to the last push of it; nanoseconds.
    pub(super) pushes: Histogram<u64>,
    pub(super) last: Histogram<u64>,
}

impl Accounts {
    pub(super) fn new(tenants: usize, devices: usize) -> Result<Self, LoadError> {
        Ok(Self {
            devices,
            tenants: (0..tenants).map(|_| Tenant::default()).collect(),
            fired: 0,
            done: 0,
            lost: 0,
            repeated: 0,
            states: 0,
            pushes: histogram()?,
            last: histogram()?,
        })
    }

    /// A socket of this tenant has joined; its devices were at `seq`.
    pub(super) fn joined(&mut self, tenant: usize, seq: u64) {
        if let Some(tenant) = self.tenants.get_mut(tenant) {
            tenant.sockets += 1;
            tenant.base = seq;
        }
    }

    /// A write is about to begin; returns the counter that its rows must get.
    pub(super) fn fire(&mut self, tenant: usize, now: Nanos) -> Option<u64> {
        let tenant = self.tenants.get_mut(tenant)?;
        tenant.writes.push(Write {
            fired: now,
            owed: tenant.sockets * self.devices,
        });
        self.fired += 1;
        Some(tenant.base + tenant.writes.len() as u64)
    }

    /// A socket of this tenant got a row whose predecessor was `last`.
    pub(super) fn saw(&mut self, tenant: usize, last: u64, seq: u64, now: Nanos) {
        if seq <= last {
            self.repeated += 1;
            return;
        }
        self.lost += seq - last - 1;
        let Some(tenant) = self.tenants.get_mut(tenant) else {
            return;
        };
        let place = seq.checked_sub(tenant.base + 1);
        let write = place
            .and_then(|place| usize::try_from(place).ok())
            .and_then(|place| tenant.writes.get_mut(place));
        // A row that nobody here wrote.
        let Some(write) = write.filter(|write| write.owed > 0) else {
            self.repeated += 1;
            return;
        };
        let waited = now.since(write.fired);
        // The histogram grows as needed; only a value beyond u64 could be refused.
        let _ = self.pushes.record(waited);
        write.owed -= 1;
        if write.owed == 0 {
            self.done += 1;
            let _ = self.last.record(waited);
        }
    }

    /// Pushes that never came.
    pub(super) fn missing(&self) -> usize {
        let writes = self.tenants.iter().flat_map(|tenant| &tenant.writes);
        writes.map(|write| write.owed).sum()
    }

    pub(super) fn is_complete(&self) -> bool {
        self.done == self.fired && self.lost + self.repeated + self.states == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two sockets of one tenant with one device at 4; two writes, and what each socket saw.
    fn after(seen: [&[u64]; 2]) -> Accounts {
        let mut accounts = Accounts::new(1, 1).unwrap();
        for _ in &seen {
            accounts.joined(0, 4);
        }
        assert_eq!(accounts.fire(0, Nanos(100)), Some(5));
        assert_eq!(accounts.fire(0, Nanos(200)), Some(6));
        for socket in seen {
            let mut last = 4;
            for seq in socket {
                accounts.saw(0, last, *seq, Nanos(300));
                last = *seq;
            }
        }
        accounts
    }

    #[test]
    fn everybody_must_have_every_row_once_and_in_order() {
        let right = after([&[5, 6], &[5, 6]]);
        assert!(right.is_complete() && right.missing() == 0);
        assert_eq!((right.last.len(), right.pushes.len()), (2, 4));
        for (seen, lost, repeated, missing) in [
            ([&[5, 6][..], &[6][..]], 1, 0, 1),
            ([&[5, 6], &[5]], 0, 0, 1),
            ([&[5, 6], &[5, 6, 6]], 0, 1, 0),
            ([&[5, 6], &[5, 6, 7]], 0, 1, 0),
        ] {
            let wrong = after(seen);
            assert!(!wrong.is_complete(), "{seen:?}");
            let counts = (wrong.lost, wrong.repeated, wrong.missing());
            assert_eq!(counts, (lost, repeated, missing), "{seen:?}");
        }
    }
}
