//! Addresses, connections and descriptors.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Protocol, Socket, Type};

use crate::error::{LoadError, While};

/// A slow stream must not hide behind the kernel: with this little, it falls behind at once.
const SLOW_RECEIVE_BUFFER: usize = 2_048;

/// `http://ADDRESS/path`, split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) path: String,
}

impl Target {
    /// # Errors
    /// For anything but plain HTTP to a literal address: the load resolves no names.
    pub(crate) fn parse(url: &str) -> Result<Self, LoadError> {
        let unusable = || LoadError::Unexpected(format!("{url} is not http://ADDRESS:PORT/path"));
        let rest = url.strip_prefix("http://").ok_or_else(unusable)?;
        let (address, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        Ok(Self {
            address: address.parse().map_err(|_| unusable())?,
            path: if path.is_empty() {
                "/".into()
            } else {
                path.into()
            },
        })
    }

    /// The head of a GET.
    pub(crate) fn get(&self, accept: &str) -> String {
        let Self { address, path } = self;
        format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: {accept}\r\n\r\n")
    }
}

/// Where connections come from, and how they read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    pub(crate) address: Ipv4Addr,
    pub(crate) slow: bool,
}

/// The source of the stream with this number: one address has some 28,000 ports.
pub(crate) fn source(number: usize, addresses: u8, slow: bool) -> Source {
    let last = number % usize::from(addresses.max(1)) + 1;
    let last = u8::try_from(last).unwrap_or(1);
    Source {
        address: Ipv4Addr::new(127, 0, 0, last),
        slow,
    }
}

/// Connects and sends the request; the answer is read later, without blocking.
pub(crate) fn ask(
    target: SocketAddr,
    from: Source,
    head: &str,
) -> Result<mio::net::TcpStream, LoadError> {
    let socket = Socket::new(
        Domain::for_address(target),
        Type::STREAM,
        Some(Protocol::TCP),
    );
    let socket = socket.doing("making a socket")?;
    if from.slow {
        socket
            .set_recv_buffer_size(SLOW_RECEIVE_BUFFER)
            .doing("setting SO_RCVBUF")?;
    }
    if target.is_ipv4() && from.address != Ipv4Addr::LOCALHOST {
        socket
            .bind(&SocketAddrV4::new(from.address, 0).into())
            .doing("binding a source address")?;
    }
    socket.connect(&target.into()).doing("connecting")?;
    let mut stream = TcpStream::from(socket);
    stream.set_nodelay(true).doing("setting TCP_NODELAY")?;
    stream
        .write_all(head.as_bytes())
        .doing("sending a request")?;
    stream
        .set_nonblocking(true)
        .doing("making a socket non-blocking")?;
    Ok(mio::net::TcpStream::from_std(stream))
}

/// Every stream is a descriptor, so the soft limit is raised to the hard one. A refusal shows
/// itself when a socket cannot be made.
pub(crate) fn raise_open_files() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_an_address_and_a_path() {
        let target = Target::parse("http://127.0.0.1:80/a?b=c").unwrap();
        assert_eq!(target.address, "127.0.0.1:80".parse().unwrap());
        assert_eq!(target.path, "/a?b=c");
        assert_eq!(Target::parse("http://[::1]:9").unwrap().path, "/");
        for wrong in [
            "https://127.0.0.1:80/",
            "http://localhost:80/",
            "127.0.0.1:80",
        ] {
            assert!(Target::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sources_take_turns() {
        let last = |number| source(number, 3, false).address.octets()[3];
        assert_eq!([last(0), last(1), last(2), last(3)], [1, 2, 3, 1]);
    }
}
