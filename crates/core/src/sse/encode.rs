//! Writes events, each once: the frame that comes out is shared by all who get it, as plain
//! bytes (HTTP/2) or as one HTTP/1.1 chunk.

use std::ops::Range;

use bytes::Bytes;

use super::event::{EventId, EventName};

/// An event that is about to be written. Always has a data field, empty if none was given:
/// browsers drop an event without one.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    name: &'a EventName,
    id: Option<&'a EventId>,
    retry: Option<u32>,
    data: &'a str,
}

impl<'a> Event<'a> {
    /// An event with a name and nothing else yet.
    pub const fn named(name: &'a EventName) -> Self {
        Self {
            name,
            id: None,
            retry: None,
            data: "",
        }
    }

    /// What the browser sends back as `Last-Event-ID` when it reconnects.
    pub const fn id(mut self, id: &'a EventId) -> Self {
        self.id = Some(id);
        self
    }

    /// How long, in milliseconds, the browser waits before it reconnects, from now on.
    pub const fn retry(mut self, milliseconds: u32) -> Self {
        self.retry = Some(milliseconds);
        self
    }

    /// The payload. Its line ends (CRLF, CR, LF) all arrive as LF.
    pub const fn data(mut self, data: &'a str) -> Self {
        self.data = data;
        self
    }

    /// The event as bytes, in one allocation of exactly the size needed.
    pub fn encode(&self) -> Frame {
        let mut len = 0;
        self.write(|part| len += part.len());
        Frame::build(len, |buffer| {
            self.write(|part| buffer.extend_from_slice(part.as_bytes()));
        })
    }

    /// Hands every piece of the frame to `put`, in order; called once to measure, once to copy.
    fn write(&self, mut put: impl FnMut(&str)) {
        let mut field = |name: &str, value: &str| {
            put(name);
            // The parser takes one space away after the colon, so one that belongs to the value
            // is safe only behind another.
            put(": ");
            put(value);
            put("\n");
        };
        if let Some(id) = self.id {
            field("id", id.as_str());
        }
        field("event", self.name.as_str());
        if let Some(milliseconds) = self.retry {
            field("retry", &milliseconds.to_string());
        }
        for line in Lines(Some(self.data)) {
            field("data", line);
        }
        put("\n");
    }
}

/// The lines of a text, split at CRLF, CR and LF; `str::lines` knows no lone CR and swallows a
/// last empty line.
struct Lines<'a>(Option<&'a str>);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0?;
        let Some(end) = rest.bytes().position(|byte| matches!(byte, b'\r' | b'\n')) else {
            self.0 = None;
            return Some(rest);
        };
        let (line, rest) = rest.split_at(end);
        self.0 = rest.strip_prefix("\r\n").or_else(|| rest.get(1..));
        Some(line)
    }
}

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

    /// `fill` must append exactly `len` bytes.
    fn build(len: usize, fill: impl FnOnce(&mut Vec<u8>)) -> Self {
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
        let inside = Range {
            start: head.len(),
            end: head.len() + len,
        };
        Self {
            plain: chunk.slice(inside),
            chunk,
        }
    }
}
