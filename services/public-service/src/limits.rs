//! What one address, and all together, may take: seats for streams and forced
//! refreshes. Every map in here is bounded by what is open, or swept.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// Sweep addresses that have not refreshed lately when more than this are kept.
const SWEEP_ABOVE_ADDRESSES: usize = 10_000;

/// A client for limits: an IPv4 address, or the /64 that an IPv6 customer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Client(IpAddr);

impl From<IpAddr> for Client {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => {
                let network = v6.to_bits() & (u128::MAX << 64);
                IpAddr::V6(Ipv6Addr::from_bits(network))
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// Why there is no seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoSeat {
    /// `MAX_STREAMS` are open.
    Full,
    /// This client has `MAX_STREAMS_PER_IP` open.
    ClientFull,
}

impl NoSeat {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Full, Self::ClientFull];

    /// As metrics tell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::ClientFull => "client_full",
        }
    }
}

/// The seats for streams.
pub struct Seats {
    taken: AtomicUsize,
    most: usize,
    /// Empty while there is no limit per client.
    by_client: Mutex<HashMap<Client, u32>>,
    most_per_client: Option<NonZeroU32>,
}

/// One seat; dropping it gives it back.
pub struct Seat {
    seats: Arc<Seats>,
    client: Option<Client>,
}

impl Seats {
    /// `most` seats, of which a client gets `most_per_client` (0 = no limit).
    pub fn new(most: usize, most_per_client: u32) -> Arc<Self> {
        Arc::new(Self {
            taken: AtomicUsize::new(0),
            most,
            by_client: Mutex::default(),
            most_per_client: NonZeroU32::new(most_per_client),
        })
    }

    /// A seat for `client`, if there is one.
    ///
    /// # Errors
    /// [`NoSeat`], with which limit it is.
    pub fn take(self: &Arc<Self>, client: Client) -> Result<Seat, NoSeat> {
        let more = |taken: usize| (taken < self.most).then_some(taken + 1);
        self.taken
            .try_update(Ordering::SeqCst, Ordering::SeqCst, more)
            .map_err(|_| NoSeat::Full)?;
        // From here on the seat gives itself back.
        let mut seat = Seat {
            seats: Arc::clone(self),
            client: None,
        };
        if let Some(most) = self.most_per_client {
            let mut by_client = self.lock();
            let open = by_client.entry(client).or_insert(0);
            if *open >= most.get() {
                return Err(NoSeat::ClientFull);
            }
            *open += 1;
            seat.client = Some(client);
        }
        Ok(seat)
    }

    /// Seats taken now.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Client, u32>> {
        self.by_client
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.taken.fetch_sub(1, Ordering::SeqCst);
        let Some(client) = self.client else { return };
        let mut by_client = self.seats.lock();
        if let Some(open) = by_client.get_mut(&client) {
            *open -= 1;
            if *open == 0 {
                by_client.remove(&client);
            }
        }
    }
}

/// Forced refreshes of one client in a minute.
pub struct RefreshLimit {
    clients: DefaultKeyedRateLimiter<Client>,
}

impl RefreshLimit {
    /// At most `per_minute` by one client, all at once or spread.
    pub fn new(per_minute: u32) -> Self {
        let per_minute = NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN);
        Self {
            clients: RateLimiter::keyed(Quota::per_minute(per_minute)),
        }
    }

    /// Counts one refresh.
    ///
    /// # Errors
    /// When the client has had its share: the time until it may again.
    pub fn take(&self, client: Client) -> Result<(), Duration> {
        if self.clients.len() > SWEEP_ABOVE_ADDRESSES {
            self.clients.retain_recent();
        }
        let wait =
            |until: governor::NotUntil<_>| until.wait_time_from(DefaultClock::default().now());
        self.clients.check_key(&client).map_err(wait)
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::{Client, NoSeat, RefreshLimit, Seats};

    fn client(address: &str) -> Client {
        address.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn seats_end_at_the_limit_and_come_back() {
        let seats = Seats::new(2, 0);
        let first = seats.take(client("10.0.0.1")).ok().unwrap();
        let _second = seats.take(client("10.0.0.1")).ok().unwrap();
        assert_eq!(seats.take(client("10.0.0.2")).err(), Some(NoSeat::Full));
        drop(first);
        assert!(seats.take(client("10.0.0.2")).is_ok());
    }

    #[test]
    fn one_client_cannot_take_more_than_its_share_nor_keep_a_place_in_the_map() {
        let seats = Seats::new(10, 1);
        let mine = seats.take(client("2001:db8::1")).ok().unwrap();
        let neighbour_in_my_network = seats.take(client("2001:db8::2"));
        assert_eq!(neighbour_in_my_network.err(), Some(NoSeat::ClientFull));
        assert!(seats.take(client("2001:db8:0:1::1")).is_ok());
        drop(mine);
        assert!(seats.lock().is_empty());
        assert_eq!(seats.taken(), 0);
    }

    #[test]
    fn an_ipv4_address_is_the_same_client_in_ipv6_clothes() {
        assert_eq!(client("::ffff:192.0.2.7"), client("192.0.2.7"));
    }

    #[test]
    fn a_client_refreshes_so_often_in_a_minute_and_is_told_when_again() {
        let limit = RefreshLimit::new(2);
        assert!(limit.take(client("10.0.0.1")).is_ok());
        assert!(limit.take(client("10.0.0.1")).is_ok());
        let wait = limit.take(client("10.0.0.1")).unwrap_err();
        assert!(wait.as_secs() <= 30, "{wait:?}");
        assert!(limit.take(client("10.0.0.2")).is_ok());
    }
}
