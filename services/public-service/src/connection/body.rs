//! A body that tells its connection's [`super::Traffic`] when it waits for the
//! client, and that is taken in pieces.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;
use pin_project_lite::pin_project;

use super::traffic::Answer;

/// actix copies each piece into a buffer of the connection and asks for the next
/// when there is room. In one piece, a board would be copied whole for everyone
/// who does not read.
const PIECE_BYTES: usize = 16 * 1024;

pin_project! {
    /// Any body, watched.
    pub struct Paced<B> {
        #[pin]
        body: B,
        rest: Bytes,
        // None where there is no connection to speak of, as in unit tests.
        answer: Option<Answer>,
    }
}

impl<B> Paced<B> {
    pub fn new(body: B, answer: Option<Answer>) -> Self {
        Self {
            body,
            rest: Bytes::new(),
            answer,
        }
    }
}

impl<B: MessageBody> MessageBody for Paced<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.project();
        if let Some(answer) = this.answer {
            answer.asked();
        }
        if this.rest.is_empty() {
            match ready!(this.body.poll_next(cx)) {
                Some(Ok(bytes)) => *this.rest = bytes,
                end => return Poll::Ready(end),
            }
        }
        let piece = this.rest.split_to(this.rest.len().min(PIECE_BYTES));
        if let Some(answer) = this.answer {
            answer.handed_out();
        }
        Poll::Ready(Some(Ok(piece)))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;

    use super::*;
    use crate::connection::traffic::Traffic;

    fn poll(body: &mut Paced<Bytes>) -> Option<usize> {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        match Pin::new(body).poll_next(&mut cx) {
            Poll::Ready(Some(Ok(piece))) => Some(piece.len()),
            _ => None,
        }
    }

    #[test]
    fn a_large_body_is_taken_in_pieces_and_waits_in_between() {
        let traffic = Traffic::begin();
        let board = Bytes::from(vec![b'x'; PIECE_BYTES + 5]);
        let mut body = Paced::new(board, Some(traffic.request()));
        let now = std::time::Duration::ZERO;

        assert!(!traffic.stalled_for(now));
        assert_eq!(poll(&mut body), Some(PIECE_BYTES));
        assert!(
            traffic.stalled_for(now),
            "handed out, and nobody asked again"
        );
        assert_eq!(poll(&mut body), Some(5));
        assert_eq!(poll(&mut body), None);
        assert!(!traffic.stalled_for(now));
        drop(body);
        assert_eq!(traffic.answers(), 0);
    }

    #[actix_web::test]
    async fn no_byte_is_lost_or_repeated() {
        let board: Vec<u8> = (0..=255).cycle().take(3 * PIECE_BYTES + 1).collect();
        let body = Paced::new(Bytes::from(board.clone()), None);
        assert_eq!(to_bytes(body).await.unwrap(), board);
    }
}
