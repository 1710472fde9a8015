//! The streams and the accounts of what each of them got: the events of stream k are k + 1, N more,
//! and so on, so every stream knows which number has to come next.

use std::io::{ErrorKind, Read};

use hdrhistogram::Histogram;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use crate::clock::Nanos;
use crate::error::{LoadError, While};
use crate::ledger::histogram;
use crate::markers::Markers;
use crate::response::Response;
use crate::sockets::{self, Target};

#[derive(Debug)]
struct Client {
    socket: TcpStream,
    response: Response,
    markers: Markers,
    /// How the backend reaches it, once it was told.
    token: Option<String>,
    /// When each of its events was sent.
    sent: Vec<Nanos>,
    /// Events that came.
    got: usize,
}

#[derive(Debug)]
pub(super) struct Clients {
    target: Target,
    all: Vec<Client>,
    /// Streams to be.
    count: usize,
    joined: usize,
    pub(super) got: u64,
    /// Events that came to the wrong stream, out of order or twice.
    pub(super) wrong: u64,
    pub(super) latency: Histogram<u64>,
    buffer: Vec<u8>,
}

impl Clients {
    pub(super) fn new(target: Target, count: usize) -> Result<Self, LoadError> {
        Ok(Self {
            target,
            all: Vec::with_capacity(count),
            count,
            joined: 0,
            got: 0,
            wrong: 0,
            latency: histogram()?,
            buffer: vec![0; 64 * 1024],
        })
    }

    /// Opens one more; its path has its number, which is its token in the poll too.
    pub(super) fn open(&mut self, registry: &Registry) -> Result<(), LoadError> {
        let number = self.all.len();
        let target = Target {
            path: format!("/{number}"),
            ..self.target.clone()
        };
        let source = sockets::source(number, 4, false);
        let mut socket = sockets::ask(target.address, source, &target.get("text/event-stream"))?;
        registry
            .register(&mut socket, Token(number), Interest::READABLE)
            .doing("watching a stream")?;
        self.all.push(Client {
            socket,
            response: Response::default(),
            markers: Markers::default(),
            token: None,
            sent: Vec::new(),
            got: 0,
        });
        Ok(())
    }

    pub(super) fn opened(&self) -> usize {
        self.all.len()
    }

    /// Those whose stream has begun.
    pub(super) fn joined(&self) -> usize {
        self.joined
    }

    /// The backend was told of the stream with this path.
    pub(super) fn told(&mut self, path: &str, token: String) -> Result<(), LoadError> {
        let number: Option<usize> = path.strip_prefix('/').and_then(|it| it.parse().ok());
        let client = number.and_then(|number| self.all.get_mut(number));
        let client =
            client.ok_or_else(|| LoadError::Unexpected(format!("nobody asked for {path}")))?;
        client.token = Some(token);
        Ok(())
    }

    /// Notes the next event of this stream as sent, and says its number and the stream's token.
    pub(super) fn next(&mut self, stream: usize, at: Nanos) -> Result<(u64, &str), LoadError> {
        let nobody = || LoadError::Unexpected(format!("stream {stream} has no token"));
        let client = self.all.get_mut(stream).ok_or_else(nobody)?;
        let number = number_of(stream, self.count, client.sent.len());
        client.sent.push(at);
        Ok((number, client.token.as_deref().ok_or_else(nobody)?))
    }

    pub(super) fn on_readable(&mut self, stream: usize) -> Result<(), LoadError> {
        let Some(client) = self.all.get_mut(stream) else {
            return Ok(());
        };
        loop {
            let length = match client.socket.read(&mut self.buffer) {
                Ok(0) => return Err(LoadError::Unexpected(format!("stream {stream} ended"))),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(LoadError::Io("reading a stream", error)),
            };
            let began = client.response.has_begun();
            let (markers, bytes) = (&mut client.markers, &self.buffer[..length]);
            let now = Nanos::now();
            let (mut came, mut wrong) = (0, 0);
            client.response.feed(bytes, |body| {
                markers.feed(body, |event| {
                    let due = number_of(stream, self.count, client.got);
                    match client.sent.get(client.got) {
                        Some(sent) if event == due => {
                            let _ = self.latency.record(now.since(*sent));
                            client.got += 1;
                            came += 1;
                        }
                        _ => wrong += 1,
                    }
                });
            })?;
            self.got += came;
            self.wrong += wrong;
            self.joined += usize::from(!began && client.response.has_begun());
        }
    }

    /// All of them leave.
    pub(super) fn leave(&mut self) {
        self.all.clear();
    }
}

/// The number of an event, from 1, by how many the stream had before.
fn number_of(stream: usize, streams: usize, before: usize) -> u64 {
    (stream + 1 + before * streams) as u64
}
