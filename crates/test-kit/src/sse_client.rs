//! A strict event-stream client on a raw connection: framing and events are judged, not forgiven.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use farol_core::sse::{Parsed, Parser};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::head::Head;
use crate::http::Asked;
use crate::transfer::Transfer;
use crate::wait::PATIENCE;

/// Events that a failure's text repeats.
const REMEMBERED: usize = 8;

/// An event as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The `id` field of this event.
    pub id: Option<String>,
    /// Its name.
    pub event: String,
    /// Its data.
    pub data: String,
    /// The `retry` field of this event, in milliseconds.
    pub retry: Option<u64>,
}

impl Received {
    /// The data as JSON; panics with the event if it is none.
    pub fn json(&self) -> Value {
        let parsed = serde_json::from_str(&self.data);
        parsed.unwrap_or_else(|error| panic!("data is no JSON ({error}): {self:?}"))
    }
}

impl From<Parsed> for Received {
    fn from(parsed: Parsed) -> Self {
        let Parsed {
            id,
            event,
            data,
            retry,
        } = parsed;
        Self {
            id,
            event,
            data,
            retry,
        }
    }
}

/// An open stream.
#[derive(Debug)]
pub struct SseClient {
    url: String,
    head: Head,
    stream: TcpStream,
    transfer: Transfer,
    parser: Parser,
    wire: Vec<u8>,
    waiting: VecDeque<Received>,
    latest: VecDeque<Received>,
    ended: bool,
}

impl SseClient {
    /// Opens a stream; panics unless it is answered 200, `text/event-stream` and `no-store` (or `no-cache`).
    pub async fn connect(url: &str, headers: &[(&str, &str)]) -> Self {
        Self::open(url, headers, None).await.judged()
    }

    /// The same with a receive buffer (`SO_RCVBUF`) of so many bytes, for readers that are slow.
    pub async fn connect_narrow(url: &str, headers: &[(&str, &str)], buffer: usize) -> Self {
        Self::open(url, headers, Some(buffer)).await.judged()
    }

    /// The same by a GET as it stands, on a connection that is open already: for requests that no
    /// sane client sends, and for answers in HTTP/1.0.
    pub async fn on(connection: TcpStream, request: &[u8]) -> Self {
        let name = request.escape_ascii().to_string();
        let asked = timeout(PATIENCE, Asked::on(connection, request)).await;
        let asked = asked.unwrap_or_else(|_| panic!("{name}: no head within {PATIENCE:?}"));
        Self::answered(name, asked).judged()
    }

    async fn open(url: &str, headers: &[(&str, &str)], buffer: Option<usize>) -> Self {
        let mut headers = headers.to_vec();
        headers.push(("accept", "text/event-stream"));
        let asked = timeout(PATIENCE, Asked::send("GET", url, &headers, b"", buffer)).await;
        let asked = asked.unwrap_or_else(|_| panic!("{url}: no head within {PATIENCE:?}"));
        Self::answered(url.to_owned(), asked)
    }

    fn answered(url: String, asked: Asked) -> Self {
        let mut client = Self {
            url,
            transfer: Transfer::announced(&asked.head, "GET"),
            head: asked.head,
            stream: asked.stream,
            parser: Parser::default(),
            wire: Vec::new(),
            waiting: VecDeque::new(),
            latest: VecDeque::new(),
            ended: false,
        };
        client.take(&asked.unread);
        client
    }

    fn judged(self) -> Self {
        let head = &self.head;
        let wire = String::from_utf8_lossy(&self.wire);
        assert_eq!(head.status, 200, "{}: {head:?} {wire}", self.url);
        assert_eq!(
            head.header("content-type"),
            Some("text/event-stream"),
            "{}",
            self.url
        );
        // The gateway says what its predecessor said.
        let cached = head.header("cache-control");
        let fresh = matches!(cached, Some("no-store" | "no-cache"));
        assert!(fresh, "{}: {cached:?}", self.url);
        assert_eq!(head.header("content-encoding"), None, "{}", self.url);
        assert_eq!(head.header("content-length"), None, "{}", self.url);
        self
    }

    /// Status and headers of the answer.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The next event; panics at the end of the stream, or after 20 s with what came before.
    pub async fn next_event(&mut self) -> Received {
        match self.next_or_end().await {
            Some(event) => event,
            None => panic!("the stream ended; {}", self.story()),
        }
    }

    /// The next event, or `None` once the stream has ended; panics after 20 s of neither.
    pub async fn next_or_end(&mut self) -> Option<Received> {
        self.next_within(PATIENCE).await
    }

    /// The same with a patience of the caller's.
    pub async fn next_within(&mut self, patience: Duration) -> Option<Received> {
        while self.waiting.is_empty() && !self.ended {
            let read = timeout(patience, self.read_some(64 * 1024)).await;
            assert!(
                read.is_ok(),
                "no event within {patience:?}; {}",
                self.story()
            );
        }
        self.waiting.pop_front()
    }

    /// The next event, which must have this name.
    pub async fn expect(&mut self, name: &str) -> Received {
        let event = self.next_event().await;
        assert_eq!(event.event, name, "another event was due; {}", self.story());
        event
    }

    /// The next event of this name; others that come before it are passed over.
    pub async fn skip_to(&mut self, name: &str) -> Received {
        loop {
            let event = self.next_event().await;
            if event.event == name {
                return event;
            }
        }
    }

    /// Reads to the end of the stream and returns what was left on it.
    pub async fn read_to_end(&mut self) -> Vec<Received> {
        let mut events = Vec::new();
        while let Some(event) = self.next_or_end().await {
            events.push(event);
        }
        events
    }

    /// Takes at most `most` bytes off the socket and returns how many came; 0 at the end. This is
    /// how a slow reader reads: nothing is taken unless this (or a verb that waits) is called.
    pub async fn read_some(&mut self, most: usize) -> usize {
        // A reset is an end as well: the tests about it look at `is_ended` and `cut_short`.
        let bytes = self.bytes_off_socket(most).await.unwrap_or_default();
        self.take(&bytes);
        self.ended |= bytes.is_empty() || self.transfer.is_done();
        bytes.len()
    }

    /// Has no buffer while it waits: tests hold thousands of idle streams.
    async fn bytes_off_socket(&self, most: usize) -> io::Result<Vec<u8>> {
        loop {
            self.stream.readable().await?;
            let mut buffer = vec![0; most];
            match self.stream.try_read(&mut buffer) {
                Ok(size) => {
                    buffer.truncate(size);
                    return Ok(buffer);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The events that were read and not yet handed out.
    pub fn drain(&mut self) -> Vec<Received> {
        self.waiting.drain(..).collect()
    }

    /// What a browser would send as `Last-Event-ID` if the connection broke now.
    pub fn last_event_id(&self) -> &str {
        self.parser.last_event_id()
    }

    /// The reconnection time in milliseconds that the stream asked for last.
    pub fn retry(&self) -> Option<u64> {
        self.parser.retry()
    }

    /// Every byte behind the head as it came, chunk framing included.
    pub fn raw_bytes(&self) -> &[u8] {
        &self.wire
    }

    /// Whether the end was read.
    pub fn is_ended(&self) -> bool {
        self.ended
    }

    /// Whether the stream ended in the midst of its transfer coding: cut, not finished.
    pub fn cut_short(&self) -> bool {
        self.ended && !self.transfer.may_end()
    }

    /// Closes the connection.
    pub fn close(self) {
        drop(self);
    }

    fn take(&mut self, bytes: &[u8]) {
        self.wire.extend_from_slice(bytes);
        let mut body = Vec::new();
        self.transfer.decode(bytes, &mut body);
        for event in self.parser.feed(&body).into_iter().map(Received::from) {
            if self.latest.len() == REMEMBERED {
                self.latest.pop_front();
            }
            self.latest.push_back(event.clone());
            self.waiting.push_back(event);
        }
    }

    fn story(&self) -> String {
        let (url, bytes, latest) = (&self.url, self.wire.len(), &self.latest);
        format!("{url}: {bytes} bytes so far, the latest events: {latest:#?}")
    }
}
