//! The first look at a connection: what its client wants, without taking a byte.

use std::future::poll_fn;
use std::io;
use std::task::{Poll, ready};

use actix_http::Protocol;
use actix_web::rt::net::TcpStream;
use tokio::io::ReadBuf;

use super::head::{LONGEST_HEAD, StreamHead, parse};

/// How an HTTP/2 client that knows us begins (RFC 9113, 3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2";

/// Who serves the connection.
pub enum Look {
    /// Our stream writer.
    Stream(StreamHead),
    /// actix, with this protocol.
    Http(Protocol),
    /// Nobody: the client has left.
    Gone,
}

/// Waits for the first bytes. The buffer lives on the stack of a poll, so a
/// connection that is silent for now costs no memory for it.
pub async fn look(io: &TcpStream) -> io::Result<Look> {
    poll_fn(|cx| {
        let mut space = [0; LONGEST_HEAD];
        let mut buffer = ReadBuf::new(&mut space);
        ready!(io.poll_peek(cx, &mut buffer))?;
        Poll::Ready(Ok(classify(buffer.filled())))
    })
    .await
}

fn classify(seen: &[u8]) -> Look {
    if seen.is_empty() {
        return Look::Gone;
    }
    if seen.starts_with(HTTP2_PREFACE) {
        return Look::Http(Protocol::Http2);
    }
    match parse(seen) {
        Some(head) => Look::Stream(head),
        None => Look::Http(Protocol::Http1),
    }
}

/// Takes the head of `len` bytes that was looked at; it is there already.
pub fn consume(io: &TcpStream, len: usize) -> io::Result<()> {
    let mut space = [0; LONGEST_HEAD];
    let mut left = len;
    while left > 0 {
        match io.try_read(&mut space[..left])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            taken => left -= taken,
        }
    }
    Ok(())
}
