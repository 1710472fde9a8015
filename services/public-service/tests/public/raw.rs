//! A connection on which a test says exactly what it likes, and sees exactly
//! what it is told.

use std::net::SocketAddr;

use test_kit::PATIENCE;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// An open connection.
pub struct Raw {
    stream: TcpStream,
    seen: Vec<u8>,
}

impl Raw {
    /// A connection that sends what it is given at once.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let seen = Vec::new();
        Self { stream, seen }
    }

    /// Sends these bytes.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
        self
    }

    /// Everything up to and with `mark`; what comes behind it is kept.
    pub async fn read_to(&mut self, mark: &str) -> String {
        let ends = |seen: &[u8]| {
            let mut windows = seen.windows(mark.len());
            windows.position(|window| window == mark.as_bytes())
        };
        loop {
            if let Some(at) = ends(&self.seen) {
                let taken = self.seen.drain(..at + mark.len()).collect();
                return String::from_utf8(taken).unwrap();
            }
            assert!(self.read().await, "no {mark:?}: {}", self.story());
        }
    }

    /// The next head, its empty line included.
    pub async fn head(&mut self) -> String {
        self.read_to("\r\n\r\n").await
    }

    /// An answer with a body of its announced length.
    pub async fn answer(&mut self) -> (String, Vec<u8>) {
        let head = self.head().await;
        let length = header(&head, "content-length").map_or(0, |text| text.parse().unwrap());
        while self.seen.len() < length {
            assert!(self.read().await, "a cut body: {}", self.story());
        }
        (head, self.seen.drain(..length).collect())
    }

    /// Whatever comes until the service ends the connection.
    pub async fn read_to_end(&mut self) -> String {
        String::from_utf8(self.read_bytes_to_end().await).unwrap()
    }

    /// The same where it need not be text.
    pub async fn read_bytes_to_end(&mut self) -> Vec<u8> {
        while self.read().await {}
        std::mem::take(&mut self.seen)
    }

    /// Says that nothing more will be sent; still reads.
    pub async fn finish(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Sends until nobody takes it any more.
    pub async fn talk(&mut self) {
        while self.stream.write_all(&[b'x'; 4096]).await.is_ok() {}
    }

    /// Resets the connection.
    pub fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }

    /// The connection itself; nothing that was read may be left.
    pub fn into_stream(self) -> TcpStream {
        assert!(self.seen.is_empty(), "unread: {}", self.story());
        self.stream
    }

    /// Reads some; false at the end.
    async fn read(&mut self) -> bool {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.seen)).await;
        let read = read.unwrap_or_else(|_| panic!("silence after {}", self.story()));
        // A reset is an end too.
        read.unwrap_or_default() > 0
    }

    fn story(&self) -> String {
        self.seen.escape_ascii().to_string()
    }
}

/// A connection whose receive buffer is small: a viewer that cannot be hurried.
pub async fn narrow(address: SocketAddr, buffer: u32) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(buffer).unwrap();
    socket.connect(address).await.unwrap()
}

/// The value of a header in the text of a head.
pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    let found = lines.find(|(found, _)| found.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value)
}

/// The lines of a head in an order of their own, without those that always differ.
pub fn sorted(head: &str) -> Vec<String> {
    let differs = |line: &&str| !line.starts_with("date: ") && !line.is_empty();
    let mut lines: Vec<_> = head
        .lines()
        .filter(differs)
        .map(str::to_lowercase)
        .collect();
    lines.sort();
    lines
}
