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
///
/// Two gates share it: [`Guard::admit`] for the address as it was typed, and [`GuardedResolver`] for every name that is
/// dialled. Redirects need no third one, since they never leave the host that passed the first.
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

/// Network and prefix length. Source: the special-purpose registries of IANA (RFC 6890 and successors).
const SPECIAL_V4: &[(Ipv4Addr, u32)] = &[
    (Ipv4Addr::UNSPECIFIED, 8),           // this network
    (Ipv4Addr::new(10, 0, 0, 0), 8),      // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),   // shared by a carrier's customers; some clouds' metadata
    (Ipv4Addr::new(127, 0, 0, 0), 8),     // loopback
    (Ipv4Addr::new(169, 254, 0, 0), 16),  // link-local; metadata is 169.254.169.254
    (Ipv4Addr::new(172, 16, 0, 0), 12),   // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),    // IETF protocols
    (Ipv4Addr::new(192, 0, 2, 0), 24),    // documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24),  // 6to4 relays
    (Ipv4Addr::new(192, 168, 0, 0), 16),  // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),   // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),  // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 3),     // multicast, reserved, broadcast
];

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let within = |(network, length): &(Ipv4Addr, u32)| {
        (u32::from(ip) ^ u32::from(*network)) >> (32 - length) == 0
    };
    !SPECIAL_V4.iter().any(within)
}

/// Only `2000::/3` is given out as unicast, so loopback, ULA, link-local, multicast and the metadata service
/// `fd00:ec2::254` are outside of it. A range that carries an IPv4 address is judged by that address.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    if let Some(inner) = embedded_v4(ip) {
        return is_public_v4(inner);
    }
    let special = matches!(
        ip.segments(),
        // IETF protocols with Teredo (2001::/23), documentation (two ranges).
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..]
    );
    let [first, ..] = ip.segments();
    (0x2000..=0x3fff).contains(&first) && !special
}

/// IPv4-compatible, IPv4-mapped, NAT64 (RFC 6052) and 6to4 addresses lead to the IPv4 address inside.
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let (high, low) = match ip.segments() {
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            (high, low)
        }
        [0x2002, high, low, ..] => (high, low),
        _ => return None,
    };
    Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn guard(private: bool, hosts: &[&str]) -> Guard {
        Guard::new(&OutboundSettings {
            upstream_allow_private: private,
            upstream_allow_hosts: hosts.iter().map(|&host| host.to_owned()).collect(),
        })
    }

    #[test]
    fn addresses_of_the_internet_are_public() {
        for text in [
            "1.1.1.1",
            "9.255.255.255",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.1",
            "192.167.1.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2001:200::1",
            "2002:0101:0101::1",
            "64:ff9b::8.8.8.8",
            "::ffff:8.8.8.8",
        ] {
            assert!(is_public(ip(text)), "{text}");
        }
    }

    #[test]
    fn special_addresses_are_not() {
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.255.255",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
        ] {
            assert!(!is_public(ip(text)), "{text}");
        }
    }

    #[test]
    fn special_ipv6_addresses_are_not_public_either() {
        for text in [
            "::",
            "::1",
            "fd00:ec2::254",
            "fc00::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
            "100::1",
            "64:ff9b:1::1",
        ] {
            assert!(!is_public(ip(text)), "{text}");
        }
    }

    #[test]
    fn an_ipv4_address_inside_an_ipv6_one_is_found() {
        for text in [
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "2002:7f00:0001::1",
            "2002:c0a8:0101::1",
        ] {
            assert!(!is_public(ip(text)), "{text}");
        }
    }

    #[test]
    fn literal_hosts_are_judged_in_every_spelling() {
        for url in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://0x7f000001/",
            "http://2130706433:8080/units",
            "http://[::1]/",
            "http://[::ffff:7f00:1]/",
            "https://169.254.169.254/latest/meta-data",
        ] {
            let verdict = guard(false, &[]).admit(url);
            assert!(matches!(verdict, Err(OutboundError::Blocked(_))), "{url}");
        }
    }

    #[test]
    fn allowed_hosts_are_compared_whole_and_without_case() {
        let guard = guard(false, &["Upstream.Test", "10.0.0.7", "[::1]"]);
        assert!(guard.trusts("upstream.test"));
        assert!(guard.trusts("upstream.test."));
        assert!(!guard.trusts("evil.upstream.test"));
        assert!(guard.admit("http://10.0.0.7/").is_ok());
        assert!(guard.admit("http://[::1]:81/").is_ok());
        assert!(guard.admit("http://10.0.0.8/").is_err());
    }

    #[test]
    fn addresses_with_user_info_or_another_scheme_are_refused_without_quoting_them() {
        for url in [
            "http://user:hunter2@example.com/",
            "http://hunter2@example.com/",
            "ftp://example.com/hunter2",
            "file:///etc/hunter2",
            "hunter2",
        ] {
            let Err(OutboundError::BadUrl(why)) = guard(true, &[]).admit(url) else {
                panic!("{url} was admitted");
            };
            assert!(!why.contains("hunter2"), "{why}");
        }
    }

    proptest! {
        #[test]
        fn every_form_of_an_ipv4_address_is_judged_alike(bits: u32) {
            let ip = Ipv4Addr::from(bits);
            let [a, b, c, d] = ip.octets();
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            for form in [
                ip.to_ipv6_mapped(),
                ip.to_ipv6_compatible(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
            ] {
                prop_assert_eq!(is_public(form.into()), is_public(ip.into()), "{}", form);
            }
        }

        #[test]
        fn what_std_knows_to_be_special_is_not_public(bits: u32) {
            let ip = Ipv4Addr::from(bits);
            let special = ip.is_private() || ip.is_loopback() || ip.is_link_local()
                || ip.is_multicast() || ip.is_broadcast() || ip.is_documentation();
            prop_assert!(!(special && is_public(ip.into())), "{}", ip);
        }

        #[test]
        fn no_text_breaks_the_gate(text in ".{0,80}") {
            let _ = guard(false, &[]).admit(&text);
        }
    }
}
