//! The gateway's backend: takes every callback at once and tells which it was.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use serde::Deserialize;

use crate::error::{LoadError, While};

/// A head and a body of a callback.
const MOST_REQUEST: usize = 64 * 1024;
const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

/// What the gateway tells.
#[derive(Debug, Deserialize)]
pub(super) struct Call {
    pub(super) action: String,
    pub(super) token: String,
    pub(super) request: Asked,
}

/// The client's request, as far as it matters here.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    pub(super) url: String,
}

/// A listener and the kept-alive connections of the gateway.
#[derive(Debug)]
pub(super) struct Backend {
    listener: TcpListener,
    /// The token of the listener; its connections have those behind it.
    first: usize,
    connections: Vec<Option<Connection>>,
}

#[derive(Debug)]
struct Connection {
    socket: TcpStream,
    bytes: Vec<u8>,
}

impl Backend {
    pub(super) fn listen(port: u16, registry: &Registry, first: usize) -> Result<Self, LoadError> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut listener = TcpListener::bind(address).doing("listening as the backend")?;
        registry
            .register(&mut listener, Token(first), Interest::READABLE)
            .doing("watching the backend's listener")?;
        Ok(Self {
            listener,
            first,
            connections: Vec::new(),
        })
    }

    /// Deals with an event: what the gateway told, answered already.
    pub(super) fn on_event(
        &mut self,
        token: usize,
        registry: &Registry,
    ) -> Result<Vec<Call>, LoadError> {
        if token == self.first {
            self.accept(registry)?;
            return Ok(Vec::new());
        }
        let slot = token - self.first - 1;
        let Some(Some(connection)) = self.connections.get_mut(slot) else {
            return Ok(Vec::new());
        };
        let mut calls = Vec::new();
        // The gateway may drop a connection that it no longer needs; what came on it counts.
        if connection.read().is_err() {
            self.connections[slot] = None;
            return Ok(calls);
        }
        while let Some(call) = connection.call()? {
            calls.push(call);
        }
        Ok(calls)
    }

    fn accept(&mut self, registry: &Registry) -> Result<(), LoadError> {
        loop {
            let mut socket = match self.listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(LoadError::Io("accepting a callback", error)),
            };
            socket.set_nodelay(true).doing("setting TCP_NODELAY")?;
            let token = Token(self.first + 1 + self.connections.len());
            registry
                .register(&mut socket, token, Interest::READABLE)
                .doing("watching a callback")?;
            self.connections.push(Some(Connection {
                socket,
                bytes: Vec::new(),
            }));
        }
    }
}

impl Connection {
    fn read(&mut self) -> io::Result<()> {
        let mut buffer = [0; 4096];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(length) => self.bytes.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
            if self.bytes.len() > MOST_REQUEST {
                return Err(ErrorKind::InvalidData.into());
            }
        }
    }

    /// Takes the next whole request and answers it.
    fn call(&mut self) -> Result<Option<Call>, LoadError> {
        let Some((head, end)) = extent(&self.bytes)? else {
            return Ok(None);
        };
        let body = self.bytes.get(head..end).unwrap_or_default();
        let call = serde_json::from_slice(body)
            .map_err(|error| LoadError::Unexpected(format!("no callback: {error}")))?;
        self.bytes.drain(..end);
        self.socket
            .write_all(ANSWER)
            .doing("answering a callback")?;
        Ok(Some(call))
    }
}

/// Where the head of the first request ends, and where its body; none while it is not whole.
fn extent(bytes: &[u8]) -> Result<Option<(usize, usize)>, LoadError> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut headers);
    let parsed = request.parse(bytes);
    let parsed = parsed.map_err(|error| LoadError::Unexpected(format!("no request: {error}")))?;
    let httparse::Status::Complete(head) = parsed else {
        return Ok(None);
    };
    let length = request
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))
        .and_then(|header| std::str::from_utf8(header.value).ok()?.parse().ok());
    let length: usize =
        length.ok_or_else(|| LoadError::Unexpected("a callback without a length".into()))?;
    let end = head.saturating_add(length);
    Ok((bytes.len() >= end).then_some((head, end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callback_is_taken_when_it_is_whole() {
        let wire = b"POST / HTTP/1.1\r\ncontent-length: 4\r\n\r\n{  }POST";
        for whole in 0..wire.len() - 4 {
            assert_eq!(extent(&wire[..whole]).unwrap(), None, "{whole} bytes");
        }
        assert_eq!(extent(wire).unwrap(), Some((38, 42)));
        assert!(extent(b"POST / HTTP/1.1\r\n\r\n").is_err());
    }
}
