//! Reads an event stream exactly as the WHATWG standard tells browsers to ("Interpreting an event
//! stream"): the judge of tests and tools, fed piece by piece. Reconnecting is up to callers.

use std::mem;

/// One event as a browser would dispatch it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The last valid `id` field of this block, if it had one.
    pub id: Option<String>,
    /// The name; "message" where the block had none.
    pub event: String,
    /// The data lines, joined by LF.
    pub data: String,
    /// The last valid `retry` field of this block, in milliseconds.
    pub retry: Option<u64>,
}

/// An incremental parser: how the bytes are split over [`Parser::feed`] makes no difference. It
/// holds one block at most, which is as long as the sender makes it.
#[derive(Debug, Clone, Default)]
pub struct Parser {
    /// The bytes of the line under way.
    line: Vec<u8>,
    /// The last byte was a CR: an LF that follows belongs to it.
    after_cr: bool,
    /// A line was read already, so that a BOM is no longer one.
    started: bool,
    id: Option<String>,
    event: String,
    data: String,
    block_retry: Option<u64>,
    last_event_id: String,
    retry: Option<u64>,
}

impl Parser {
    /// A parser at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes and returns the events that they complete. A block without data is
    /// no event, though its `id` and `retry` count.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Parsed> {
        let mut events = Vec::new();
        let mut rest = bytes;
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
            let (line, ended) = rest.split_at(end);
            self.line.extend_from_slice(line);
            events.extend(self.end_line());
            self.after_cr = ended == b"\r";
            rest = ended
                .strip_prefix(b"\r\n")
                .unwrap_or_else(|| ended.get(1..).unwrap_or_default());
        }
        self.line.extend_from_slice(rest);
        events
    }

    /// What a browser would send as `Last-Event-ID` if the connection broke now.
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// The reconnection time in milliseconds that the stream asked for last.
    pub fn retry(&self) -> Option<u64> {
        self.retry
    }

    fn end_line(&mut self) -> Option<Parsed> {
        let bytes = mem::take(&mut self.line);
        let mut line = bytes.as_slice();
        if !mem::replace(&mut self.started, true) {
            line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        }
        if line.is_empty() {
            return self.end_block();
        }
        // A line end is never part of a longer UTF-8 sequence, so decoding line by line equals
        // decoding the stream.
        let line = String::from_utf8_lossy(line);
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        self.take_field(name, value.strip_prefix(' ').unwrap_or(value));
        None
    }

    /// A comment is a field without a name here, and ignored as every unknown field is.
    fn take_field(&mut self, name: &str, value: &str) {
        match name {
            "event" => value.clone_into(&mut self.event),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            "retry" if is_number(value) => {
                // A wait that u64 cannot hold is as good as the longest one.
                self.block_retry = Some(value.parse().unwrap_or(u64::MAX));
                self.retry = self.block_retry;
            }
            _ => {}
        }
    }

    fn end_block(&mut self) -> Option<Parsed> {
        let id = self.id.take();
        let retry = self.block_retry.take();
        let event = mem::take(&mut self.event);
        let mut data = mem::take(&mut self.data);
        if let Some(id) = &id {
            self.last_event_id.clone_from(id);
        }
        // The LF behind the last line; without one there was no data field, hence no event.
        data.pop()?;
        Some(Parsed {
            id,
            event: if event.is_empty() {
                "message".to_owned()
            } else {
                event
            },
            data,
            retry,
        })
    }
}

fn is_number(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit())
}
