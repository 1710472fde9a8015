//! How a body is delimited (RFC 9112, 6), decoded strictly and as the bytes come.

use crate::head::Head;

/// The rest of a body that is still to come.
#[derive(Debug)]
pub(crate) enum Transfer {
    /// Chunked: waiting for, or within, a size line.
    Size(Vec<u8>),
    /// Chunked: so many bytes of the chunk are missing, then CR LF.
    Chunk(usize),
    /// Chunked: what is left of the CR LF that ends a chunk.
    ChunkEnd(&'static [u8]),
    /// Chunked: what is left of the CR LF that ends the body; trailers are not accepted.
    LastEnd(&'static [u8]),
    /// Announced by Content-Length.
    Sized(usize),
    /// Ends with the connection.
    UntilClose,
    /// Complete.
    Done,
}

impl Transfer {
    /// The delimiting that a head announces for an answer to `method`.
    pub(crate) fn announced(head: &Head, method: &str) -> Self {
        if method == "HEAD" || matches!(head.status, 204 | 304) {
            return Self::Done;
        }
        match (
            head.header("transfer-encoding"),
            head.header("content-length"),
        ) {
            (Some("chunked"), None) => Self::Size(Vec::new()),
            (None, Some("0")) => Self::Done,
            (None, Some(size)) => Self::Sized(size.parse().expect("content-length is a number")),
            (None, None) => Self::UntilClose,
            both => panic!("a body delimited as {both:?}"),
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// Whether the connection may end here without the body being cut short.
    pub(crate) fn may_end(&self) -> bool {
        matches!(self, Self::Done | Self::UntilClose)
    }

    /// Takes bytes off the wire and appends what they carry to `body`.
    pub(crate) fn decode(&mut self, mut wire: &[u8], body: &mut Vec<u8>) {
        while !wire.is_empty() {
            wire = match self {
                Self::Size(line) => {
                    line.push(wire[0]);
                    if let Some(digits) = line.strip_suffix(b"\r\n") {
                        *self = match chunk_size(digits) {
                            0 => Self::LastEnd(b"\r\n"),
                            size => Self::Chunk(size),
                        };
                    }
                    &wire[1..]
                }
                Self::Chunk(left) => {
                    let taken = wire.len().min(*left);
                    body.extend_from_slice(&wire[..taken]);
                    *left -= taken;
                    if *left == 0 {
                        *self = Self::ChunkEnd(b"\r\n");
                    }
                    &wire[taken..]
                }
                Self::ChunkEnd(left) | Self::LastEnd(left) => {
                    assert_eq!(wire[0], left[0], "a chunk does not end with CR LF");
                    *left = &left[1..];
                    if left.is_empty() {
                        *self = match self {
                            Self::LastEnd(_) => Self::Done,
                            _ => Self::Size(Vec::new()),
                        };
                    }
                    &wire[1..]
                }
                Self::Sized(left) => {
                    assert!(wire.len() <= *left, "more body than content-length says");
                    body.extend_from_slice(wire);
                    *left -= wire.len();
                    if *left == 0 {
                        *self = Self::Done;
                    }
                    &[]
                }
                Self::UntilClose => {
                    body.extend_from_slice(wire);
                    &[]
                }
                Self::Done => panic!("bytes after the end of the body: {wire:?}"),
            };
        }
    }
}

/// One to eight hex digits and nothing else: no extension, no sign, no space.
fn chunk_size(digits: &[u8]) -> usize {
    let text = std::str::from_utf8(digits).unwrap_or_default();
    let sane = (1..=8).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    assert!(sane, "no chunk size: {text:?}");
    usize::from_str_radix(text, 16).expect("eight hex digits fit")
}
