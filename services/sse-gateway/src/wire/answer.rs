//! Answers as bytes. Every answer to a request that could be read carries the CORS headers.

use std::fmt::Write as _;

macro_rules! cors {
    () => {
        "Access-Control-Allow-Origin: *\r\n\
         Access-Control-Allow-Methods: GET, POST, OPTIONS\r\n\
         Access-Control-Allow-Headers: Content-Type, Cache-Control, Last-Event-ID\r\n\
         X-Content-Type-Options: nosniff\r\n"
    };
}

macro_rules! stream_head {
    ($connection:literal) => {
        concat!(
            "HTTP/1.1 200 OK\r\n\
             Content-Type: text/event-stream\r\n\
             Cache-Control: no-cache\r\n",
            $connection,
            "X-Accel-Buffering: no\r\n",
            cors!(),
            "\r\n"
        )
    };
}

/// What opens a stream.
pub const STREAM_HEAD: &str =
    stream_head!("Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n");
/// What opens a stream for a client that knows no chunks: it ends with the connection.
pub const STREAM_HEAD_HTTP_1_0: &str = stream_head!("Connection: close\r\n");

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
}

impl Answer<'_> {
    /// The bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut head = String::with_capacity(384 + self.headers.len() + self.body.len());
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
        head.push_str(cors!());
        head.push_str("\r\n");
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
