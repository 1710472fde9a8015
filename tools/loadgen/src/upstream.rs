//! The client API of a bench: 200 units, asked by one poller. Ten of them swap two statuses of the
//! service's own words, so that every change is as long as the one before.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};

use crate::error::{LoadError, While};

const UNITS: usize = 200;
const FLIPPED: usize = 10;
/// Requests are heads without a body.
const MOST_HEAD: usize = 8 * 1024;

/// A listener and the connections of the service under test.
#[derive(Debug)]
pub(crate) struct Upstream {
    listener: TcpListener,
    /// The token of the listener; its connections have those behind it.
    first: usize,
    connections: Vec<Option<Connection>>,
    /// Changes so far.
    turn: u64,
}

#[derive(Debug)]
struct Connection {
    socket: TcpStream,
    head: Vec<u8>,
}

/// Answers every poll alike, until killed.
pub(crate) fn run(port: u16) -> Result<bool, LoadError> {
    let mut poll = Poll::new().doing("making a poll")?;
    let mut upstream = Upstream::listen(port, poll.registry(), 0)?;
    let mut events = Events::with_capacity(64);
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            other => other.doing("waiting for polls")?,
        }
        for event in &events {
            for slot in upstream.on_event(event.token().0, poll.registry())? {
                upstream.answer(slot)?;
            }
        }
    }
}

impl Upstream {
    pub(crate) fn listen(port: u16, registry: &Registry, first: usize) -> Result<Self, LoadError> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut listener = TcpListener::bind(address).doing("listening as the client API")?;
        registry
            .register(&mut listener, Token(first), Interest::READABLE)
            .doing("watching the client API")?;
        Ok(Self {
            listener,
            first,
            connections: Vec::new(),
            turn: 0,
        })
    }

    /// Deals with an event and returns which connections now wait for an answer.
    pub(crate) fn on_event(
        &mut self,
        token: usize,
        registry: &Registry,
    ) -> Result<Vec<usize>, LoadError> {
        if token == self.first {
            self.accept(registry)?;
            return Ok(Vec::new());
        }
        let slot = token - self.first - 1;
        let Some(Some(connection)) = self.connections.get_mut(slot) else {
            return Ok(Vec::new());
        };
        match connection.read_request() {
            Ok(true) => Ok(vec![slot]),
            Ok(false) => Ok(Vec::new()),
            Err(_) => {
                // The service may drop a connection that it no longer needs.
                self.connections[slot] = None;
                Ok(Vec::new())
            }
        }
    }

    /// The next answers show other statuses.
    pub(crate) fn flip(&mut self) {
        self.turn += 1;
    }

    /// Answers the request that waits on this connection.
    pub(crate) fn answer(&mut self, slot: usize) -> Result<(), LoadError> {
        let body = body(self.turn);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let Some(Some(connection)) = self.connections.get_mut(slot) else {
            return Ok(());
        };
        // A few KiB into an empty socket buffer: this never writes half.
        connection
            .socket
            .write_all(format!("{head}{body}").as_bytes())
            .doing("answering a poll")
    }

    fn accept(&mut self, registry: &Registry) -> Result<(), LoadError> {
        loop {
            let mut socket = match self.listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(LoadError::Io("accepting a poll", error)),
            };
            let token = Token(self.first + 1 + self.connections.len());
            registry
                .register(&mut socket, token, Interest::READABLE)
                .doing("watching a poll")?;
            self.connections.push(Some(Connection {
                socket,
                head: Vec::new(),
            }));
        }
    }
}

impl Connection {
    /// Whether a whole request has come.
    fn read_request(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 2048];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(length) => self.head.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
            if self.head.len() > MOST_HEAD {
                return Err(ErrorKind::InvalidData.into());
            }
        }
        let whole = self.head.ends_with(b"\r\n\r\n");
        if whole {
            self.head.clear();
        }
        Ok(whole)
    }
}

fn body(turn: u64) -> String {
    let status = |unit: usize| match unit {
        // Half go one way while half go the other: the sum of the lengths stays.
        0..FLIPPED if (unit as u64 + turn).is_multiple_of(2) => "sold",
        0..FLIPPED => "reserved",
        _ => "available",
    };
    let unit = |unit: usize| format!("{{\"ref\":\"U{unit:03}\",\"status\":\"{}\"}}", status(unit));
    let units: Vec<String> = (0..UNITS).map(unit).collect();
    format!("[{}]", units.join(","))
}

#[cfg(test)]
mod tests {
    use super::body;

    #[test]
    fn every_turn_differs_from_the_one_before_and_none_is_longer() {
        let bodies: Vec<String> = (0..4).map(body).collect();
        assert!(
            bodies
                .windows(2)
                .all(|pair| pair[0] != pair[1] && pair[0].len() == pair[1].len())
        );
        let units: serde_json::Value = serde_json::from_str(&bodies[0]).unwrap();
        assert_eq!(units.as_array().unwrap().len(), super::UNITS);
    }
}
