//! A plain HTTP/1.1 client for one request per connection, and the connection that the stream
//! client shares with it.

use serde_json::Value;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::head::Head;
use crate::transfer::Transfer;
use crate::wait::PATIENCE;

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    /// Status and headers.
    pub head: Head,
    /// The body without its transfer coding.
    pub body: Vec<u8>,
}

impl Answer {
    /// The status code.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// A header's value by any-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is UTF-8")
    }

    /// The body as JSON; panics with the text if it is none.
    pub fn json(&self) -> Value {
        let parsed = serde_json::from_slice(&self.body);
        parsed.unwrap_or_else(|error| {
            panic!(
                "status {}, no JSON ({error}): {:?}",
                self.status(),
                self.text()
            )
        })
    }
}

/// GET.
pub async fn http_get(url: &str, headers: &[(&str, &str)]) -> Answer {
    http_request("GET", url, headers, b"").await
}

/// POST with a body, which may be empty.
pub async fn http_post(url: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    http_request("POST", url, headers, body).await
}

/// Any method, one request on a connection of its own, which the server is asked to close where `headers` say nothing of it.
pub async fn http_request(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let exchange = async {
        let mut headers = headers.to_vec();
        if !headers.iter().any(|(name, _)| *name == "connection") {
            headers.push(("connection", "close"));
        }
        let asked = Asked::send(method, url, &headers, body, None).await;
        let Asked {
            mut stream,
            head,
            unread,
            ..
        } = asked;
        let mut transfer = Transfer::announced(&head, method);
        let mut body = Vec::new();
        transfer.decode(&unread, &mut body);
        let mut buffer = vec![0; 64 * 1024];
        while !transfer.is_done() {
            let size = stream
                .read(&mut buffer)
                .await
                .expect("the answer can be read");
            if size == 0 {
                assert!(transfer.may_end(), "the body was cut short at {transfer:?}");
                break;
            }
            transfer.decode(&buffer[..size], &mut body);
        }
        Answer { head, body }
    };
    let answer = timeout(PATIENCE, exchange).await;
    answer.unwrap_or_else(|_| panic!("no answer to {method} {url} within {PATIENCE:?}"))
}

/// A request that was sent and whose head was answered.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) stream: TcpStream,
    pub(crate) head: Head,
    /// Bytes behind the head that came along with it.
    pub(crate) unread: Vec<u8>,
}

impl Asked {
    /// `receive_buffer` is `SO_RCVBUF` in bytes (the kernel doubles it); it is set before the
    /// connection is made, because the window is agreed then.
    pub(crate) async fn send(
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        receive_buffer: Option<usize>,
    ) -> Self {
        let (authority, path) = split(url);
        let mut text = format!("{method} {path} HTTP/1.1\r\nhost: {authority}\r\n");
        for (name, value) in headers {
            text.extend([name, ": ", value, "\r\n"]);
        }
        if !body.is_empty() || method == "POST" {
            text.extend(["content-length: ", &body.len().to_string(), "\r\n"]);
        }
        text.push_str("\r\n");
        let stream = connect(authority, receive_buffer).await;
        Self::on(stream, &[text.as_bytes(), body].concat()).await
    }

    /// Sends a request as it stands on a connection that is open already.
    pub(crate) async fn on(mut stream: TcpStream, request: &[u8]) -> Self {
        stream
            .write_all(request)
            .await
            .expect("the request can be sent");
        let mut unread = Vec::new();
        let (head, size) = loop {
            if let Some(found) = Head::parse(&unread) {
                break found;
            }
            let read = stream
                .read_buf(&mut unread)
                .await
                .expect("the answer can be read");
            assert!(
                read > 0,
                "closed before the head was complete: {}",
                request.escape_ascii()
            );
        };
        unread.drain(..size);
        Self {
            stream,
            head,
            unread,
        }
    }
}

async fn connect(authority: &str, receive_buffer: Option<usize>) -> TcpStream {
    let mut found = tokio::net::lookup_host(authority)
        .await
        .expect("a known host");
    let address = found.next().expect("a host with an address");
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )
    .expect("a descriptor for a socket");
    socket
        .set_nonblocking(true)
        .expect("a socket can be non-blocking");
    if let Some(size) = receive_buffer {
        socket
            .set_recv_buffer_size(size)
            .expect("SO_RCVBUF can be set");
    }
    let connecting = TcpSocket::from_std_stream(socket.into())
        .connect(address)
        .await;
    connecting.unwrap_or_else(|error| panic!("cannot connect to {authority}: {error}"))
}

/// Authority and path of an `http://` address.
fn split(url: &str) -> (&str, &str) {
    let rest = url.strip_prefix("http://");
    let rest = rest.unwrap_or_else(|| panic!("no http:// address: {url}"));
    match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, "/"),
    }
}
