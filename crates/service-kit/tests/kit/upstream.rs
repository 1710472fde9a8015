//! A server that answers with exactly the bytes that a test wants, and tells what it was asked.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// What follows the scripted bytes.
#[derive(Clone, Copy)]
pub enum Then {
    /// The end of the connection.
    Close,
    /// Silence on an open connection.
    Hold,
    /// The last byte again and again: never done, never quiet.
    Drip,
}

/// Runs until it is dropped.
pub struct Upstream {
    pub address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl Upstream {
    /// Answers every request with what `answer` makes of its head, one request per connection.
    pub async fn start(then: Then, answer: impl Fn(&str) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&heads);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let head = read_head(&mut stream).await;
                let bytes = answer(&head);
                seen.lock().unwrap().push(head);
                connections.spawn(write(stream, bytes, then));
            }
        });
        Self {
            address,
            heads,
            _tasks: tasks,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The heads of all requests so far.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            // The first byte of a TLS handshake: no head will come.
            Ok(0x16) if head.is_empty() => break,
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// The client may be gone before all is written: that is what some tests are about.
async fn write(mut stream: TcpStream, bytes: String, then: Then) {
    let _ = stream.write_all(bytes.as_bytes()).await;
    match then {
        Then::Close => {}
        Then::Hold => std::future::pending().await,
        Then::Drip => {
            let last = *bytes.as_bytes().last().unwrap_or(&b' ');
            while stream.write_all(&[last]).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
}
