//! A strict WebSocket client on a raw connection: what a server writes is judged, not forgiven, and the test decides
//! what is answered, or whether anything is read at all.

use std::collections::VecDeque;
use std::io;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::head::Head;
use crate::http::Asked;
use crate::wait::PATIENCE;

/// The example of RFC 6455: a key, and what it is to be accepted with.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// Messages that a failure's text repeats.
const REMEMBERED: usize = 8;
const MASK: [u8; 4] = [0x5a, 0xa5, 0x3c, 0xc3];

/// What a server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WsMessage {
    /// A text.
    Text(String),
    /// Are you there? Answered by itself, unless [`WsClient::stay_silent`].
    Ping(Vec<u8>),
    /// Here.
    Pong(Vec<u8>),
    /// The end, with code and reason.
    Close(u16, String),
}

/// An open socket.
#[derive(Debug)]
pub struct WsClient {
    head: Head,
    stream: TcpStream,
    unread: Vec<u8>,
    latest: VecDeque<String>,
    pongs: bool,
    closing: bool,
}

impl WsClient {
    /// Opens a socket at an `http://` address; panics unless the upgrade is completed as RFC 6455 has it.
    pub async fn connect(url: &str, headers: &[(&str, &str)]) -> Self {
        Self::open(url, headers, None).await
    }

    /// The same with a receive buffer (`SO_RCVBUF`) of so many bytes, for clients that are slow.
    pub async fn connect_narrow(url: &str, headers: &[(&str, &str)], buffer: usize) -> Self {
        Self::open(url, headers, Some(buffer)).await
    }

    /// Asks for an upgrade and gives whatever head is answered.
    pub async fn knock(url: &str, headers: &[(&str, &str)]) -> Head {
        Self::ask(url, headers, None).await.head
    }

    async fn ask(url: &str, headers: &[(&str, &str)], buffer: Option<usize>) -> Asked {
        let mut all = vec![
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", KEY),
        ];
        all.extend(headers);
        let asking = Asked::send("GET", url, &all, b"", buffer);
        let asked = timeout(PATIENCE, asking).await;
        asked.unwrap_or_else(|_| panic!("no answer to an upgrade within {PATIENCE:?}"))
    }

    async fn open(url: &str, headers: &[(&str, &str)], buffer: Option<usize>) -> Self {
        let Asked {
            stream,
            head,
            unread,
            ..
        } = Self::ask(url, headers, buffer).await;
        assert_eq!(head.status, 101, "{head:?}");
        assert_eq!(
            head.header("sec-websocket-accept"),
            Some(ACCEPT),
            "{head:?}"
        );
        let upgraded = head.header("upgrade").unwrap_or_default();
        assert!(upgraded.eq_ignore_ascii_case("websocket"), "{head:?}");
        Self {
            head,
            stream,
            unread,
            latest: VecDeque::new(),
            pongs: true,
            closing: false,
        }
    }

    /// A header of the answer to the upgrade.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    /// From now on pings are read and not answered.
    pub fn stay_silent(&mut self) {
        self.pongs = false;
    }

    /// Sends a message of JSON.
    pub async fn send(&mut self, message: &Value) {
        self.send_frame(0x81, message.to_string().as_bytes()).await;
    }

    /// Sends a frame as it stands, masked: its first byte (FIN, reserved bits, opcode) and its payload.
    pub async fn send_frame(&mut self, first: u8, payload: &[u8]) {
        let sent = self.try_send_frame(first, payload).await;
        sent.expect("a frame can be sent");
    }

    /// The same where the server may have gone.
    ///
    /// # Errors
    /// When it has.
    pub async fn try_send_frame(&mut self, first: u8, payload: &[u8]) -> io::Result<()> {
        let mut frame = vec![first];
        match payload.len() {
            short @ 0..=125 => frame.push(0x80 | u8::try_from(short).unwrap_or_default()),
            medium @ 126..=0xffff => {
                frame.push(0xfe);
                frame.extend(u16::try_from(medium).unwrap_or_default().to_be_bytes());
            }
            long => {
                frame.push(0xff);
                frame.extend((long as u64).to_be_bytes());
            }
        }
        frame.extend(MASK);
        frame.extend(
            payload
                .iter()
                .zip(MASK.iter().cycle())
                .map(|(byte, mask)| byte ^ mask),
        );
        self.send_raw(&frame).await
    }

    /// Sends bytes that may be no frame.
    ///
    /// # Errors
    /// When the server has gone.
    pub async fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// The next message; panics after 20 s, at a connection that ends without a close frame, and at anything that a
    /// server must not write. Pings are answered.
    pub async fn next(&mut self) -> WsMessage {
        let Ok(message) = timeout(PATIENCE, self.receive()).await else {
            panic!("no message within {PATIENCE:?}; last: {:?}", self.latest);
        };
        message.unwrap_or_else(|| {
            let last = &self.latest;
            panic!("the connection ended without a close frame; last: {last:?}")
        })
    }

    /// The next message of JSON; pings and pongs are passed over.
    pub async fn json(&mut self) -> Value {
        loop {
            match self.next().await {
                WsMessage::Text(text) => {
                    let parsed = serde_json::from_str(&text);
                    return parsed.unwrap_or_else(|error| panic!("no JSON ({error}): {text:?}"));
                }
                WsMessage::Close(code, reason) => {
                    panic!("closed with {code} {reason:?}; last: {:?}", self.latest)
                }
                WsMessage::Ping(_) | WsMessage::Pong(_) => {}
            }
        }
    }

    /// The next message of JSON of this type; others are passed over.
    pub async fn json_of(&mut self, kind: &str) -> Value {
        self.json_like(kind, |message| message["type"] == kind)
            .await
    }

    /// The next message of JSON that is like this; others are passed over.
    pub async fn json_like(&mut self, what: &str, like: impl Fn(&Value) -> bool) -> Value {
        let search = async {
            loop {
                let message = self.json().await;
                if like(&message) {
                    return message;
                }
            }
        };
        let found = timeout(PATIENCE, search).await;
        found.unwrap_or_else(|_| panic!("no {what} within {PATIENCE:?}"))
    }

    /// Sends `message` and gives the next message of JSON, which must be the answer.
    pub async fn asked(&mut self, message: &Value) -> Value {
        self.send(message).await;
        self.json().await
    }

    /// The code and reason with which the server ends the socket; what comes before is passed over. The close is
    /// answered, and the connection has to end after it.
    pub async fn closed(mut self) -> (u16, String) {
        loop {
            if let WsMessage::Close(code, reason) = self.next().await {
                let ended = timeout(PATIENCE, self.receive()).await;
                let rest = ended.expect("the connection ends after the close frame");
                assert_eq!(rest, None, "nothing comes after a close frame");
                return (code, reason);
            }
        }
    }

    /// Reads to the end of a connection that the server gives up without a word.
    pub async fn lost(mut self) {
        let ending = async {
            while let Some(message) = self.receive().await {
                assert!(!matches!(message, WsMessage::Close(..)), "{message:?}");
            }
        };
        let ended = timeout(PATIENCE * 2, ending).await;
        ended.expect("the connection ends");
    }

    /// Says goodbye and waits for the answer.
    pub async fn leave(mut self) {
        self.closing = true;
        self.send_frame(0x88, &1000_u16.to_be_bytes()).await;
        assert_eq!(self.closed().await.0, 1000);
    }

    /// The next message, or the end of the connection. Cancel safe.
    async fn receive(&mut self) -> Option<WsMessage> {
        loop {
            if let Some((message, length)) = parse(&self.unread) {
                self.unread.drain(..length);
                self.noted(&message).await;
                return Some(message);
            }
            let read = self.stream.read_buf(&mut self.unread).await;
            if read.unwrap_or_default() == 0 {
                let rest = &self.unread;
                assert!(rest.is_empty(), "cut in a frame: {rest:?}");
                return None;
            }
        }
    }

    async fn noted(&mut self, message: &WsMessage) {
        match message {
            WsMessage::Ping(payload) if self.pongs => {
                // A server that has gone meanwhile is found out by reading on.
                let _ = self.try_send_frame(0x8a, payload).await;
            }
            WsMessage::Close(code, _) if !self.closing => {
                self.closing = true;
                let _ = self.try_send_frame(0x88, &code.to_be_bytes()).await;
            }
            WsMessage::Text(text) => {
                self.latest.push_back(text.clone());
                if self.latest.len() > REMEMBERED {
                    self.latest.pop_front();
                }
            }
            _ => {}
        }
    }
}

/// The message at the beginning of `bytes` and its length there; `None` where it is not complete.
fn parse(bytes: &[u8]) -> Option<(WsMessage, usize)> {
    let (&first, &second) = (bytes.first()?, bytes.get(1)?);
    assert_eq!(first & 0x70, 0, "reserved bits");
    assert_eq!(first & 0x80, 0x80, "our server does not cut messages");
    assert_eq!(second & 0x80, 0, "a server does not mask");
    let (head, length) = match second {
        126 => {
            let length = u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?);
            assert!(length > 125, "not the shortest form of {length}");
            (4, usize::from(length))
        }
        127 => {
            let length = u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?);
            assert!(length > 0xffff, "not the shortest form of {length}");
            (10, usize::try_from(length).ok()?)
        }
        short => (2, usize::from(short)),
    };
    let payload = bytes.get(head..head + length)?;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text is UTF-8");
    let control = first & 0x08 != 0;
    assert!(
        !control || length <= 125,
        "a control frame of {length} bytes"
    );
    let message = match first & 0x0f {
        0x1 => WsMessage::Text(text(payload)),
        0x8 => {
            assert!(length >= 2, "a close frame without a code");
            let code = u16::from_be_bytes([payload[0], payload[1]]);
            WsMessage::Close(code, text(&payload[2..]))
        }
        0x9 => WsMessage::Ping(payload.to_vec()),
        0xA => WsMessage::Pong(payload.to_vec()),
        other => panic!("a frame of opcode {other}"),
    };
    Some((message, head + length))
}
