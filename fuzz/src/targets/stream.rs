//! Event streams: parsed whole and in pieces, with other line ends, and encoded again.

use farol_core::sse::{Event, EventId, EventName, Parsed, Parser};
use rand::RngExt;
use rand::rngs::StdRng;

use super::{ensure, kind, magnitude};
use crate::mutate::pick;

pub(super) const TOKENS: &[&[u8]] = &[
    b"\r",
    b"\n",
    b"\r\n",
    b"\n\n",
    b"\r\r",
    b"\r\n\r\n",
    b":",
    b": ",
    b"  ",
    b"id",
    b"id: ",
    b"event: ",
    b"data",
    b"data:",
    b"data: ",
    b"retry: ",
    b"retry: 18446744073709551616",
    b"\xEF\xBB\xBF",
    b"\0",
    b"\xff",
    b"\xf0\x9f",
    b"\xf0\x9f\x97\xbc",
    b"1",
];

const FIELDS: &[&str] = &["id", "event", "retry", "data", "data", "", "Data", "x"];
const SEPARATORS: &[&str] = &[":", ": ", ":  ", ""];
const VALUES: &[&str] = &[
    "",
    "1",
    "2713",
    "6f1c2a-41",
    "ping",
    "{\"a\": 1}",
    "\0",
    "\u{feff}",
    "🗼",
];
const ENDS: &[&str] = &["\n", "\n", "\r", "\r\n", "\n\n", "\r\r", "\r\n\r\n"];

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Streams up to this length are cut in two at every place too, not only into equal pieces.
const SHORT: usize = 96;

pub(super) fn grow(random: &mut StdRng) -> Vec<u8> {
    let mut stream = String::new();
    for _ in 0..random.random_range(0..16) {
        for part in [FIELDS, SEPARATORS, VALUES, ENDS] {
            stream.push_str(pick(part, random).copied().unwrap_or_default());
        }
    }
    stream.into_bytes()
}

pub(super) fn check(input: &[u8]) -> Result<u64, String> {
    let whole = read([input]);
    check_splits(input, &whole)?;
    check_variants(input, &whole)?;
    let data: usize = whole.events.iter().map(|event| event.data.len()).sum();
    // A byte that is not UTF-8 becomes a character of three.
    ensure(
        data <= 3 * input.len(),
        "no event holds more than the stream",
    )?;
    for event in &whole.events {
        check_event(event)?;
    }
    check_payload(&String::from_utf8_lossy(input))?;
    Ok(kind((
        magnitude(whole.events.len()),
        magnitude(data),
        whole.events.iter().any(|event| event.id.is_some()),
        whole.events.iter().any(|event| event.retry.is_some()),
        whole.events.iter().any(|event| event.event != "message"),
        whole.events.iter().any(|event| event.data.contains('\n')),
        (whole.last_id.is_empty(), whole.retry.is_some()),
    )))
}

/// All that a reader learns from a stream.
#[derive(PartialEq)]
struct Outcome {
    events: Vec<Parsed>,
    last_id: String,
    retry: Option<u64>,
}

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut parser = Parser::new();
    let events = pieces
        .into_iter()
        .flat_map(|piece| parser.feed(piece))
        .collect();
    Outcome {
        events,
        last_id: parser.last_event_id().to_owned(),
        retry: parser.retry(),
    }
}

fn check_splits(input: &[u8], whole: &Outcome) -> Result<(), String> {
    let invariant = "how a stream is split makes no difference";
    for size in [1, 2, 3, 7] {
        ensure(read(input.chunks(size)) == *whole, invariant)?;
    }
    if input.len() <= SHORT {
        for at in 0..=input.len() {
            let (left, right) = input.split_at(at);
            ensure(read([left, &[], right]) == *whole, invariant)?;
        }
    }
    Ok(())
}

fn check_variants(input: &[u8], whole: &Outcome) -> Result<(), String> {
    let stream = input.strip_prefix(BOM).unwrap_or(input);
    ensure(
        read([BOM, stream]) == *whole,
        "a byte order mark changes nothing",
    )?;
    for end in [&b"\n"[..], b"\r", b"\r\n"] {
        ensure(
            read([with_line_ends(input, end).as_slice()]) == *whole,
            "all three line ends mean the same",
        )?;
    }
    Ok(())
}

/// The stream with every line end replaced, found the slow way.
fn with_line_ends(stream: &[u8], end: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(2 * stream.len());
    let mut before = 0;
    for byte in stream {
        match (before, *byte) {
            (b'\r', b'\n') => {}
            (_, b'\r' | b'\n') => replaced.extend_from_slice(end),
            (_, other) => replaced.push(other),
        }
        before = *byte;
    }
    replaced
}

/// An event that was read is written so that the same is read again.
fn check_event(event: &Parsed) -> Result<(), String> {
    // A stream may carry a NUL in a name; ours never does.
    let Ok(name) = EventName::try_from(event.event.as_str()) else {
        return ensure(
            event.event.contains('\0'),
            "only NUL makes a name that was read unfit",
        );
    };
    let id = match event.id.as_deref().map(EventId::try_from) {
        Some(Ok(id)) => Some(id),
        Some(Err(_)) => return Err("an id that was read can be sent".to_owned()),
        None => None,
    };
    let mut writing = Event::named(&name).data(&event.data);
    if let Some(id) = &id {
        writing = writing.id(id);
    }
    let retry = event.retry.and_then(|wait| u32::try_from(wait).ok());
    if let Some(milliseconds) = retry {
        writing = writing.retry(milliseconds);
    }
    let expected = Parsed {
        retry: retry.map(u64::from),
        ..event.clone()
    };
    ensure(
        Parser::new().feed(&writing.encode().plain()) == [expected],
        "an event that was read is read again as it was",
    )
}

/// Any text can be sent as data.
fn check_payload(text: &str) -> Result<(), String> {
    const NAME: EventName = EventName::from_static("x");
    let frame = Event::named(&NAME).data(text).encode();
    let (plain, chunk) = (frame.plain(), frame.chunked());
    let framed = [format!("{:x}\r\n", plain.len()).as_bytes(), &plain, b"\r\n"].concat();
    ensure(
        chunk == framed,
        "a chunk is the plain bytes with their length",
    )?;
    let data = text.replace("\r\n", "\n").replace('\r', "\n");
    ensure(
        matches!(&Parser::new().feed(&plain)[..], [event] if event.data == data),
        "any text arrives with its line ends as LF",
    )
}
