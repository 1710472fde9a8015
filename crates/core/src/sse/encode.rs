//! Writes an event: the order of fields, the split into data lines, every byte. What is shared
//! and sent afterwards is a `Frame`.

use super::event::{EventId, EventName};
use super::frame::Frame;

/// An event that is about to be written. Always has a data field, empty if none was given:
/// browsers drop an event without one.
///
/// ```
/// use farol_core::sse::{Event, EventName};
///
/// const PING: EventName = EventName::from_static("ping");
/// let frame = Event::named(&PING).data("{\"time\": 1}").encode();
/// assert_eq!(frame.plain(), "event: ping\ndata: {\"time\": 1}\n\n");
/// assert_eq!(frame.chunked(), "1f\r\nevent: ping\ndata: {\"time\": 1}\n\n\r\n");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    name: Option<&'a EventName>,
    id: Option<&'a EventId>,
    retry: Option<u32>,
    data: &'a str,
}

impl<'a> Event<'a> {
    /// An event with a name and nothing else yet.
    pub const fn named(name: &'a EventName) -> Self {
        Self {
            name: Some(name),
            ..Self::unnamed()
        }
    }

    /// An event without a name, which browsers hand to `onmessage`.
    pub const fn unnamed() -> Self {
        Self {
            name: None,
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
        if let Some(name) = self.name {
            field("event", name.as_str());
        }
        if let Some(milliseconds) = self.retry {
            field("retry", &milliseconds.to_string());
        }
        for line in Lines(Some(self.data)) {
            field("data", line);
        }
        put("\n");
    }
}

impl Frame {
    /// A comment, which every reader skips: proof of life. `text` has no line end.
    pub fn comment(text: &'static str) -> Self {
        Self::of(&[": ", text, "\n\n"])
    }

    /// Nothing but the reconnection time, in milliseconds.
    pub fn retry(milliseconds: u32) -> Self {
        Self::of(&["retry: ", &milliseconds.to_string(), "\n\n"])
    }

    /// An event whose data field is as bare as can be: `data:`, where [`Event::encode`] writes a space behind.
    pub fn bare(name: &EventName) -> Self {
        Self::of(&["event: ", name.as_str(), "\ndata:\n\n"])
    }

    fn of(parts: &[&str]) -> Self {
        let len = parts.iter().map(|part| part.len()).sum();
        Self::build(len, |buffer| {
            for part in parts {
                buffer.extend_from_slice(part.as_bytes());
            }
        })
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
