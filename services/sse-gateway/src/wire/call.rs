//! Calls another server: one POST at a time on kept connections. Says, where a call fails, whether it can have arrived.

use std::io;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use httparse::{EMPTY_HEADER, Response, Status};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use super::body::Framing;
use super::head::{LONGEST_HEAD, digits};

/// Idle connections that are kept.
const MOST_IDLE: usize = 64;
/// A connection is not used again after this much quiet: common servers close theirs after 2 to 5 seconds, and a
/// request that crosses with that is lost.
const IDLE_FOR: Duration = Duration::from_millis(1_500);
/// Connections that are opened at once: simple servers keep a handful of them waiting and drop the others for seconds,
/// and a wave of calls finds connections that were given back.
const MOST_OPENING: usize = 5;
/// One that has not brought an answer in this time is no longer counted: a slow server must not be slowed further.
const OPENING: Duration = Duration::from_millis(10);
/// For a connection, with its TLS.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// For the body behind a status that says no.
const BODY_OF_REFUSAL: Duration = Duration::from_secs(1);
/// Bytes of an answer's body that are read.
const LARGEST_ANSWER: usize = 1024 * 1024 + 64 * 1024;
const MOST_HEADERS: usize = 100;

type Io = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// Where and how to call.
pub struct Caller {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    /// Everything up to the value of Content-Length.
    head: String,
    idle: Mutex<Vec<(Io, Instant)>>,
    opening: Semaphore,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum CallError {
    /// Not sent in full, so the other side has not acted on it.
    NotSent(io::Error),
    /// Sent; the other side may have acted on it.
    Lost(io::Error),
}

impl Caller {
    /// Calls `target` at `host`; `head` holds header lines, each with its end.
    pub fn new(
        host: &str,
        port: u16,
        tls: Option<Arc<rustls::ClientConfig>>,
        target: &str,
        head: &str,
    ) -> io::Result<Self> {
        let bare = host.trim_matches(['[', ']']).to_owned();
        let named = |config| {
            let name = ServerName::try_from(bare.clone()).map_err(io::Error::other)?;
            Ok::<_, io::Error>((TlsConnector::from(config), name))
        };
        Ok(Self {
            tls: tls.map(named).transpose()?,
            head: format!("POST {target} HTTP/1.1\r\n{head}Content-Length: "),
            host: bare,
            port,
            idle: Mutex::default(),
            opening: Semaphore::new(MOST_OPENING),
        })
    }

    /// Sends `body` and reads the answer: its status and body. There is no deadline here; whoever drops the call
    /// drops its connection, and learns from `written` whether the other side may have acted on it.
    pub async fn call(&self, body: &[u8], written: &AtomicBool) -> Result<(u16, Bytes), CallError> {
        let request = [
            self.head.as_bytes(),
            body.len().to_string().as_bytes(),
            b"\r\n\r\n",
            body,
        ]
        .concat();
        if let Some(io) = self.kept_sent(&request).await {
            written.store(true, Ordering::Relaxed);
            return self.answered(io).await;
        }
        // The semaphore is never closed. Meanwhile others may have given back a connection.
        let turn = self.opening.acquire().await;
        if let Some(io) = self.kept_sent(&request).await {
            written.store(true, Ordering::Relaxed);
            drop(turn);
            return self.answered(io).await;
        }
        let io = self.fresh(&request).await.map_err(CallError::NotSent)?;
        written.store(true, Ordering::Relaxed);
        let mut answered = std::pin::pin!(self.answered(io));
        if let Ok(answered) = timeout(OPENING, &mut answered).await {
            return answered;
        }
        drop(turn);
        answered.await
    }

    /// A kept connection that has taken `request`; one that does not take it has not delivered it.
    async fn kept_sent(&self, request: &[u8]) -> Option<Io> {
        let mut io = self.kept()?;
        deliver(&mut io, request).await.ok().map(|()| io)
    }

    async fn answered(&self, mut io: Io) -> Result<(u16, Bytes), CallError> {
        let (answer, reusable) = answer(&mut io).await.map_err(CallError::Lost)?;
        if reusable {
            self.keep(io);
        }
        Ok(answer)
    }

    async fn fresh(&self, request: &[u8]) -> io::Result<Io> {
        let late = |_| Err(io::ErrorKind::TimedOut.into());
        let connected = timeout(CONNECT_WITHIN, self.connect()).await;
        let mut io = connected.unwrap_or_else(late)?;
        deliver(&mut io, request).await?;
        Ok(io)
    }

    async fn connect(&self) -> io::Result<Io> {
        let tcp = TcpStream::connect((self.host.as_str(), self.port)).await?;
        tcp.set_nodelay(true)?;
        Ok(match &self.tls {
            None => Either::Left(tcp),
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), tcp).await?;
                Either::Right(Box::new(stream))
            }
        })
    }

    /// The connection that was used last, if it still stands.
    fn kept(&self) -> Option<Io> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((io, since)) = idle.pop() {
            if since.elapsed() > IDLE_FOR {
                // All below it are older.
                idle.clear();
                return None;
            }
            if is_quiet(&io) {
                return Some(io);
            }
        }
        None
    }

    fn keep(&self, io: Io) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST_IDLE {
            idle.push((io, Instant::now()));
        }
    }
}

async fn deliver(io: &mut Io, request: &[u8]) -> io::Result<()> {
    io.write_all(request).await?;
    // TLS may hold the end back.
    io.flush().await
}

/// Whether the other side has neither closed nor said anything.
fn is_quiet(io: &Io) -> bool {
    let tcp = match io {
        Either::Left(tcp) => tcp,
        Either::Right(tls) => tls.get_ref().0,
    };
    let mut nothing = [MaybeUninit::uninit(); 1];
    let peeked = socket2::SockRef::from(tcp).peek(&mut nothing);
    peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

async fn answer<S: AsyncRead + AsyncWrite + Unpin>(io: &mut S) -> io::Result<((u16, Bytes), bool)> {
    let mut buffer = BytesMut::with_capacity(1024);
    loop {
        if io.read_buf(&mut buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        while let Some(head) = AnswerHead::take(&mut buffer)? {
            // 1xx announce the answer.
            if head.status >= 200 {
                let framing = head.framing;
                let body = framing.read(io, &mut buffer, LARGEST_ANSWER);
                let body = if (200..300).contains(&head.status) {
                    Some(body.await.map_err(io::Error::other)?)
                } else {
                    // A refusal is one, whatever becomes of its body, which nobody reads.
                    timeout(BODY_OF_REFUSAL, body)
                        .await
                        .ok()
                        .and_then(Result::ok)
                };
                let framed = body.is_some() && framing != Framing::ToEnd && buffer.is_empty();
                let answer = (head.status, body.unwrap_or_default());
                return Ok((answer, framed && head.keep_alive));
            }
        }
    }
}

struct AnswerHead {
    status: u16,
    framing: Framing,
    keep_alive: bool,
}

impl AnswerHead {
    fn take(buffer: &mut BytesMut) -> io::Result<Option<Self>> {
        let mut space = [EMPTY_HEADER; MOST_HEADERS];
        let mut response = Response::new(&mut space);
        let len = match response.parse(buffer) {
            Ok(Status::Complete(len)) => len,
            Ok(Status::Partial) if buffer.len() <= LONGEST_HEAD => return Ok(None),
            _ => return Err(io::Error::other("the answer is no HTTP/1.1")),
        };
        let status = response.code.unwrap_or_default();
        let value = |name: &str| {
            let mut named = response.headers.iter();
            named
                .find(|header| header.name.eq_ignore_ascii_case(name))
                .map(|header| header.value)
        };
        let framing = if matches!(status, 100..200 | 204 | 304) {
            Framing::None
        } else if value("transfer-encoding").is_some() {
            Framing::Chunked
        } else {
            value("content-length")
                .and_then(digits)
                .map_or(Framing::ToEnd, Framing::Length)
        };
        let connection = value("connection").unwrap_or_default();
        let keep_alive = if response.version == Some(1) {
            !connection.eq_ignore_ascii_case(b"close")
        } else {
            connection.eq_ignore_ascii_case(b"keep-alive")
        };
        let _ = buffer.split_to(len);
        Ok(Some(Self {
            status,
            framing,
            keep_alive,
        }))
    }
}
