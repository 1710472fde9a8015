//! The sockets: each opens, subscribes to all devices and the alerts of its tenant, answers pings, and
//! says what it got.

use std::io::{ErrorKind, Read, Write};

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::accounts::Accounts;
use super::frames::{self, ACCEPT, Frame, Frames, KEY};
use super::messages::Message;
use crate::clock::Nanos;
use crate::error::{LoadError, While};
use crate::sockets::{self, Target};

/// Local addresses to connect from, in turn: one has some 28,000 ports.
const SOURCES: u8 = 4;

#[derive(Debug)]
struct Client {
    socket: TcpStream,
    tenant: usize,
    /// What came of the answer to the upgrade; none once that was whole.
    head: Option<Vec<u8>>,
    frames: Frames,
    /// By device; none before its first row.
    seqs: Vec<Option<u64>>,
    subscribed: usize,
    alerts: bool,
    joined: bool,
}

#[derive(Debug)]
pub(super) struct Clients {
    target: Target,
    /// By tenant.
    tokens: Vec<String>,
    /// What a socket says first.
    wishes: Vec<u8>,
    devices: usize,
    all: Vec<Client>,
    joined: usize,
    buffer: Vec<u8>,
}

impl Clients {
    pub(super) fn new(url: &str, tokens: Vec<String>, devices: usize) -> Result<Self, LoadError> {
        let mut wishes = Vec::new();
        for number in 1..=devices {
            let wish = format!(
                r#"{{"action":"subscribe","type":"device","device_id":"dev-{number:04}"}}"#
            );
            frames::text(&mut wishes, &wish);
        }
        frames::text(&mut wishes, r#"{"action":"subscribe","type":"alerts"}"#);
        Ok(Self {
            target: Target::parse(url)?,
            tokens,
            wishes,
            devices,
            all: Vec::new(),
            joined: 0,
            buffer: vec![0; 64 * 1024],
        })
    }

    pub(super) fn opened(&self) -> usize {
        self.all.len()
    }

    /// Those who have the first state of everything.
    pub(super) fn joined(&self) -> usize {
        self.joined
    }

    /// Opens one more, of the next tenant in turn.
    pub(super) fn open(&mut self, registry: &Registry) -> Result<(), LoadError> {
        let number = self.all.len();
        let tenant = number % self.tokens.len().max(1);
        let token = self.tokens.get(tenant).map_or("", String::as_str);
        let Target { address, path } = &self.target;
        let head = format!(
            "GET {path}?token={token} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        let source = sockets::source(number, SOURCES, false);
        let mut socket = sockets::ask(*address, source, &head)?;
        registry
            .register(&mut socket, Token(number), Interest::READABLE)
            .doing("watching a socket")?;
        self.all.push(Client {
            socket,
            tenant,
            head: Some(Vec::new()),
            frames: Frames::default(),
            seqs: vec![None; self.devices],
            subscribed: 0,
            alerts: false,
            joined: false,
        });
        Ok(())
    }

    pub(super) fn on_readable(
        &mut self,
        number: usize,
        accounts: &mut Accounts,
    ) -> Result<(), LoadError> {
        let Some(client) = self.all.get_mut(number) else {
            return Ok(());
        };
        loop {
            let length = match client.socket.read(&mut self.buffer) {
                Ok(0) => return Err(LoadError::Unexpected(format!("socket {number} ended"))),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(LoadError::Io("reading a socket", error)),
            };
            client.take(&self.buffer[..length], &self.wishes, accounts)?;
            if !client.joined && client.has_joined(self.devices) {
                client.joined = true;
                self.joined += 1;
                accounts.joined(client.tenant, client.level()?);
            }
            // Less than there was room for: the socket is empty, and its next event comes with more.
            if length < self.buffer.len() {
                return Ok(());
            }
        }
    }
}

impl Client {
    fn take(
        &mut self,
        bytes: &[u8],
        wishes: &[u8],
        accounts: &mut Accounts,
    ) -> Result<(), LoadError> {
        let Some(head) = &mut self.head else {
            return self.frames(bytes, accounts);
        };
        head.extend_from_slice(bytes);
        let Some(end) = memchr::memmem::find(head, b"\r\n\r\n") else {
            return Ok(());
        };
        let rest = head.split_off(end + 4);
        let upgraded = head.starts_with(b"HTTP/1.1 101 ")
            && memchr::memmem::find(head, ACCEPT.as_bytes()).is_some();
        if !upgraded {
            let head = String::from_utf8_lossy(head);
            return Err(LoadError::Unexpected(format!("no upgrade: {head}")));
        }
        self.head = None;
        self.socket.write_all(wishes).doing("subscribing")?;
        self.frames(&rest, accounts)
    }

    fn frames(&mut self, bytes: &[u8], accounts: &mut Accounts) -> Result<(), LoadError> {
        let now = Nanos::now();
        let mut frames = std::mem::take(&mut self.frames);
        frames.feed(bytes, |frame| match frame {
            Frame::Text(text) => self.hear(text, now, accounts),
            Frame::Ping(payload) => {
                let mut pong = Vec::new();
                frames::pong(&mut pong, payload);
                self.socket.write_all(&pong).doing("answering a ping")
            }
            Frame::Close(code) => Err(LoadError::Unexpected(format!(
                "a socket was closed with {code}"
            ))),
        })?;
        self.frames = frames;
        Ok(())
    }

    fn hear(&mut self, text: &[u8], now: Nanos, accounts: &mut Accounts) -> Result<(), LoadError> {
        match Message::read(text)? {
            Message::Telemetry { device, seq } => {
                let nobody = || LoadError::Unexpected(format!("a device {} too many", device + 1));
                let place = self.seqs.get_mut(device).ok_or_else(nobody)?;
                if let Some(last) = place.replace(seq) {
                    accounts.saw(self.tenant, last, seq, now);
                }
            }
            Message::Alerts => self.alerts = true,
            Message::Subscribed => self.subscribed += 1,
            Message::State => accounts.states += 1,
        }
        Ok(())
    }

    fn has_joined(&self, devices: usize) -> bool {
        self.alerts && self.subscribed == devices + 1 && self.seqs.iter().all(Option::is_some)
    }

    /// Where all its devices stand, which is one number for devices that are written together.
    fn level(&self) -> Result<u64, LoadError> {
        let first = self.seqs.first().copied().flatten();
        let level = first.filter(|first| self.seqs.iter().all(|seq| *seq == Some(*first)));
        level.ok_or_else(|| LoadError::Unexpected("devices that do not stand alike".into()))
    }
}
