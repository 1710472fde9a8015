//! Every frame parses back to the event that was put in, however it is split on its way, and the
//! parser does what the standard says. Exact bytes are compared in `golden`.

use farol_core::sse::{Event, EventId, EventName, Frame, Parsed, Parser};
use proptest::prelude::*;

/// Text full of what the format gives a meaning to.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => proptest::sample::select(
            &["\r", "\n", "\r\n", "\0", "\u{feff}", "🗼", " ", ":", "data: ", "id", "\n\n", "é"][..],
        )
        .prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// A line of a stream, with any of the three ends.
fn lines() -> impl Strategy<Value = String> {
    let field =
        proptest::sample::select(&["data", "data: a", "id: 1", "event: e", "retry: 5", ""][..]);
    let end = proptest::sample::select(&["\r", "\n", "\r\n"][..]);
    (field, end).prop_map(|(field, end)| format!("{field}{end}"))
}

fn without_breaks(text: &str) -> String {
    text.replace(['\r', '\n', '\0'], "")
}

#[derive(Debug, Clone)]
struct Sent {
    name: EventName,
    id: Option<EventId>,
    retry: Option<u32>,
    data: String,
}

fn events() -> impl Strategy<Value = Sent> {
    let id = proptest::option::of(texts());
    (texts(), id, any::<Option<u32>>(), texts()).prop_map(|(name, id, retry, data)| Sent {
        name: EventName::try_from(format!("e{}", without_breaks(&name))).unwrap(),
        id: id.map(|id| EventId::try_from(without_breaks(&id)).unwrap()),
        retry,
        data,
    })
}

impl Sent {
    fn encode(&self) -> Frame {
        let mut event = Event::named(&self.name).data(&self.data);
        if let Some(id) = &self.id {
            event = event.id(id);
        }
        if let Some(milliseconds) = self.retry {
            event = event.retry(milliseconds);
        }
        event.encode()
    }

    fn as_received(&self) -> Parsed {
        Parsed {
            id: self.id.as_ref().map(|id| id.as_str().to_owned()),
            event: self.name.as_str().to_owned(),
            data: self.data.replace("\r\n", "\n").replace('\r', "\n"),
            retry: self.retry.map(u64::from),
        }
    }
}

fn parse(stream: &[u8]) -> Vec<Parsed> {
    Parser::new().feed(stream)
}

fn parse_bytewise(stream: &[u8]) -> Vec<Parsed> {
    let mut parser = Parser::new();
    stream
        .chunks(1)
        .flat_map(|byte| parser.feed(byte))
        .collect()
}

/// Feeds `stream` in pieces that end at `cuts`.
fn parse_split(stream: &[u8], cuts: &[prop::sample::Index]) -> (Vec<Parsed>, Parser) {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    ends.push(stream.len());
    ends.sort_unstable();
    let mut parser = Parser::new();
    let mut events = Vec::new();
    let mut start = 0;
    for end in ends {
        events.extend(parser.feed(&stream[start..end]));
        start = end;
    }
    (events, parser)
}

proptest! {
    #[test]
    fn what_is_encoded_parses_back_however_it_is_split(
        sent in prop::collection::vec(events(), 1..5),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let frames: Vec<Frame> = sent.iter().map(Sent::encode).collect();
        let (received, _) = parse_split(&Frame::concat(&frames).plain(), &cuts);
        prop_assert_eq!(received, sent.iter().map(Sent::as_received).collect::<Vec<_>>());
    }

    #[test]
    fn the_parser_takes_any_bytes_and_splits_make_no_difference(
        lines in prop::collection::vec(lines(), 0..12),
        junk in prop::collection::vec(any::<u8>(), 0..8),
        at in any::<prop::sample::Index>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let mut stream = lines.concat().into_bytes();
        let at = at.index(stream.len() + 1);
        stream.splice(at..at, junk);
        let (whole, parser) = parse_split(&stream, &[]);
        let (split, same) = parse_split(&stream, &cuts);
        prop_assert_eq!(&whole, &split);
        prop_assert_eq!(&whole, &parse_bytewise(&stream));
        prop_assert_eq!(parser.last_event_id(), same.last_event_id());
        prop_assert_eq!(parser.retry(), same.retry());
    }

    #[test]
    fn a_chunk_is_the_plain_bytes_with_their_length(event in events()) {
        let frame = event.encode();
        let head = format!("{:x}\r\n", frame.len());
        let expected = [head.as_bytes(), &frame.plain(), b"\r\n"].concat();
        prop_assert_eq!(frame.plain().len(), frame.len());
        prop_assert_eq!(frame.chunked(), expected);
    }

    #[test]
    fn frames_put_together_are_one_frame(sent in prop::collection::vec(events(), 1..5)) {
        let frames: Vec<Frame> = sent.iter().map(Sent::encode).collect();
        let whole = Frame::concat(&frames);
        let plain: Vec<u8> = frames.iter().flat_map(|frame| frame.plain().to_vec()).collect();
        prop_assert_eq!(&whole.plain(), &plain);
        let chunk = [format!("{:x}\r\n", plain.len()).as_bytes(), &plain, b"\r\n"].concat();
        prop_assert_eq!(whole.chunked(), chunk);
    }
}

#[test]
fn no_frame_is_the_chunk_that_ends_a_stream() {
    let nothing = Frame::concat(&[]);
    assert!(nothing.is_empty() && nothing.plain().is_empty() && nothing.chunked().is_empty());
}

#[test]
fn plain_bytes_and_chunk_share_one_buffer() {
    let name = EventName::from_static("ping");
    let frame = Event::named(&name).encode();
    let (chunk, plain) = (frame.chunked(), frame.plain());
    assert!(chunk.as_ptr_range().contains(&plain.as_ptr()));
    assert_eq!(plain.as_ptr(), frame.clone().plain().as_ptr());
}

/// `event|data|id|retry` of every event of a stream.
fn summary(stream: &[u8]) -> Vec<String> {
    let or_dash = |field: Option<String>| field.unwrap_or_else(|| "-".to_owned());
    parse(stream)
        .into_iter()
        .map(|it| {
            let retry = or_dash(it.retry.map(|milliseconds| milliseconds.to_string()));
            format!("{}|{}|{}|{retry}", it.event, it.data, or_dash(it.id))
        })
        .collect()
}

#[test]
fn the_parser_follows_the_standard() {
    let table: &[(&str, &[&str])] = &[
        // The standard's own examples.
        (
            "data: YHOO\ndata: +2\ndata: 10\n\n",
            &["message|YHOO\n+2\n10|-|-"],
        ),
        (
            ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
            &[
                "message|first event|1|-",
                "message|second event||-",
                "message| third event|-|-",
            ],
        ),
        (
            "data\n\ndata\ndata\n\ndata:",
            &["message||-|-", "message|\n|-|-"],
        ),
        (
            "data:test\n\ndata: test\n\n",
            &["message|test|-|-", "message|test|-|-"],
        ),
        // Line ends, mixed.
        (
            "data: a\r\rdata: b\r\n\r\ndata: c\n\n",
            &["message|a|-|-", "message|b|-|-", "message|c|-|-"],
        ),
        ("data: a\r\n\n", &["message|a|-|-"]),
        // Names, the last one counts, and an event without data is none and leaves no name behind.
        ("event: a\nevent: b\ndata\n\n", &["b||-|-"]),
        ("event: a\n\ndata: x\n\n", &["message|x|-|-"]),
        ("event\ndata: x\n\n", &["message|x|-|-"]),
        // Fields are compared exactly; unknown ones and comments are ignored.
        ("Data: a\n data: b\ndata : c\n:data: d\nx: y\n\n", &[]),
        // Only digits are a retry.
        ("retry: 10\ndata\n\n", &["message||-|10"]),
        (
            "retry: 1\nretry: 2x\nretry: -3\nretry: +4\nretry\nretry:  5\ndata\n\n",
            &["message||-|1"],
        ),
        (
            "retry: 99999999999999999999999\ndata\n\n",
            &["message||-|18446744073709551615"],
        ),
        // NUL makes an id void, and only an id.
        ("id: a\nid: b\0\ndata: c\0\n\n", &["message|c\0|a|-"]),
        // One BOM, at the very start only.
        ("\u{feff}data: a\n\n\u{feff}data: b\n\n", &["message|a|-|-"]),
        ("\u{feff}\u{feff}data: a\n\n", &[]),
        // What the stream's end cuts off is never dispatched.
        ("data: a\n\ndata: b\n", &["message|a|-|-"]),
    ];
    for (stream, expected) in table {
        assert_eq!(summary(stream.as_bytes()), *expected, "{stream:?}");
    }
}

#[test]
fn bytes_that_are_not_utf8_are_replaced_as_browsers_do() {
    assert_eq!(
        summary(b"data: \xff\xf0\x9f\x97\n\n"),
        ["message|\u{fffd}\u{fffd}|-|-"]
    );
}

#[test]
fn id_and_retry_count_even_in_a_block_without_data() {
    let mut parser = Parser::new();
    assert_eq!(parser.feed(b"id: 7\nretry: 20\n"), []);
    assert_eq!((parser.last_event_id(), parser.retry()), ("", Some(20)));
    assert_eq!(parser.feed(b"\ndata: x\n\n").len(), 1);
    assert_eq!((parser.last_event_id(), parser.retry()), ("7", Some(20)));
    assert_eq!(parser.feed(b"id\ndata\n\n").len(), 1);
    assert_eq!(parser.last_event_id(), "");
}

#[test]
fn an_event_is_dispatched_by_the_cr_that_ends_it_without_waiting_for_an_lf() {
    let mut parser = Parser::new();
    assert_eq!(parser.feed(b"data: a\r\n\r").len(), 1);
    assert_eq!(parser.feed(b"\ndata: b\n\n").len(), 1);
}

#[test]
fn an_lf_that_comes_later_than_its_cr_ends_no_second_line() {
    let mut parser = Parser::new();
    assert_eq!(parser.feed(b"data: a\r"), []);
    assert_eq!(parser.feed(b""), []);
    assert_eq!(parser.feed(b"\ndata: b\r"), []);
    assert_eq!(parser.feed(b"\r")[0].data, "a\nb");
}
