//! The kept-alive connections that send, one request under way on each.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use crate::error::{LoadError, While};
use crate::payload::data;
use crate::response::Response;

const DONE: &[u8] = br#"{"status":"ok"}"#;

#[derive(Debug)]
pub(super) struct Sender {
    socket: TcpStream,
    response: Response,
    body: Vec<u8>,
    /// Whom to send to next. A stream has one sender: over two, its events may overtake each other.
    pub(super) stream: usize,
    /// Events yet to send.
    pub(super) left: u64,
}

impl Sender {
    pub(super) fn connect(
        gateway: SocketAddr,
        registry: &Registry,
        token: usize,
        stream: usize,
    ) -> Result<Self, LoadError> {
        let socket = std::net::TcpStream::connect(gateway).doing("connecting to send")?;
        socket.set_nodelay(true).doing("setting TCP_NODELAY")?;
        socket
            .set_nonblocking(true)
            .doing("making a socket non-blocking")?;
        let mut socket = TcpStream::from_std(socket);
        registry
            .register(&mut socket, Token(token), Interest::READABLE)
            .doing("watching a sender")?;
        Ok(Self {
            socket,
            response: Response::default(),
            body: Vec::new(),
            stream,
            left: 0,
        })
    }

    /// Sends event `number` to `token`; a body far below what a socket takes at once.
    pub(super) fn send(&mut self, token: &str, number: u64, size: usize) -> Result<(), LoadError> {
        let data = serde_json::Value::from(data(number, size));
        let body = format!(r#"{{"token":"{token}","event":{{"name":"progress","data":{data}}}}}"#);
        let length = body.len();
        let request = format!(
            "POST /internal/send HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        self.socket.write_all(request.as_bytes()).doing("sending")
    }

    /// Whether the answer has come, which must be a 200 that says it is done.
    pub(super) fn answered(&mut self) -> Result<bool, LoadError> {
        let mut buffer = [0; 2048];
        loop {
            let length = match self.socket.read(&mut buffer) {
                Ok(0) => return Err(LoadError::Unexpected("a sender was hung up on".into())),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(LoadError::Io("reading the answer to a send", error)),
            };
            let body = &mut self.body;
            self.response
                .feed(&buffer[..length], |bytes| body.extend_from_slice(bytes))?;
            if !self.response.is_over() {
                continue;
            }
            if self.body != DONE {
                let text = String::from_utf8_lossy(&self.body).into_owned();
                return Err(LoadError::Unexpected(format!("a send came to {text}")));
            }
            self.response = Response::default();
            self.body.clear();
            return Ok(true);
        }
    }
}
