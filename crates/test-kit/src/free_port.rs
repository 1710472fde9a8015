//! A port for whoever must know it before it is bound: two programs that name each other, a server that is restarted.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below what the kernel gives to outgoing connections (Linux: from 32768 on): with port 0, one of the many connections of
/// other tests may have the port before its owner binds it.
const FIRST: u16 = 17_000;
const COUNT: u16 = 15_000;

/// A port of the loopback that nobody has, and that this process gives out once.
///
/// # Panics
/// Where all are taken.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test programs that run side by side begin at different places.
    let start = u16::try_from(std::process::id() % 150).unwrap_or_default() * 100;
    let drawn = || NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(start) % COUNT + FIRST;
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    (0..COUNT)
        .map(|_| drawn())
        .find(is_free)
        .expect("a free port on the loopback")
}
