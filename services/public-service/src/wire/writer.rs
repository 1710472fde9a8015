//! Writes one stream to one socket until either end is done with it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use bytes::Bytes;
use socket2::SockRef;
use tokio::time::{Instant, Sleep};

use crate::status::{Closing, ViewerStream, Write};

/// The end of a chunked body.
const END: &[u8] = b"0\r\n\r\n";
/// A client that sends this much behind its request is no `EventSource`.
const MOST_STRAY_BYTES: usize = 64 * 1024;

/// A slow reader that takes this much, or the rest of a frame, has the whole
/// deadline again; one that takes a byte a minute would hold an old board for ever.
const SIGN_OF_LIFE_BYTES: usize = 1024;

/// One stream on one socket. A future by hand, because this is the path of every
/// delivery: woken by a change, it writes without asking the reactor anything,
/// and goes to sleep with the registrations that it already has.
pub struct Writer {
    io: TcpStream,
    stream: ViewerStream,
    deadline: Duration,
    /// What the socket did not take yet; nothing is folded into it any more.
    rest: Bytes,
    /// Running while `rest` waits.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Bytes taken since it was started.
    taken: usize,
    /// The last time that it was started, while the kernel's own clock is off.
    kernel_off_since: Option<Instant>,
    last: bool,
    /// Whether the reactor wakes us when the client sends or leaves.
    listening: bool,
    stray: usize,
}

impl Writer {
    /// Writes `head` first, then `stream`.
    pub fn new(io: TcpStream, stream: ViewerStream, deadline: Duration, head: Bytes) -> Self {
        Self {
            io,
            stream,
            deadline,
            rest: head,
            stalled: None,
            taken: 0,
            kernel_off_since: None,
            last: false,
            listening: false,
            stray: 0,
        }
    }

    /// Runs to the end; why it ended is told to the stream's metrics.
    pub async fn run(mut self) {
        let closing = std::future::poll_fn(|cx| self.poll(cx)).await;
        if let Some(closing) = closing {
            self.stream.ends(closing);
        }
        if closing == Some(Closing::WriteDeadline) {
            // What the kernel still holds for a dead reader goes with the connection.
            let _ = self.io.set_zero_linger();
        }
    }

    /// `Some` reason where it is not the one that the stream knows itself.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Closing>> {
        let mut wrote = false;
        loop {
            match self.poll_rest(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(closing)) => return Poll::Ready(Some(closing)),
                Poll::Pending => break,
            }
            if self.last {
                return Poll::Ready(None);
            }
            match self.stream.poll_write(cx) {
                Poll::Ready(Write::Frame(frame, sent)) => {
                    if let Some(frame) = sent {
                        self.stream.sent(&frame);
                    }
                    self.rest = frame.chunked();
                    self.trust_kernel_again();
                    wrote = true;
                }
                Poll::Ready(Write::Last(frame)) => {
                    self.last = true;
                    self.rest = [&frame.chunked()[..], END].concat().into();
                }
                Poll::Pending => break,
            }
        }
        // Woken for a change and still registered. A client that stirred in the same
        // moment has used the registration up, and would never be heard again.
        if wrote && self.listening && !self.has_stirred() {
            return Poll::Pending;
        }
        self.poll_client(cx).map(Some)
    }

    /// Straight to the socket first: what tokio knows of its readiness lies in
    /// memory that is cold when a change goes to thousands, and is right nearly always.
    fn send(&self) -> io::Result<usize> {
        match SockRef::from(&self.io).send(&self.rest) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.io.try_write(&self.rest)
            }
            sent => sent,
        }
    }

    /// Puts `rest` into the socket.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Closing>> {
        while !self.rest.is_empty() {
            match self.send() {
                Ok(taken) => {
                    self.rest = self.rest.slice(taken..);
                    self.taken += taken;
                    if self.rest.is_empty() || self.taken >= SIGN_OF_LIFE_BYTES {
                        self.stalled = None;
                        self.taken = 0;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.poll_stalled(cx))?;
                }
                Err(error) => return Poll::Ready(Err(lost(&error))),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Ready when the socket may take more, or has taken nothing for too long.
    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Closing>> {
        if self.stalled.is_none() {
            self.count_alone();
        }
        let deadline = self.deadline;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(deadline)));
        if stalled.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(Closing::WriteDeadline));
        }
        self.io.poll_write_ready(cx).map_err(|error| lost(&error))
    }

    /// From now on only our clock counts. Linux counts `TCP_USER_TIMEOUT` from the
    /// first time that a narrow window closed, whatever was read since, and would
    /// cut off who is merely slow.
    fn count_alone(&mut self) {
        #[cfg(target_os = "linux")]
        if self.kernel_off_since.is_none() {
            let _ = SockRef::from(&self.io).set_tcp_user_timeout(None);
        }
        self.kernel_off_since = Some(Instant::now());
    }

    /// After a whole deadline without a stall the kernel counts again: only it
    /// sees a reader that vanished with little on its way.
    fn trust_kernel_again(&mut self) {
        let off = self.kernel_off_since;
        if off.is_some_and(|since| since.elapsed() >= self.deadline) {
            self.kernel_off_since = None;
            #[cfg(target_os = "linux")]
            let _ = SockRef::from(&self.io).set_tcp_user_timeout(Some(self.deadline));
        }
    }

    /// Whether the reactor has seen the client send or leave: one look at a flag, no
    /// call into the kernel while there is nothing.
    fn has_stirred(&self) -> bool {
        let nothing = self.io.try_read(&mut []);
        !nothing.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Ready when the client has left, or talks too much.
    fn poll_client(&mut self, cx: &mut Context<'_>) -> Poll<Closing> {
        let mut space = [0; 512];
        self.listening = false;
        while self.stray <= MOST_STRAY_BYTES {
            if self.io.poll_read_ready(cx).is_pending() {
                self.listening = true;
                return Poll::Pending;
            }
            match self.io.try_read(&mut space) {
                Ok(0) => break,
                Ok(stray) => self.stray += stray,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(lost(&error)),
            }
        }
        Poll::Ready(Closing::ClientGone)
    }
}

/// The kernel minds the deadline too (`TCP_USER_TIMEOUT`), alone while its
/// buffer holds all that a dead reader does not take.
fn lost(error: &io::Error) -> Closing {
    match error.kind() {
        io::ErrorKind::TimedOut => Closing::WriteDeadline,
        _ => Closing::ClientGone,
    }
}
