//! Which addresses may be dialled. A name is judged by what it resolves to at the moment of dialling, so a name that
//! changes its mind after a check (DNS rebinding) gains nothing.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

use super::{OutboundError, OutboundSettings};

/// The rules of [`OutboundSettings`], ready to ask.
#[derive(Debug)]
pub(super) struct Guard {
    allow_private: bool,
    allow_hosts: Vec<String>,
}

/// No address of this host may be dialled.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not public")]
pub(super) struct Blocked(pub(super) String);

/// Resolves names and drops the addresses that the guard refuses.
pub(super) struct GuardedResolver(pub(super) Arc<Guard>);

impl Guard {
    pub(super) fn new(settings: &OutboundSettings) -> Self {
        let hosts = settings.upstream_allow_hosts.iter();
        Self {
            allow_private: settings.upstream_allow_private,
            allow_hosts: hosts.map(|host| plain(host)).collect(),
        }
    }

    /// Parses an address and judges it as far as possible without DNS: a literal IP never reaches the resolver.
    pub(super) fn admit(&self, text: &str) -> Result<Url, OutboundError> {
        let bad = |why: &str| OutboundError::BadUrl(why.to_owned());
        let url = Url::parse(text).map_err(|error| OutboundError::BadUrl(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad("it is neither http nor https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad("it holds a user name or password"));
        }
        let host = url.host_str().ok_or_else(|| bad("it has no host"))?;
        let literal = host.trim_matches(['[', ']']).parse::<IpAddr>();
        if literal.is_ok_and(|ip| !is_public(ip)) && !self.trusts(host) {
            return Err(OutboundError::Blocked(host.to_owned()));
        }
        Ok(url)
    }

    fn trusts(&self, host: &str) -> bool {
        self.allow_private || self.allow_hosts.contains(&plain(host))
    }
}

/// A host as names are compared: lower case, without brackets or the root dot.
fn plain(host: &str) -> String {
    host.trim_matches(['[', ']'])
        .trim_end_matches('.')
        .to_ascii_lowercase()
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = Arc::clone(&self.0);
        Box::pin(async move {
            let host = name.as_str();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
            let trusted = guard.trusts(host);
            let allowed: Vec<SocketAddr> = found
                .into_iter()
                .filter(|address| trusted || is_public(address.ip()))
                .collect();
            if allowed.is_empty() {
                return Err(Blocked(host.to_owned()).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// An address of the public Internet: nothing local, private, reserved, or of a cloud's metadata service.
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

/// The special-purpose ranges of the IANA registry (RFC 6890 and successors).
fn is_public_v4(ip: Ipv4Addr) -> bool {
    let special = match ip.octets() {
        // This network; private; loopback; private use 10/8.
        [0 | 10 | 127, ..] => true,
        // Shared address space of carriers, 100.64/10.
        [100, second, ..] => (64..128).contains(&second),
        // Link-local, where clouds keep their metadata (169.254.169.254).
        [169, 254, ..] => true,
        [172, second, ..] => (16..32).contains(&second),
        // IETF protocols, documentation, 6to4 relays, AS112, private.
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [192, 31, 196, _] | [192, 52, 193, _] => true,
        [192, 175, 48, _] | [192, 168, ..] => true,
        // Benchmarks 198.18/15, documentation.
        [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => true,
        // Multicast, reserved, broadcast.
        [224..=255, ..] => true,
        _ => false,
    };
    !special
}

/// Only 2000::/3 is given out as unicast; within it the special ranges, and every range that carries an IPv4 address
/// is judged by that address.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    if let Some(inner) = embedded_v4(ip) {
        return is_public_v4(inner);
    }
    match ip.segments() {
        // IETF protocols and Teredo (2001::/23), ORCHID, documentation (two ranges).
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] => false,
        [0x3fff, 0..=0xfff, ..] => false,
        [0x2000..=0x3fff, ..] => true,
        _ => false,
    }
}

/// IPv4-mapped, IPv4-compatible, NAT64 (RFC 6052) and 6to4 addresses lead to the IPv4 address inside.
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, high, low] = ip.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0xffff | 0] | [0x64, 0xff9b, 0, 0, 0, 0] => Some(v4(high, low)),
        [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}
