//! One connection: requests one after another, until a stream takes it over or somebody is done with it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::gate::{Door, Gate};
use super::routes::{self, Reply, Told};
use super::stream::{self, Opened};
use crate::error::ApiError;
use crate::wire::{Answer, BadBody, BadHead, Framing, Head, Method, Socket, Stamp};

/// For a head, from its first byte.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// For a body.
const BODY_WITHIN: Duration = Duration::from_secs(30);
/// For asking anything.
const IDLE: Duration = Duration::from_secs(75);
/// For taking an answer.
const TAKE_WITHIN: Duration = Duration::from_secs(30);
/// For reading the answer before we hang up on someone who still sends.
const LINGER: Duration = Duration::from_secs(2);

/// Serves `socket` to its end.
pub async fn serve(mut socket: Socket, door: Door, gate: Arc<Gate>) {
    let mut buffer = BytesMut::new();
    while let Some(head) = next_head(&mut socket, &mut buffer, &gate).await {
        let stamp = gate.stamp(&head);
        let most = routes::largest_body(&gate, door, &head);
        let reply = match read_body(&mut socket, &mut buffer, &head, most).await {
            Ok(body) => routes::reply(&gate, door, &head, &body),
            Err(BadBody::Io(_)) => return,
            Err(BadBody::TooLarge) => {
                let error = routes::too_large(&gate, door, &head);
                return refuse(socket, &head, &stamp, error).await;
            }
            Err(BadBody::Malformed) => {
                return refuse(socket, &head, &stamp, ApiError::malformed()).await;
            }
        };
        let (told, in_step) = match reply {
            Reply::Told(told) => (told, true),
            Reply::Stream => match stream::open(&mut socket, &gate, &head, &stamp).await {
                Opened::Refused { told, in_step } => (told, in_step),
                Opened::Left => return,
                Opened::Stream(stream) => {
                    // It keeps its connection for hours, and needs no buffer.
                    drop((head, stamp, buffer));
                    return Box::pin(stream.run(socket, &gate)).await;
                }
            },
        };
        gate.log(&head, told.status, &stamp);
        let keep_alive = in_step && head.keep_alive && !gate.stopping.is_cancelled();
        if !tell(&mut socket, &head, &stamp, &told, keep_alive).await {
            return;
        }
        if !keep_alive {
            return hang_up(socket).await;
        }
    }
}

/// Whether the client has taken the answer.
async fn tell(
    socket: &mut Socket,
    head: &Head,
    stamp: &Stamp,
    told: &Told,
    keep_alive: bool,
) -> bool {
    let answer = Answer {
        status: told.status,
        body: &told.body,
        headers: &told.headers,
        keep_alive,
        bodiless: head.method == Method::Head,
        stamp,
    };
    let sent = timeout(TAKE_WITHIN, socket.write_all(&answer.encode())).await;
    matches!(sent, Ok(Ok(())))
}

/// The next head; `None` where there is none: the client is done, or has been told why not.
async fn next_head(socket: &mut Socket, buffer: &mut BytesMut, gate: &Gate) -> Option<Head> {
    if buffer.is_empty() {
        let first = timeout(IDLE, read_more(socket, buffer));
        // A connection on which nothing is asked ends with the stop.
        let first = gate.stopping.run_until_cancelled(first).await?;
        first.ok()?.ok()?;
    }
    let whole = async {
        loop {
            match Head::take(buffer) {
                Ok(Some(head)) => return Some(Ok(head)),
                Ok(None) => read_more(socket, buffer).await.ok()?,
                Err(BadHead::Malformed) => return Some(Err(400)),
                Err(BadHead::TooLong) => return Some(Err(431)),
            }
        }
    };
    match timeout(HEAD_WITHIN, whole)
        .await
        .unwrap_or(Some(Err(408)))?
    {
        Ok(head) => Some(head),
        Err(status) => {
            // Whoever does not take it is not owed it.
            let _ = timeout(LINGER, socket.write_all(&Answer::bare(status))).await;
            hang_up(socket.clone()).await;
            None
        }
    }
}

async fn read_more(socket: &mut Socket, buffer: &mut BytesMut) -> io::Result<()> {
    buffer.reserve(2048);
    if socket.read_buf(buffer).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

async fn read_body(
    socket: &mut Socket,
    buffer: &mut BytesMut,
    head: &Head,
    most: usize,
) -> Result<Bytes, BadBody> {
    if head.framing == Framing::None {
        return Ok(Bytes::new());
    }
    let read = async {
        let fits = !matches!(head.framing, Framing::Length(length) if length > most as u64);
        if head.expects && fits && buffer.is_empty() {
            socket.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        head.framing.read(socket, buffer, most).await
    };
    let late = |_| Err(BadBody::Io(io::ErrorKind::TimedOut.into()));
    timeout(BODY_WITHIN, read).await.unwrap_or_else(late)
}

/// Says what is wrong and hangs up: what the client sends behind cannot be told from a new request.
async fn refuse(mut socket: Socket, head: &Head, stamp: &Stamp, error: ApiError) {
    tell(&mut socket, head, stamp, &error.into(), false).await;
    hang_up(socket).await;
}

/// Closes our side and waits a moment for theirs: bytes that nobody read would turn the close into a reset, and the
/// answer would be lost on its way.
async fn hang_up(mut socket: Socket) {
    let _ = socket.shutdown().await;
    let drain = async {
        // Not in the future: it would be a part of every connection.
        let mut space = vec![0; 4096];
        while socket.read(&mut space).await.is_ok_and(|read| read > 0) {}
    };
    let _ = timeout(LINGER, drain).await;
}
