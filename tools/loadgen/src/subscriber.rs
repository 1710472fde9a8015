//! One stream: its socket, how far its response is read, and what it has seen.

use std::io::{ErrorKind, Read};

use mio::net::TcpStream;

use crate::error::LoadError;
use crate::ledger::Seat;
use crate::markers::Markers;
use crate::response::Response;

/// A stream that is read.
#[derive(Debug)]
pub(crate) struct Subscriber {
    pub(crate) socket: TcpStream,
    pub(crate) seat: Seat,
    /// It reads slowly, and is asked only to end at the newest version.
    pub(crate) slow: bool,
    /// Bytes of events so far, without the transfer coding.
    pub(crate) bytes: u64,
    response: Response,
    markers: Markers,
}

impl Subscriber {
    pub(crate) fn new(socket: TcpStream, slow: bool) -> Self {
        Self {
            socket,
            slow,
            seat: Seat::default(),
            bytes: 0,
            response: Response::default(),
            markers: Markers::default(),
        }
    }

    /// Whether its head has come, and with `snapshot` a first version too.
    pub(crate) fn has_joined(&self, snapshot: bool) -> bool {
        self.response.has_begun() && (!snapshot || self.seat.last.is_some())
    }

    /// Reads what there is, at most `limit` bytes, and calls `saw` with each version.
    ///
    /// # Errors
    /// When the stream ends or breaks: nobody asked it to.
    pub(crate) fn read(
        &mut self,
        buffer: &mut [u8],
        limit: usize,
        mut saw: impl FnMut(&mut Seat, u64),
    ) -> Result<(), LoadError> {
        let mut left = limit;
        while left > 0 {
            let room = buffer.len().min(left);
            let length = match self.socket.read(&mut buffer[..room]) {
                Ok(0) => return Err(ended("by the server")),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(LoadError::Io("reading a stream", error)),
            };
            let Self {
                seat,
                bytes,
                response,
                markers,
                ..
            } = self;
            response.feed(&buffer[..length], |body| {
                *bytes += body.len() as u64;
                markers.feed(body, |version| saw(seat, version));
            })?;
            if response.is_over() {
                return Err(ended("with its last chunk"));
            }
            // Less than asked for: the socket is empty, and its next event comes with more.
            if length < room {
                return Ok(());
            }
            left -= length;
        }
        Ok(())
    }
}

fn ended(how: &str) -> LoadError {
    LoadError::Unexpected(format!("a stream was ended {how}"))
}
