//! Who a request is from. Only proxies that we trust are believed about others; what an address may take is each
//! service's own.

use std::net::IpAddr;
use std::sync::Arc;

use crate::settings::IpNet;

/// The proxies in front of us.
#[derive(Debug, Clone)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    /// Those of `TRUSTED_PROXIES`.
    pub fn new(networks: &[IpNet]) -> Self {
        Self(networks.into())
    }

    /// The client behind a connection from `peer`: the rightmost address of
    /// `X-Forwarded-For` (all its lines, in order) that no trusted proxy has.
    /// What stands left of it is the client's own claim, in whatever bytes.
    pub fn client<'a, L: AsRef<[u8]> + ?Sized + 'a>(
        &self,
        peer: IpAddr,
        forwarded_for: impl DoubleEndedIterator<Item = &'a L>,
    ) -> IpAddr {
        let mut client = peer;
        let mut hops = forwarded_for
            .flat_map(|line| line.as_ref().split(|byte| *byte == b','))
            .rev()
            .map_while(hop_address);
        while self.trusts(client) {
            let Some(hop) = hops.next() else { break };
            client = hop;
        }
        client
    }

    /// Whether a client spoke TLS to the proxy at `peer`, by its `X-Forwarded-Proto`. Several proxies may each have said
    /// something; a stranger's word counts for nothing.
    pub fn over_tls<'a, L: AsRef<[u8]> + ?Sized + 'a>(
        &self,
        peer: IpAddr,
        forwarded_proto: impl Iterator<Item = &'a L>,
    ) -> bool {
        let mut protocols =
            forwarded_proto.flat_map(|line| line.as_ref().split(|byte| *byte == b','));
        self.trusts(peer) && protocols.any(|it| it.trim_ascii().eq_ignore_ascii_case(b"https"))
    }

    fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// An address as proxies write it: plain, or with a port.
fn hop_address(hop: &[u8]) -> Option<IpAddr> {
    let hop = std::str::from_utf8(hop.trim_ascii()).ok()?;
    if let Ok(address) = hop.parse() {
        return Some(address);
    }
    if let Ok(with_port) = hop.parse::<std::net::SocketAddr>() {
        return Some(with_port.ip());
    }
    hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::TrustedProxies;

    fn client(peer: &str, lines: &[&str]) -> IpAddr {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        TrustedProxies::new(&trusted).client(peer.parse().unwrap(), lines.iter().copied())
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_stranger_is_not_believed() {
        assert_eq!(
            client("203.0.113.9", &["192.0.2.1"]),
            address("203.0.113.9")
        );
    }

    #[test]
    fn the_rightmost_address_that_is_not_ours_is_the_client() {
        let spoofed = ["198.51.100.1, 192.0.2.7", "10.1.1.1"];
        assert_eq!(client("10.2.2.2", &spoofed), address("192.0.2.7"));
        assert_eq!(
            client("fd00::1", &["[2001:db8::5]:4711"]),
            address("2001:db8::5")
        );
        assert_eq!(
            client("::ffff:10.0.0.1", &["192.0.2.7:80"]),
            address("192.0.2.7")
        );
    }

    #[test]
    fn bytes_that_are_no_text_hide_only_what_stands_left_of_them() {
        let trusted = TrustedProxies::new(&["10.0.0.0/8".parse().unwrap()]);
        let proxy = "10.2.2.2".parse().unwrap();
        let lines: [&[u8]; 2] = [b"\xff, 192.0.2.7", b"10.1.1.1"];
        assert_eq!(
            trusted.client(proxy, lines.into_iter()),
            address("192.0.2.7")
        );
        let lines: [&[u8]; 2] = [b"192.0.2.7", b"\xff, 10.1.1.1"];
        assert_eq!(
            trusted.client(proxy, lines.into_iter()),
            address("10.1.1.1")
        );
    }

    #[test]
    fn without_a_usable_address_the_last_proxy_stands_for_its_clients() {
        assert_eq!(client("10.2.2.2", &[]), address("10.2.2.2"));
        assert_eq!(client("10.2.2.2", &["unknown"]), address("10.2.2.2"));
        assert_eq!(
            client("10.2.2.2", &["192.0.2.7, junk, 10.1.1.1"]),
            address("10.1.1.1")
        );
    }

    #[test]
    fn tls_is_what_a_proxy_of_ours_says_it_is() {
        let trusted = TrustedProxies::new(&["10.0.0.0/8".parse().unwrap()]);
        let over_tls = |peer: &str, lines: &[&str]| {
            trusted.over_tls(peer.parse().unwrap(), lines.iter().copied())
        };
        assert!(over_tls("10.1.1.1", &["https"]));
        assert!(over_tls("::ffff:10.1.1.1", &["HTTPS , http"]));
        assert!(over_tls("10.1.1.1", &["http", "https"]));
        assert!(!over_tls("10.1.1.1", &["http", "httpsx"]));
        assert!(!over_tls("10.1.1.1", &[]));
        assert!(!over_tls("203.0.113.9", &["https"]));
    }
}
