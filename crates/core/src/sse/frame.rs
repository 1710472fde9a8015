//! Encoded events on their way out: encoded once, then shared by all who get them, as plain bytes
//! (HTTP/2) or as one HTTP/1.1 chunk.

use bytes::Bytes;

/// Some whole events as bytes. One buffer holds the HTTP/1.1 chunk with the plain bytes inside;
/// a clone is a pointer copy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frame {
    chunk: Bytes,
    plain: Bytes,
}

impl Frame {
    /// The SSE bytes.
    pub fn plain(&self) -> Bytes {
        self.plain.clone()
    }

    /// The same bytes as one chunk of HTTP/1.1's chunked transfer coding. Empty for an empty
    /// frame: a chunk of length 0 would end the stream.
    pub fn chunked(&self) -> Bytes {
        self.chunk.clone()
    }

    /// The number of SSE bytes.
    pub fn len(&self) -> usize {
        self.plain.len()
    }

    /// Whether there is nothing to send; so only for `Frame::concat(&[])` and the default.
    pub fn is_empty(&self) -> bool {
        self.plain.is_empty()
    }

    /// Several frames as one, to be sent in one write.
    pub fn concat(frames: &[Self]) -> Self {
        let len = frames.iter().map(Self::len).sum();
        Self::build(len, |buffer| {
            for frame in frames {
                buffer.extend_from_slice(&frame.plain);
            }
        })
    }

    /// A frame of `len` bytes, exactly so many of which `fill` must append.
    pub(super) fn build(len: usize, fill: impl FnOnce(&mut Vec<u8>)) -> Self {
        if len == 0 {
            return Self::default();
        }
        let head = format!("{len:x}\r\n");
        let mut chunk = Vec::with_capacity(head.len() + len + 2);
        chunk.extend_from_slice(head.as_bytes());
        fill(&mut chunk);
        debug_assert_eq!(chunk.len(), head.len() + len);
        chunk.extend_from_slice(b"\r\n");
        // Length equals capacity here, so no byte is moved again.
        let chunk = Bytes::from(chunk);
        let plain = chunk.slice(head.len()..head.len() + len);
        Self { chunk, plain }
    }
}
