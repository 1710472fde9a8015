//! The frames of docs/API.md byte for byte, each in a file of its own. The files are written by
//! hand, never by the encoder.

use std::fs;
use std::path::PathBuf;

use farol_core::sse::{Event, EventId, EventName, Parser};

struct Golden {
    file: &'static str,
    name: &'static str,
    id: Option<&'static str>,
    retry: Option<u32>,
    data: &'static str,
}

const fn golden(file: &'static str, name: &'static str, data: &'static str) -> Golden {
    Golden {
        file,
        name,
        id: None,
        retry: None,
        data,
    }
}

const ALL: &[Golden] = &[
    Golden {
        retry: Some(2713),
        ..golden(
            "connected",
            "connected",
            r#"{"project": "downtown-heights"}"#,
        )
    },
    Golden {
        id: Some("6f1c2a-41"),
        ..golden(
            "status_update",
            "status_update",
            r#"{"statuses": {"A101": "available", "A102": "reserved"}, "state": "live", "as_of": "2026-03-01T12:00:00Z", "version": "6f1c2a-41"}"#,
        )
    },
    Golden {
        id: Some("6f1c2a-42"),
        ..golden(
            "bulk_update",
            "bulk_update",
            r#"{"updates": {"A101": "sold"}, "removed": ["A107"], "as_of": "2026-03-01T12:00:30Z", "version": "6f1c2a-42"}"#,
        )
    },
    golden(
        "state",
        "state",
        r#"{"state": "stale", "as_of": "2026-03-01T12:00:30Z", "since": "2026-03-01T12:01:00Z"}"#,
    ),
    golden("ping", "ping", r#"{"time": 1234567890}"#),
    Golden {
        retry: Some(14_021),
        ..golden("closed", "closed", r#"{"reason": "draining"}"#)
    },
    Golden {
        id: Some("1"),
        retry: Some(0),
        ..golden("every_field", "x", "1")
    },
    golden("data_cr", "x", "a\rb"),
    golden("data_lf", "x", "a\nb"),
    golden("data_crlf", "x", "a\r\nb"),
    golden("data_line_ends", "x", "\ra\n\rb\r\r\nc\n\n"),
    golden("data_empty", "x", ""),
    golden("data_spaces", "x", " a: b\n: c"),
    golden("data_emoji", "x", "🗼 👩‍👩‍👧"),
    golden("data_bom", "x", "\u{feff}a"),
    golden("data_nul", "x", "a\0b"),
    Golden {
        id: Some(""),
        ..golden("empty_id", "x", "1")
    },
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

impl Golden {
    fn bytes(&self) -> Vec<u8> {
        fs::read(folder().join(format!("{}.sse", self.file))).unwrap()
    }
}

#[test]
fn every_frame_is_written_as_its_golden_file_has_it() {
    for golden in ALL {
        let name = EventName::from_static(golden.name);
        let id = golden.id.map(|id| EventId::try_from(id).unwrap());
        let mut event = Event::named(&name).data(golden.data);
        if let Some(id) = &id {
            event = event.id(id);
        }
        if let Some(milliseconds) = golden.retry {
            event = event.retry(milliseconds);
        }
        let written = event.encode().plain();
        assert_eq!(
            written.escape_ascii().to_string(),
            golden.bytes().escape_ascii().to_string(),
            "{}",
            golden.file
        );
    }
}

#[test]
fn every_golden_file_parses_to_its_event() {
    for golden in ALL {
        let events = Parser::new().feed(&golden.bytes());
        let [event] = &events[..] else {
            unreachable!("{}: {events:?}", golden.file)
        };
        assert_eq!(event.event, golden.name);
        assert_eq!(event.id.as_deref(), golden.id);
        assert_eq!(event.retry, golden.retry.map(u64::from));
        assert_eq!(
            event.data,
            golden.data.replace("\r\n", "\n").replace('\r', "\n")
        );
    }
}

#[test]
fn no_golden_file_is_forgotten() {
    let files = fs::read_dir(folder()).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let frames = names.filter(|name| name != ".gitattributes").count();
    assert_eq!(frames, ALL.len());
}
