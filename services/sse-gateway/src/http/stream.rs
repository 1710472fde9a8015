//! GET of a stream: until the backend has answered, while it is open, and its end.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use farol_core::sse::{Event, EventName, Frame};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::gate::Gate;
use super::request::forwarded;
use super::routes::Told;
use crate::error::ApiError;
use crate::session::{Connection, Ended, Reason, Refusal};
use crate::settings::RejectMode;
use crate::wire::{Head, Socket, Stamp, stream_head};

/// For taking the rest of a stream that has ended.
const FLUSH_WITHIN: Duration = Duration::from_secs(10);
/// A client that sends this much behind its request is no `EventSource`.
const MOST_STRAY_BYTES: usize = 64 * 1024;
/// The end of a chunked body.
const END: &[u8] = b"0\r\n\r\n";

/// What a GET of a stream comes to.
pub enum Opened {
    /// It is open.
    Stream(Stream),
    /// This is why not.
    Refused {
        /// The answer.
        told: Told,
        /// Nothing came from the client meanwhile that nobody has kept: the next byte begins a request.
        in_step: bool,
    },
    /// The client does not wait for an answer any more.
    Left,
}

/// An open stream.
pub struct Stream {
    connection: Arc<Connection>,
    chunks: bool,
}

/// Registers the client and waits for the backend.
pub async fn open(socket: &mut Socket, gate: &Arc<Gate>, head: &Head, stamp: &Stamp) -> Opened {
    let chunks = head.chunks;
    let mut stray = 0;
    let refusal = match begin(socket, gate, head, stamp, &mut stray).await {
        Ok(Some(connection)) => {
            gate.log(head, 200, stamp);
            return Opened::Stream(Stream { connection, chunks });
        }
        Ok(None) => return Opened::Left,
        Err(refusal) => refusal,
    };
    let error = ApiError::refused(refusal, gate.retry_after());
    let told = matches!(refusal, Refusal::Backend(400 | 401 | 403));
    if !told || gate.reject == RejectMode::Status {
        return Opened::Refused {
            told: error.into(),
            in_step: stray == 0,
        };
    }
    gate.log(head, 200, stamp);
    let _ = timeout(
        FLUSH_WITHIN,
        socket.write_all(&rejected(&error, chunks, stamp)),
    )
    .await;
    let _ = socket.shutdown().await;
    Opened::Left
}

/// An open connection, or `None` where the client has left.
async fn begin(
    socket: &Socket,
    gate: &Arc<Gate>,
    head: &Head,
    stamp: &Stamp,
    stray: &mut usize,
) -> Result<Option<Arc<Connection>>, Refusal> {
    if gate.stopping.is_cancelled() {
        gate.metrics.connected("draining");
        return Err(Refusal::Draining);
    }
    let writer = socket.clone();
    let line = Box::new(move |bytes: &[u8]| writer.put(bytes));
    let sessions = &gate.sessions;
    let connection = sessions.begin(forwarded(head), line, head.chunks)?;
    let opening = stream_head(head.chunks, stamp);
    let answered = async {
        loop {
            connection.changed().await;
            if let Some(opened) = connection.open(opening.as_bytes(), sessions.style.opening()) {
                return opened;
            }
        }
    };
    tokio::select! {
        biased;
        (opened, step) = answered => {
            sessions.follow(&connection, step);
            opened.map(|()| Some(Arc::clone(&connection)))
        }
        _ = socket.left(stray, MOST_STRAY_BYTES) => {
            sessions.end(&connection, Reason::ClientClosed);
            Ok(None)
        }
        () = sleep(sessions.limits.timeout) => {
            sessions.end(&connection, Reason::Error);
            Err(Refusal::Timeout)
        }
    }
}

impl Stream {
    /// Serves it to its end, whoever brings that.
    pub async fn run(self, mut socket: Socket, gate: &Arc<Gate>) {
        gate.metrics.open.inc();
        self.serve(&socket, gate).await;
        gate.metrics.open.dec();
        self.finish(&mut socket, gate).await;
    }

    async fn serve(&self, socket: &Socket, gate: &Arc<Gate>) {
        let (sessions, connection) = (&gate.sessions, &*self.connection);
        let heartbeat = Frame::comment("heartbeat");
        let mut stray = 0;
        let mut beat = pin!(sleep(gate.heartbeat));
        let mut leave = pin!(leaving(gate));
        while !connection.has_ended() {
            let behind = connection.queued() > 0;
            let step = tokio::select! {
                biased;
                () = connection.changed() => continue,
                _ = socket.writable(), if behind => connection.flush(),
                left = socket.left(&mut stray, MOST_STRAY_BYTES) => connection.end(reason(&left)),
                () = &mut beat => {
                    beat.as_mut().reset(Instant::now() + gate.heartbeat);
                    connection.say(&heartbeat)
                }
                retry = &mut leave => {
                    sessions.follow(connection, connection.say(&Frame::retry(retry)));
                    connection.end(Reason::ServerClosed)
                }
            };
            sessions.follow(connection, step);
        }
    }

    /// Sends the rest, where somebody takes it, and closes.
    async fn finish(&self, socket: &mut Socket, gate: &Gate) {
        let Some(Ended { reason, rest }) = self.connection.ended() else {
            return;
        };
        match reason {
            Reason::ClientClosed => return,
            Reason::Error => return socket.reset(),
            Reason::ServerClosed => {}
        }
        let flush = async {
            for bytes in &rest {
                socket.write_all(bytes).await?;
            }
            if self.chunks {
                socket.write_all(END).await?;
            }
            socket.shutdown().await
        };
        let limit = if gate.stopping.is_cancelled() {
            gate.drain.min(FLUSH_WITHIN)
        } else {
            FLUSH_WITHIN
        };
        let flushed: Result<io::Result<()>, _> = timeout(limit, flush).await;
        if !matches!(flushed, Ok(Ok(()))) {
            socket.reset();
        }
    }
}

/// A client that has vanished has not closed anything.
fn reason(left: &io::Result<()>) -> Reason {
    match left {
        Err(error) if error.kind() == io::ErrorKind::TimedOut => Reason::Error,
        _ => Reason::ClientClosed,
    }
}

/// After a stop each stream ends at its own moment in the first half of the drain window: the other half is for the
/// callbacks. Gives the milliseconds after which its client comes back, spread as well.
async fn leaving(gate: &Gate) -> u32 {
    gate.stopping.cancelled().await;
    let at = gate.random.duration_between(Duration::ZERO..gate.drain / 2);
    sleep_until(Instant::now() + at).await;
    let spread = Duration::from_secs(1)..Duration::from_secs(2) + gate.drain;
    let retry = gate.random.duration_between(spread);
    u32::try_from(retry.as_millis()).unwrap_or(u32::MAX)
}

/// A whole stream that says why there is none: a browser's `EventSource` shows no status.
fn rejected(error: &ApiError, chunks: bool, stamp: &Stamp) -> Vec<u8> {
    const REJECTED: EventName = EventName::from_static("rejected");
    let data = json!({"status": error.status, "message": error.message}).to_string();
    let frame = Event::named(&REJECTED).data(&data).encode();
    let head = stream_head(chunks, stamp);
    if chunks {
        [head.as_bytes(), &frame.chunked(), END].concat()
    } else {
        [head.as_bytes(), &frame.plain()].concat()
    }
}
