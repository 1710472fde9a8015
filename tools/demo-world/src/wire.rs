//! HTTP/1.1 as bytes on a TCP connection: written by hand because the faults of interest (a short
//! body, a drip, a reset) are exactly what a web framework prevents.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::message::{Body, Reply, Request, broken};

/// Most bytes of a request's head, and of its body.
const MOST: usize = 1024 * 1024;

/// One accepted connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    unread: BytesMut,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            unread: BytesMut::new(),
        }
    }

    /// The next request; `None` when the peer is done, an error when it talks no HTTP/1.1.
    pub(crate) async fn read(&mut self) -> io::Result<Option<Request>> {
        loop {
            if let Some((mut request, head)) = Request::parse(&self.unread)? {
                self.unread.advance(head);
                request.body = self.read_body(&request).await?;
                return Ok(Some(request));
            }
            if self.fill().await? == 0 {
                return Ok(None);
            }
        }
    }

    async fn read_body(&mut self, request: &Request) -> io::Result<Bytes> {
        let size = request
            .header("content-length")
            .map_or(Ok(0), str::parse::<usize>);
        let size = size.map_err(|_| broken("content-length is no number"))?;
        if size > MOST || request.headers.contains_key("transfer-encoding") {
            return Err(broken("a body of that kind is not read here"));
        }
        while self.unread.len() < size {
            if self.fill().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.unread.split_to(size).freeze())
    }

    async fn fill(&mut self) -> io::Result<usize> {
        if self.unread.len() > MOST {
            return Err(broken("the request is too long"));
        }
        self.stream.read_buf(&mut self.unread).await
    }

    /// Resolves when the peer has closed; never while it has sent something that waits to be read.
    pub(crate) async fn gone(&self) {
        let mut byte = [0];
        if let Ok(1..) = self.stream.peek(&mut byte).await {
            std::future::pending::<()>().await;
        }
    }

    /// Sends a reply; the connection comes back if it can take another request.
    pub(crate) async fn write(
        mut self,
        request: &Request,
        reply: Reply,
    ) -> io::Result<Option<Self>> {
        let bent = !matches!(reply.body, Body::Whole(_) | Body::Pieces(..));
        let close = bent || request.says_close();
        let head = reply.head(close);
        match reply.body {
            Body::Whole(body) => {
                let all = [head.as_bytes(), &body].concat();
                self.stream.write_all(&all).await?;
            }
            Body::Pieces(announced, pieces) => {
                self.stream.write_all(head.as_bytes()).await?;
                self.write_pieces(announced.is_none(), pieces).await?;
            }
            Body::Drip(body, pause) => {
                self.stream.set_nodelay(true)?;
                self.stream.write_all(head.as_bytes()).await?;
                for byte in body {
                    tokio::time::sleep(pause).await;
                    self.stream.write_all(&[byte]).await?;
                }
            }
            Body::HalfThenEnd(body) => self.write_half(&head, &body).await?,
            Body::HalfThenReset(body) => {
                self.write_half(&head, &body).await?;
                self.stream.set_zero_linger()?;
            }
        }
        self.stream.flush().await?;
        Ok((!close).then_some(self))
    }

    async fn write_pieces(
        &mut self,
        chunked: bool,
        pieces: Box<dyn Iterator<Item = Bytes> + Send>,
    ) -> io::Result<()> {
        for piece in pieces {
            if chunked {
                let size = format!("{:x}\r\n", piece.len());
                self.stream
                    .write_all(&[size.as_bytes(), &piece, b"\r\n"].concat())
                    .await?;
            } else {
                self.stream.write_all(&piece).await?;
            }
        }
        if chunked {
            self.stream.write_all(b"0\r\n\r\n").await?;
        }
        Ok(())
    }

    async fn write_half(&mut self, head: &str, body: &Bytes) -> io::Result<()> {
        self.stream.write_all(head.as_bytes()).await?;
        self.stream.write_all(&body[..body.len() / 2]).await
    }

    /// Ends the connection with a reset instead of a farewell.
    pub(crate) fn reset(self) -> io::Result<()> {
        self.stream.set_zero_linger()
    }
}
