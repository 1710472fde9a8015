//! A client that forgives nothing and hides nothing: one request, and every byte until the end of
//! the connection, with the manner of that end.

use std::io::ErrorKind;
use std::time::Duration;

use demo_world::ProjectHandle;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What was heard until the end.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    pub(crate) reset: bool,
}

impl Heard {
    pub(crate) fn status(&self) -> u16 {
        self.head[9..12].parse().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields
            .into_iter()
            .find(|(field, _)| *field == name)
            .map(|(_, value)| value)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }
}

/// Asks a project for its units.
pub(crate) async fn ask(project: &ProjectHandle, headers: &[(&str, &str)]) -> Heard {
    let stream = send(project, headers).await;
    tokio::time::timeout(Duration::from_secs(20), hear(stream))
        .await
        .expect("an answer that ends")
}

/// Only asks.
pub(crate) async fn send(project: &ProjectHandle, headers: &[(&str, &str)]) -> TcpStream {
    let url = project.url();
    let address = url
        .strip_prefix("http://")
        .unwrap()
        .split('/')
        .next()
        .unwrap();
    send_to(address, &project.endpoint(), headers).await
}

/// Asks whoever listens there for a path.
pub(crate) async fn send_to(address: &str, path: &str, headers: &[(&str, &str)]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut text = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n");
    for (name, value) in headers {
        text.extend([name, ": ", value, "\r\n"]);
    }
    text.push_str("connection: close\r\n\r\n");
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// Reads until the end.
pub(crate) async fn hear(mut stream: TcpStream) -> Heard {
    let mut all = Vec::new();
    let reset = match stream.read_to_end(&mut all).await {
        Ok(_) => false,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            true
        }
    };
    let end = all
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .map_or(all.len(), |at| at + 4);
    let body = all.split_off(end);
    Heard {
        head: String::from_utf8(all).unwrap(),
        body,
        reset,
    }
}
