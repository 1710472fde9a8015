//! The three ways to cause a change: as the client API that a service polls, as the master of a
//! raw server, and as a publisher.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use mio::{Interest, Registry, Token};

use crate::cli;
use crate::error::{LoadError, While};
use crate::payload::data;
use crate::raw::HELLO;
use crate::sockets::Target;
use crate::upstream::Upstream;

/// What a publisher's server adds around the data: `id: 1700000000:0`, the event's name, the fields.
const AROUND_DATA: usize = "event: bulk_update\nid: 1700000000:0\ndata: \n\n".len();

/// How this run causes its changes.
#[derive(Debug)]
pub(crate) enum Trigger {
    /// The service decides when: at its next poll.
    Upstream(Upstream),
    /// A connection that takes `<number> <size>` lines.
    Raw {
        address: SocketAddr,
        commands: Option<TcpStream>,
        size: usize,
    },
    /// A connection that takes a POST per change.
    Publish(Publisher),
}

/// A keep-alive connection to a publishing location.
#[derive(Debug)]
pub(crate) struct Publisher {
    socket: mio::net::TcpStream,
    target: Target,
    size: usize,
}

impl Trigger {
    /// Tokens from `first` on are the trigger's.
    pub(crate) fn open(
        options: &cli::Streams,
        registry: &Registry,
        first: usize,
    ) -> Result<Self, LoadError> {
        let size = options.frame_bytes;
        if let Some(port) = options.trigger.upstream {
            return Upstream::listen(port, registry, first).map(Self::Upstream);
        }
        if let Some(address) = options.trigger.raw {
            return Ok(Self::Raw {
                address,
                commands: None,
                size,
            });
        }
        let url = options.trigger.publish.as_deref().unwrap_or_default();
        let target = Target::parse(url)?;
        let mut socket = mio::net::TcpStream::from_std(connect(&target)?);
        registry
            .register(&mut socket, Token(first), Interest::READABLE)
            .doing("watching the publisher")?;
        Ok(Self::Publish(Publisher {
            socket,
            target,
            size,
        }))
    }

    /// All streams have joined. A raw server is told so: it takes no more of them.
    pub(crate) fn all_joined(&mut self) -> Result<(), LoadError> {
        if let Self::Raw {
            address, commands, ..
        } = self
        {
            let mut socket = TcpStream::connect(*address).doing("connecting to the raw server")?;
            socket.set_nodelay(true).doing("setting TCP_NODELAY")?;
            socket.write_all(&HELLO).doing("greeting the raw server")?;
            *commands = Some(socket);
        }
        Ok(())
    }

    /// Whether changes happen when this load wants, not when a service asks.
    pub(crate) fn sets_the_pace(&self) -> bool {
        !matches!(self, Self::Upstream(_))
    }

    /// Causes change `number` now. (An upstream only prepares it: the answer carries it.)
    pub(crate) fn fire(&mut self, number: u64) -> Result<(), LoadError> {
        match self {
            Self::Upstream(upstream) => {
                upstream.flip();
                Ok(())
            }
            Self::Raw {
                commands: Some(socket),
                size,
                ..
            } => {
                let line = format!("{number} {size}\n");
                socket
                    .write_all(line.as_bytes())
                    .doing("commanding the raw server")
            }
            Self::Raw { .. } => Err(LoadError::Unexpected(
                "the raw server was not greeted".into(),
            )),
            Self::Publish(publisher) => publisher.post(number),
        }
    }
}

impl Publisher {
    fn post(&mut self, number: u64) -> Result<(), LoadError> {
        let Target { address, path } = &self.target;
        let body = data(number, self.size.saturating_sub(AROUND_DATA));
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
             X-EventSource-Event: bulk_update\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.socket
            .write_all(format!("{head}{body}").as_bytes())
            .doing("publishing")
    }

    /// Reads away the answers. One that refuses shows itself as a lost change, with this text.
    pub(crate) fn read_answers(&mut self) -> Result<(), LoadError> {
        let mut buffer = [0; 4096];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => {
                    return Err(LoadError::Unexpected(
                        "the publishing connection was closed".into(),
                    ));
                }
                Ok(length) if buffer[..length].starts_with(b"HTTP/1.1 4") => {
                    let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                    return Err(LoadError::Unexpected(format!(
                        "publishing was refused: {text}"
                    )));
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(LoadError::Io("reading the publisher's answer", error)),
            }
        }
    }
}

fn connect(target: &Target) -> Result<TcpStream, LoadError> {
    let socket = TcpStream::connect(target.address).doing("connecting to the publisher")?;
    socket.set_nodelay(true).doing("setting TCP_NODELAY")?;
    socket
        .set_nonblocking(true)
        .doing("making a socket non-blocking")?;
    Ok(socket)
}
