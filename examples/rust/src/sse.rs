//! Event streams as the HTML standard has them, from bytes as the network brings them.

use std::time::Duration;

/// What an empty line ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// `message` where the stream does not say.
    pub name: String,
    /// Its lines, joined by line feeds.
    pub data: String,
    /// Where to go on after a lost connection: of this event, or of the last one that had any.
    pub id: String,
    /// How long to wait then, as last told.
    pub retry: Duration,
}

/// Of one connection. What is cut off before its empty line never was: it comes again.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    after_cr: bool,
    begun: bool,
    name: String,
    data: Option<String>,
    id: String,
    retry: Duration,
}

impl Parser {
    /// Of a connection that goes on behind this id.
    pub fn after(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            ..Self::default()
        }
    }

    /// A chunk ends anywhere: inside a character, between CR and LF.
    pub fn push(&mut self, chunk: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for &byte in chunk {
            match byte {
                b'\n' if self.after_cr => self.after_cr = false,
                b'\n' | b'\r' => {
                    self.after_cr = byte == b'\r';
                    events.extend(self.end_of_line());
                }
                _ => {
                    self.after_cr = false;
                    self.line.push(byte);
                }
            }
        }
        events
    }

    /// Lines are cut from bytes, so each is decoded whole.
    fn end_of_line(&mut self) -> Option<Event> {
        let bytes = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&bytes);
        let mark = if self.begun { "" } else { "\u{feff}" };
        self.begun = true;
        let line = text.strip_prefix(mark).unwrap_or(&text);
        if line.is_empty() {
            return self.end_of_event();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        self.field(field, value.strip_prefix(' ').unwrap_or(value));
        None
    }

    /// A comment is a field without a name.
    fn field(&mut self, field: &str, value: &str) {
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => match &mut self.data {
                Some(data) => *data = format!("{data}\n{value}"),
                None => self.data = Some(value.to_owned()),
            },
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            "retry" if value.bytes().all(|it| it.is_ascii_digit()) => {
                self.retry = value.parse().map_or(self.retry, Duration::from_millis);
            }
            _ => {}
        }
    }

    fn end_of_event(&mut self) -> Option<Event> {
        let name = std::mem::take(&mut self.name);
        Some(Event {
            data: self.data.take()?,
            name: if name.is_empty() {
                "message".into()
            } else {
                name
            },
            id: self.id.clone(),
            retry: self.retry,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ODD: &str = "\u{feff}:hi\nretry: 2000\nevent: a\rdata: é\r\ndata:  1\n\n\r\nid: 7\nid: x\0\n\nretry: x\ndata\n\nevent: b\r\rdata: 2\r\n\r\ndata: cut off";

    fn event(name: &str, data: &str, id: &str) -> Event {
        let (name, data, id) = (name.into(), data.into(), id.into());
        let retry = Duration::from_secs(2);
        Event {
            name,
            data,
            id,
            retry,
        }
    }

    #[test]
    fn the_same_events_come_wherever_the_bytes_are_cut() {
        let wanted = [
            event("a", "é\n 1", "5"),
            event("message", "", "7"),
            event("message", "2", "7"),
        ];
        for size in 1..=ODD.len() {
            let mut parser = Parser::after("5");
            let chunks = ODD.as_bytes().chunks(size);
            let events: Vec<Event> = chunks.flat_map(|chunk| parser.push(chunk)).collect();
            assert_eq!(events, wanted, "in chunks of {size}");
        }
    }
}
