//! Reads one HTTP/1.1 response piece by piece: its head, then its body without the transfer coding.
//! Bodies are handed on as they come; nothing but an unfinished head is kept.

use crate::error::LoadError;

const MOST_HEAD: usize = 16 * 1024;

/// How far the reading is.
#[derive(Debug)]
pub(crate) enum Response {
    /// The head is not whole yet.
    Head(Vec<u8>),
    /// In a chunked body.
    Chunked(Chunk),
    /// In a body that ends with the connection or after so many bytes.
    Plain(u64),
    /// The body is over.
    Over,
}

/// Where in the chunked coding.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Chunk {
    /// In the line with the size; what was read of it, and whether extensions have begun.
    Size(u64, bool),
    /// So many bytes of data are left.
    Data(u64),
    /// At the line end behind the data.
    End,
}

impl Default for Response {
    fn default() -> Self {
        Self::Head(Vec::new())
    }
}

impl Response {
    /// Whether the head was read, which then was a 200.
    pub(crate) fn has_begun(&self) -> bool {
        !matches!(self, Self::Head(_))
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self, Self::Over | Self::Plain(0))
    }

    /// Takes the next bytes and hands on what of them is body.
    ///
    /// # Errors
    /// For a head or a chunk that is none, and for any status but 200.
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        mut body: impl FnMut(&[u8]),
    ) -> Result<(), LoadError> {
        if let Self::Head(head) = self {
            head.extend_from_slice(bytes);
            let Some((begun, length)) = begin(head)? else {
                return Ok(());
            };
            let rest = head.split_off(length);
            *self = begun;
            return self.feed_body(&rest, &mut body);
        }
        self.feed_body(bytes, &mut body)
    }

    fn feed_body(
        &mut self,
        mut bytes: &[u8],
        body: &mut impl FnMut(&[u8]),
    ) -> Result<(), LoadError> {
        while !bytes.is_empty() {
            bytes = match self {
                Self::Chunked(Chunk::Data(left)) | Self::Plain(left) if *left > 0 => {
                    let (now, rest) = bytes.split_at(bytes.len().min(to_usize(*left)));
                    body(now);
                    *left -= now.len() as u64;
                    rest
                }
                Self::Chunked(chunk) => {
                    let (first, rest) = bytes.split_first().unwrap_or((&0, &[]));
                    match chunk.after(*first)? {
                        Some(next) => *chunk = next,
                        None => *self = Self::Over,
                    }
                    rest
                }
                Self::Head(_) | Self::Plain(_) | Self::Over => return Ok(()),
            };
        }
        Ok(())
    }
}

impl Chunk {
    /// The next place after one byte of framing; `None` after the last chunk's size.
    fn after(self, byte: u8) -> Result<Option<Self>, LoadError> {
        Ok(Some(match (self, byte) {
            (Self::Size(0, _), b'\n') => return Ok(None),
            (Self::Size(size, _), b'\n') => Self::Data(size),
            (Self::Size(size, _), b'\r' | b';') | (Self::Size(size, true), _) => {
                Self::Size(size, true)
            }
            (Self::Size(size, false), byte) => {
                let digit = char::from(byte).to_digit(16).map(u64::from);
                let grown = digit.and_then(|digit| size.checked_mul(16)?.checked_add(digit));
                Self::Size(grown.ok_or_else(|| not_a_chunk(byte))?, false)
            }
            (Self::Data(_) | Self::End, b'\r') => Self::End,
            (Self::Data(_) | Self::End, b'\n') => Self::Size(0, false),
            (Self::Data(_) | Self::End, byte) => return Err(not_a_chunk(byte)),
        }))
    }
}

/// The body's kind and the head's length, once the head is whole.
fn begin(bytes: &[u8]) -> Result<Option<(Response, usize)>, LoadError> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut headers);
    let parsed = head.parse(bytes);
    let parsed =
        parsed.map_err(|error| LoadError::Unexpected(format!("no HTTP answer: {error}")))?;
    let httparse::Status::Complete(length) = parsed else {
        if bytes.len() > MOST_HEAD {
            return Err(LoadError::Unexpected("a head that does not end".into()));
        }
        return Ok(None);
    };
    if head.code != Some(200) {
        let code = head.code.unwrap_or_default();
        return Err(LoadError::Unexpected(format!(
            "answered {code} instead of 200"
        )));
    }
    let value = |name: &str| {
        let header = head
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name));
        header.and_then(|header| std::str::from_utf8(header.value).ok())
    };
    let begun = if value("transfer-encoding").is_some_and(|coding| coding.ends_with("chunked")) {
        Response::Chunked(Chunk::Size(0, false))
    } else {
        Response::Plain(
            value("content-length")
                .and_then(|length| length.parse().ok())
                .unwrap_or(u64::MAX),
        )
    };
    Ok(Some((begun, length)))
}

fn not_a_chunk(byte: u8) -> LoadError {
    LoadError::Unexpected(format!("a chunk is broken at byte {byte:#04x}"))
}

fn to_usize(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(wire: &[u8], size: usize) -> Result<(Vec<u8>, Response), LoadError> {
        let (mut response, mut body) = (Response::default(), Vec::new());
        for piece in wire.chunks(size) {
            response.feed(piece, |bytes| body.extend_from_slice(bytes))?;
        }
        Ok((body, response))
    }

    const CHUNKED: &[u8] =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nB;x=1\r\nhello world\r\n0\r\n\r\n";

    #[test]
    fn a_chunked_body_is_the_same_however_it_is_split() {
        for size in 1..CHUNKED.len() {
            let (body, response) = body(CHUNKED, size).unwrap();
            assert_eq!(body, b"abchello world", "pieces of {size}");
            assert!(response.is_over());
        }
    }

    #[test]
    fn a_body_with_a_length_ends_after_it_and_one_without_goes_on() {
        let (some, response) = body(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", 3).unwrap();
        assert!(response.is_over() && some == b"ok");
        let (some, response) = body(b"HTTP/1.1 200 OK\r\n\r\nstream", 4).unwrap();
        assert!(!response.is_over() && response.has_begun() && some == b"stream");
    }

    #[test]
    fn anything_but_a_200_and_a_broken_chunk_are_errors() {
        assert!(body(b"HTTP/1.1 503 Busy\r\n\r\n", 99).is_err());
        assert!(body(b"nonsense\r\n\r\n", 99).is_err());
        assert!(
            body(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz",
                99
            )
            .is_err()
        );
    }
}
