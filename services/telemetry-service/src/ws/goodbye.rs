//! The end of a socket: the last words, the close frame, and a moment for the client to take them.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use super::ending::Ending;
use crate::frame::Frame;
use crate::wire::Socket;

/// How long a client may take to say goodbye after we did.
const GOODBYE_WITHIN: Duration = Duration::from_secs(3);

/// Ends `socket`: what is still to be said, the close frame, and a moment for the client to take it.
pub async fn say_goodbye<T: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut Socket<T>,
    mut last: VecDeque<Frame>,
    ending: Ending,
) {
    let Some((code, reason)) = ending.close() else {
        return;
    };
    last.push_back(Frame::close(code, reason));
    let parting = async {
        loop {
            if poll_fn(|cx| socket.poll_flush(cx)).await.is_err() {
                return;
            }
            let Some(frame) = last.pop_front() else {
                break;
            };
            socket.send(frame);
        }
        poll_fn(|cx| socket.poll_shutdown(cx)).await;
        // Closed before it has read what was under way to us, the kernel would reset the connection, and our close
        // frame could be lost.
        poll_fn(|cx| socket.poll_ignore(cx)).await;
    };
    // Whoever does not take it has had its chance.
    let _ = tokio::time::timeout(GOODBYE_WITHIN, parting).await;
}
