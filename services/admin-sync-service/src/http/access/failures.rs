//! How often an address guessed wrong in the last minute. Bounded, whoever guesses.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// For so long an address is remembered after its first wrong guess.
const WINDOW: Duration = Duration::from_mins(1);
/// Addresses that are remembered at once; further ones share one place.
const MOST: usize = 10_000;
/// The shared place: nobody's address.
const CROWD: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// Wrong guesses by address.
#[derive(Debug)]
pub(super) struct Failures {
    most: u32,
    by_client: Mutex<HashMap<IpAddr, Guesses>>,
}

#[derive(Debug, Clone, Copy)]
struct Guesses {
    since: Instant,
    count: u32,
}

impl Failures {
    pub(super) fn new(most: u32) -> Self {
        Self {
            most,
            by_client: Mutex::default(),
        }
    }

    /// How long this address has to wait, where it has to.
    pub(super) fn may_try(&self, client: IpAddr) -> Result<(), Duration> {
        let by_client = self.lock();
        let guesses = by_client.get(&place(&by_client, client));
        let Some(guesses) = guesses.filter(|it| it.count >= self.most) else {
            return Ok(());
        };
        let left = WINDOW.saturating_sub(guesses.since.elapsed());
        if left.is_zero() { Ok(()) } else { Err(left) }
    }

    /// One more wrong guess.
    pub(super) fn count(&self, client: IpAddr) {
        let mut by_client = self.lock();
        if by_client.len() >= MOST {
            by_client.retain(|_, guesses| guesses.since.elapsed() < WINDOW);
        }
        let place = place(&by_client, client);
        let fresh = Guesses {
            since: Instant::now(),
            count: 0,
        };
        let guesses = by_client.entry(place).or_insert(fresh);
        if guesses.since.elapsed() >= WINDOW {
            *guesses = fresh;
        }
        guesses.count += 1;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Guesses>> {
        self.by_client
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// An IPv6 customer has a /64 to guess from.
fn place(by_client: &HashMap<IpAddr, Guesses>, client: IpAddr) -> IpAddr {
    let place = match client.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        v4 @ IpAddr::V4(_) => v4,
    };
    if by_client.len() >= MOST && !by_client.contains_key(&place) {
        CROWD
    } else {
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_waits_out_its_minute_and_no_other_does() {
        let failures = Failures::new(2);
        let (mine, other) = (address("192.0.2.1"), address("192.0.2.2"));
        failures.count(mine);
        assert_eq!(failures.may_try(mine), Ok(()));
        failures.count(mine);
        assert_eq!(failures.may_try(mine), Err(WINDOW));
        assert_eq!(failures.may_try(address("::ffff:192.0.2.1")), Err(WINDOW));
        assert_eq!(failures.may_try(other), Ok(()));
        tokio::time::advance(WINDOW).await;
        assert_eq!(failures.may_try(mine), Ok(()));
        failures.count(mine);
        assert_eq!(failures.may_try(mine), Ok(()), "a new minute, a new count");
    }

    #[tokio::test(start_paused = true)]
    async fn neighbours_in_one_network_are_one() {
        let failures = Failures::new(1);
        failures.count(address("2001:db8::1"));
        assert!(failures.may_try(address("2001:db8::2")).is_err());
        assert!(failures.may_try(address("2001:db8:0:1::1")).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_addresses_shares_one_place_and_is_forgotten() {
        let failures = Failures::new(2);
        for n in 0..u32::try_from(MOST).unwrap() + 2 {
            failures.count(IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + n)));
        }
        assert_eq!(failures.lock().len(), MOST + 1);
        assert!(
            failures.may_try(address("198.51.100.1")).is_err(),
            "the crowd's place is full"
        );
        tokio::time::advance(WINDOW).await;
        failures.count(address("198.51.100.1"));
        assert_eq!(failures.lock().len(), 1);
    }
}
