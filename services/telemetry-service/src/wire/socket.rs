//! One client's bytes: messages out of what comes in, and one frame at a time out of the door. It owns no queue: what is
//! written next is decided when the client can take it, and an idle socket holds no buffer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_http::ws::{Codec, Frame as Incoming, Item, ProtocolError};
use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;
use tokio_util::codec::Decoder as _;

use crate::frame::Frame;

/// The longest message that is read, in bytes; RFC 6455 allows any.
pub const LONGEST_MESSAGE: usize = 64 * 1024;
/// The longest head of a frame.
const LONGEST_HEAD: usize = 14;
/// In the first byte of a frame: the last of its message.
const FINAL: u8 = 0x80;
/// In the first byte of a frame: no part of a message, so never in fragments.
const CONTROL: u8 = 0x08;
/// What is read at once; on the stack.
const READ_SIZE: usize = 4096;

/// What a client said.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// A whole message of text.
    Text(Bytes),
    /// A whole message of something else.
    Binary,
    /// Are you there?
    Ping(Bytes),
    /// Here.
    Pong,
    /// Goodbye, with this code.
    Close(Option<u16>),
}

/// Why nothing can be heard, or written, any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The client has gone without a word.
    Gone,
    /// What came is no WebSocket.
    Protocol,
    /// What came is text that is no UTF-8.
    NotText,
    /// A message over [`LONGEST_MESSAGE`].
    TooBig,
}

/// A client's socket after the handshake.
pub struct Socket<T> {
    io: T,
    codec: Codec,
    /// Bytes of frames that are not complete.
    inbox: BytesMut,
    /// The fragments of a message that is not complete; `None` where they are to be ignored.
    fragments: Option<BytesMut>,
    /// What of the present frame is still to be written.
    outgoing: Bytes,
    /// Since when the client has taken nothing of it.
    blocked: Option<Instant>,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Socket<T> {
    /// `inbox` is what came right behind the handshake.
    pub fn new(io: T, inbox: BytesMut) -> Self {
        Self {
            io,
            codec: Codec::new().max_size(LONGEST_MESSAGE),
            inbox,
            fragments: None,
            outgoing: Bytes::new(),
            blocked: None,
        }
    }

    /// The next message.
    ///
    /// # Errors
    /// A [`Fault`]; nothing can be heard after it.
    pub fn poll_hear(&mut self, cx: &mut Context<'_>) -> Poll<Result<Heard, Fault>> {
        loop {
            while let Some(frame) = self.frame()? {
                if let Some(heard) = self.whole(frame)? {
                    return Poll::Ready(Ok(heard));
                }
            }
            if self.inbox.is_empty() {
                // A buffer that was needed once is not kept for ever.
                self.inbox = BytesMut::new();
            }
            let mut room = [0; READ_SIZE];
            let read = ready!(self.poll_read(cx, &mut room)).map_err(|_| Fault::Gone)?;
            if read == 0 {
                return Poll::Ready(Err(Fault::Gone));
            }
            self.inbox.extend_from_slice(&room[..read]);
        }
    }

    /// Reads on and forgets what comes: the client may only notice our close frame when its own words have gone out.
    /// Ready when it has gone.
    pub fn poll_ignore(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut room = [0; READ_SIZE];
        while let Ok(1..) = ready!(self.poll_read(cx, &mut room)) {}
        Poll::Ready(())
    }

    /// Takes the next frame to write; only after [`Socket::poll_flush`] was ready.
    pub fn send(&mut self, frame: Frame) {
        self.outgoing = frame.into_bytes();
    }

    /// Ready when the frame is written.
    ///
    /// # Errors
    /// [`Fault::Gone`].
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        while !self.outgoing.is_empty() {
            match Pin::new(&mut self.io).poll_write(cx, &self.outgoing) {
                Poll::Ready(Ok(written @ 1..)) => {
                    self.outgoing.advance(written);
                    self.blocked = None;
                }
                Poll::Ready(_) => return Poll::Ready(Err(Fault::Gone)),
                Poll::Pending => {
                    self.blocked.get_or_insert_with(Instant::now);
                    return Poll::Pending;
                }
            }
        }
        // TLS may hold back what it was given.
        let flushed = ready!(Pin::new(&mut self.io).poll_flush(cx));
        Poll::Ready(flushed.map_err(|_| Fault::Gone))
    }

    /// Since when the client has taken nothing although there is something for it.
    pub fn blocked(&self) -> Option<Instant> {
        self.blocked
    }

    /// Tells the other side that nothing comes any more.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.io).poll_shutdown(cx).map(drop)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut room = ReadBuf::new(room);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut room))?;
        Poll::Ready(Ok(room.filled().len()))
    }

    /// The next complete frame.
    fn frame(&mut self) -> Result<Option<Incoming>, Fault> {
        // The codec refuses it too, and says so as an error in our log: no client shall write there.
        if self
            .inbox
            .first()
            .is_some_and(|first| first & (FINAL | CONTROL) == CONTROL)
        {
            return Err(Fault::Protocol);
        }
        let frame = self
            .codec
            .decode(&mut self.inbox)
            .map_err(|error| match error {
                ProtocolError::Overflow => Fault::TooBig,
                _ => Fault::Protocol,
            })?;
        // The codec would wait for the end of a frame of any length.
        if frame.is_none() && self.inbox.len() > LONGEST_MESSAGE + LONGEST_HEAD {
            return Err(Fault::TooBig);
        }
        Ok(frame)
    }

    /// The message that `frame` is, or completes.
    fn whole(&mut self, frame: Incoming) -> Result<Option<Heard>, Fault> {
        let heard = match frame {
            Incoming::Text(text) => text_of(text)?,
            Incoming::Binary(_) => Heard::Binary,
            Incoming::Ping(payload) => Heard::Ping(payload),
            Incoming::Pong(_) => Heard::Pong,
            Incoming::Close(reason) => Heard::Close(reason.map(|it| it.code.into())),
            Incoming::Continuation(item) => return self.fragment(item),
        };
        Ok(Some(heard))
    }

    fn fragment(&mut self, item: Item) -> Result<Option<Heard>, Fault> {
        match item {
            Item::FirstText(part) => self.fragments = Some(part.into()),
            Item::FirstBinary(_) => self.fragments = None,
            Item::Continue(part) => self.append(&part)?,
            Item::Last(part) => {
                self.append(&part)?;
                let whole = self.fragments.take().map(|text| text_of(text.freeze()));
                return whole.unwrap_or(Ok(Heard::Binary)).map(Some);
            }
        }
        Ok(None)
    }

    fn append(&mut self, part: &[u8]) -> Result<(), Fault> {
        let Some(text) = &mut self.fragments else {
            return Ok(());
        };
        if text.len() + part.len() > LONGEST_MESSAGE {
            return Err(Fault::TooBig);
        }
        text.extend_from_slice(part);
        Ok(())
    }
}

fn text_of(text: Bytes) -> Result<Heard, Fault> {
    if std::str::from_utf8(&text).is_err() {
        return Err(Fault::NotText);
    }
    Ok(Heard::Text(text))
}

#[cfg(test)]
mod tests;
