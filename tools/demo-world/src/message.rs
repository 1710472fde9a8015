//! Requests and replies as values, and their heads as text.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use bytes::Bytes;

/// Most header fields of a request.
const MOST_HEADERS: usize = 64;

/// A request, complete.
#[derive(Debug)]
pub(crate) struct Request {
    /// As sent, so upper-case.
    pub(crate) method: String,
    /// Path and query.
    pub(crate) path: String,
    /// By lower-case name; the last one of a repeated header.
    pub(crate) headers: BTreeMap<String, String>,
    /// Empty where no `content-length` came.
    pub(crate) body: Bytes,
}

impl Request {
    /// The request at the start of `bytes`, its body left out, and the length of its head; `None`
    /// while the head is incomplete, an error when it is no HTTP/1.1.
    pub(crate) fn parse(bytes: &[u8]) -> io::Result<Option<(Self, usize)>> {
        let mut fields = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut parsed = httparse::Request::new(&mut fields);
        let status = parsed.parse(bytes).map_err(broken)?;
        let httparse::Status::Complete(size) = status else {
            return Ok(None);
        };
        let headers = parsed.headers.iter().map(|field| {
            let value = String::from_utf8_lossy(field.value).into_owned();
            (field.name.to_ascii_lowercase(), value)
        });
        let request = Self {
            method: parsed.method.unwrap_or_default().to_owned(),
            path: parsed.path.unwrap_or_default().to_owned(),
            headers: headers.collect(),
            body: Bytes::new(),
        };
        Ok(Some((request, size)))
    }

    /// A header's value by any-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .get(&name.to_ascii_lowercase())
            .map(String::as_str)
    }

    /// Whether the peer wants no further answer on its connection.
    pub(crate) fn says_close(&self) -> bool {
        self.header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// A body and the manner of sending it.
pub(crate) enum Body {
    /// All of it, at once.
    Whole(Bytes),
    /// Piece by piece, with the size announced or chunked.
    Pieces(Option<u64>, Box<dyn Iterator<Item = Bytes> + Send>),
    /// One byte per pause.
    Drip(Bytes, Duration),
    /// Announced whole, ended after half.
    HalfThenEnd(Bytes),
    /// Announced whole, reset after half.
    HalfThenReset(Bytes),
}

/// Pieces cannot be shown without being spent.
impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Body")
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(whole: T) -> Self {
        Self::Whole(whole.into())
    }
}

/// A status, headers and a body.
#[derive(Debug)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    pub(crate) body: Body,
}

impl Reply {
    /// Any content type.
    pub(crate) fn of(status: u16, content_type: &str, body: impl Into<Body>) -> Self {
        let headers = vec![("content-type", content_type.to_owned())];
        Self {
            status,
            headers,
            body: body.into(),
        }
    }

    /// A JSON content type, whatever the body is.
    pub(crate) fn json(status: u16, body: impl Into<Body>) -> Self {
        Self::of(status, "application/json", body)
    }

    /// No body and no content type.
    pub(crate) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Body::Whole(Bytes::new()),
        }
    }

    /// A status explained by a short JSON body.
    pub(crate) fn problem(status: u16) -> Self {
        Self::json(status, format!(r#"{{"error":"{}"}}"#, reason(status)))
    }

    /// The status code.
    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// The same answer, sent in another manner; a body that is no whole one stays.
    pub(crate) fn bent(mut self, manner: impl FnOnce(Bytes) -> Body) -> Self {
        if let Body::Whole(whole) = self.body {
            self.body = manner(whole);
        }
        self
    }

    /// Adds a header; the value is sent as it is.
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Status line and header fields, with the framing that the body needs.
    pub(crate) fn head(&self, close: bool) -> String {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        let framing = match &self.body {
            Body::Pieces(None, _) => Some("transfer-encoding: chunked\r\n".to_owned()),
            Body::Pieces(Some(size), _) => Some(format!("content-length: {size}\r\n")),
            // Neither has a body, and so no length (RFC 9110, 8.6).
            Body::Whole(_) if matches!(self.status, 204 | 304) => None,
            Body::Whole(body)
            | Body::Drip(body, _)
            | Body::HalfThenEnd(body)
            | Body::HalfThenReset(body) => Some(format!("content-length: {}\r\n", body.len())),
        };
        head.push_str(framing.as_deref().unwrap_or_default());
        if close {
            head.push_str("connection: close\r\n");
        }
        head.push_str("\r\n");
        head
    }
}

/// A request that is not understood.
pub(crate) fn broken(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        302 => "Found",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}
