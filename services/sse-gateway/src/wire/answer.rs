//! Answers as bytes. Every answer to a request that could be read carries the CORS headers.

use std::fmt::Write as _;

use service_kit::request_id::RequestId;

const CORS: &str = "Access-Control-Allow-Origin: *\r\n\
     Access-Control-Allow-Methods: GET, POST, OPTIONS\r\n\
     Access-Control-Allow-Headers: Content-Type, Cache-Control, Last-Event-ID\r\n\
     X-Content-Type-Options: nosniff\r\n";

/// What makes an answer the one to this request.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// Now, as HTTP writes it.
    pub date: String,
    /// The identity of the request.
    pub id: RequestId,
}

impl Stamp {
    fn write(&self, head: &mut String) {
        let Self { date, id } = self;
        // Writing to a String cannot fail.
        let _ = write!(head, "Date: {date}\r\nX-Request-Id: {id}\r\n{CORS}\r\n");
    }
}

/// What opens a stream. For a client that knows no chunks it ends with the connection.
pub fn stream_head(chunks: bool, stamp: &Stamp) -> String {
    let transfer = if chunks {
        "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n"
    } else {
        "Connection: close\r\n"
    };
    let mut head = String::with_capacity(512);
    head.push_str(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n",
    );
    head.push_str(transfer);
    head.push_str("X-Accel-Buffering: no\r\n");
    stamp.write(&mut head);
    head
}

/// An answer that is no stream.
#[derive(Clone, Debug)]
pub struct Answer<'a> {
    pub status: u16,
    /// JSON, or nothing.
    pub body: &'a [u8],
    /// Whole lines, each with its end.
    pub headers: &'a str,
    /// Whether the client may ask more on this connection.
    pub keep_alive: bool,
    /// Whether it asked for the head alone.
    pub bodiless: bool,
    pub stamp: &'a Stamp,
}

impl Answer<'_> {
    /// The bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut head = String::with_capacity(512 + self.headers.len() + self.body.len());
        let reason = reason(self.status);
        let (status, len) = (self.status, self.body.len());
        // Writing to a String cannot fail.
        let _ = write!(head, "HTTP/1.1 {status} {reason}\r\n");
        if self.status != 204 {
            let _ = write!(
                head,
                "Content-Type: application/json\r\nContent-Length: {len}\r\n"
            );
        }
        if !self.keep_alive {
            head.push_str("Connection: close\r\n");
        }
        head.push_str(self.headers);
        self.stamp.write(&mut head);
        let mut bytes = head.into_bytes();
        if !self.bodiless {
            bytes.extend_from_slice(self.body);
        }
        bytes
    }

    /// To a head that could not be read: nothing but the status.
    pub fn bare(status: u16) -> Vec<u8> {
        let reason = reason(status);
        format!("HTTP/1.1 {status} {reason}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .into_bytes()
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Payload Too Large",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        // A backend's own; the phrase is for people and may be empty.
        _ => "",
    }
}
