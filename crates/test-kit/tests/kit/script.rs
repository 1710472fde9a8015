//! A server that says exactly these bytes to every connection that asks.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// How a scripted connection goes on after its last byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// It ends.
    End,
    /// It stays open in silence.
    Stay,
}

/// A running script; ends with its value.
pub(crate) struct Script {
    pub(crate) url: String,
    _tasks: JoinSet<()>,
}

impl Script {
    /// Sends `pieces` one write each; a reader may meet them in any other division.
    pub(crate) async fn say(pieces: &[&str], then: Then) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/stream", listener.local_addr().unwrap());
        let pieces: Vec<String> = pieces.iter().map(|&piece| piece.to_owned()).collect();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut stayed = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let mut asked = Vec::new();
                while !asked.windows(4).any(|four| four == b"\r\n\r\n") {
                    assert!(stream.read_buf(&mut asked).await.unwrap() > 0);
                }
                for piece in &pieces {
                    stream.write_all(piece.as_bytes()).await.unwrap();
                }
                if then == Then::Stay {
                    stayed.push(stream);
                }
            }
        });
        Self { url, _tasks: tasks }
    }
}

/// The head of a good stream.
pub(crate) const STREAM_HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
     cache-control: no-store\r\ntransfer-encoding: chunked\r\n\r\n";

/// One chunk.
pub(crate) fn chunk(data: &str) -> String {
    format!("{:x}\r\n{data}\r\n", data.len())
}
