//! HTTP/1.1 as bytes on a TCP connection: written by hand because the faults of interest (a short
//! body, a drip, a reset) are exactly what a web framework prevents.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Most bytes of a request's head, and of its body.
const MOST: usize = 64 * 1024;
/// Most header fields of a request.
const MOST_HEADERS: usize = 64;

/// A request, complete.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// By lower-case name.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Bytes,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .get(&name.to_ascii_lowercase())
            .map(String::as_str)
    }

    fn says_close(&self) -> bool {
        self.header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// A body and the manner of sending it.
pub(crate) enum Body {
    /// All of it, at once.
    Whole(Bytes),
    /// Piece by piece, with the size announced or chunked.
    Pieces(Option<u64>, Box<dyn Iterator<Item = Bytes> + Send>),
    /// One byte per pause.
    Drip(Bytes, Duration),
    /// Announced whole, ended after half.
    HalfThenEnd(Bytes),
    /// Announced whole, reset after half.
    HalfThenReset(Bytes),
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Body")
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(whole: T) -> Self {
        Self::Whole(whole.into())
    }
}

/// A status, headers and a body.
#[derive(Debug)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Body,
}

impl Reply {
    pub(crate) fn of(status: u16, content_type: &str, body: impl Into<Body>) -> Self {
        let headers = vec![("content-type", content_type.to_owned())];
        Self {
            status,
            headers,
            body: body.into(),
        }
    }

    pub(crate) fn json(status: u16, body: impl Into<Body>) -> Self {
        Self::of(status, "application/json", body)
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Body::Whole(Bytes::new()),
        }
    }

    /// A status explained by a short JSON body.
    pub(crate) fn problem(status: u16) -> Self {
        Self::json(status, format!(r#"{{"error":"{}"}}"#, reason(status)))
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

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
            if let Some((mut request, head)) = parse_head(&self.unread)? {
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
        let head = head(&reply, close);
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

fn head(reply: &Reply, close: bool) -> String {
    let mut head = format!("HTTP/1.1 {} {}\r\n", reply.status, reason(reply.status));
    for (name, value) in &reply.headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    let framing = match &reply.body {
        Body::Pieces(None, _) => Some("transfer-encoding: chunked\r\n".to_owned()),
        Body::Pieces(Some(size), _) => Some(format!("content-length: {size}\r\n")),
        // A 304 has no body and, without its length known, no length either.
        Body::Whole(_) if reply.status == 304 => None,
        Body::Whole(body)
        | Body::Drip(body, _)
        | Body::HalfThenEnd(body)
        | Body::HalfThenReset(body) => Some(format!("content-length: {}\r\n", body.len())),
    };
    head.push_str(framing.as_deref().unwrap_or_default());
    if close {
        head.push_str("connection: close\r\n");
    }
    head.push_str("\r\n");
    head
}

fn parse_head(bytes: &[u8]) -> io::Result<Option<(Request, usize)>> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut parsed = httparse::Request::new(&mut fields);
    let status = parsed.parse(bytes).map_err(broken)?;
    let httparse::Status::Complete(size) = status else {
        return Ok(None);
    };
    let headers = parsed.headers.iter().map(|field| {
        let value = String::from_utf8_lossy(field.value).into_owned();
        (field.name.to_ascii_lowercase(), value)
    });
    let request = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        path: parsed.path.unwrap_or_default().to_owned(),
        headers: headers.collect(),
        body: Bytes::new(),
    };
    Ok(Some((request, size)))
}

fn broken(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        302 => "Found",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}
