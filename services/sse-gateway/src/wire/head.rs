//! The head of a request: read strictly, because whoever stands in front of us reads it too.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use httparse::{EMPTY_HEADER, Header, Request, Status};

use super::body::Framing;

/// A longer head is refused.
pub const LONGEST_HEAD: usize = 16 * 1024;
const MOST_HEADERS: usize = 100;

/// What a request wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Options,
    Head,
    Other,
}

/// The head of a request.
#[derive(Clone, Debug)]
pub struct Head {
    /// All of its bytes.
    raw: Bytes,
    target: Range<usize>,
    path: Range<usize>,
    authorization: Option<Range<usize>>,
    request_id: Option<Range<usize>>,
    pub method: Method,
    /// HTTP/1.1, so chunks are understood.
    pub chunks: bool,
    /// Whether the client will ask more on this connection.
    pub keep_alive: bool,
    /// Whether the client waits for a word before it sends the body.
    pub expects: bool,
    pub framing: Framing,
}

/// Why a head cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadHead {
    Malformed,
    TooLong,
}

impl Head {
    /// Takes a head off the front of `buffer`, once it is complete.
    pub fn take(buffer: &mut BytesMut) -> Result<Option<Self>, BadHead> {
        // Empty lines before a request are the remains of a former body.
        while buffer.starts_with(b"\r\n") {
            let _ = buffer.split_to(2);
        }
        let mut space = [EMPTY_HEADER; MOST_HEADERS];
        let mut request = Request::new(&mut space);
        let len = match request.parse(buffer) {
            Ok(Status::Complete(len)) if len <= LONGEST_HEAD => len,
            Ok(Status::Partial) if buffer.len() <= LONGEST_HEAD => return Ok(None),
            Err(httparse::Error::TooManyHeaders) | Ok(_) => return Err(BadHead::TooLong),
            Err(_) => return Err(BadHead::Malformed),
        };
        let mut head = Self::read(&request, buffer).ok_or(BadHead::Malformed)?;
        if has_lone_line_feed(&buffer[..len]) {
            return Err(BadHead::Malformed);
        }
        head.raw = buffer.split_to(len).freeze();
        Ok(Some(head))
    }

    fn read(request: &Request<'_, '_>, buffer: &[u8]) -> Option<Self> {
        let text = request.path?;
        let word = request.method?;
        let target = within(buffer, text.as_bytes());
        let path = path_of(text, word)?;
        let chunks = request.version == Some(1);
        let lines = Lines(request.headers);
        // Exactly one Host is what HTTP/1.1 asks for.
        if lines.all("host").count() > 1 || (chunks && lines.one("host").is_none()) {
            return None;
        }
        let one = |name| lines.one(name).map(|value| within(buffer, value));
        Some(Self {
            raw: Bytes::new(),
            path: target.start + path.start..target.start + path.end,
            target,
            authorization: one("authorization"),
            request_id: one("x-request-id"),
            method: Method::of(word),
            // An old client would have to be told that its wish was heard; nobody needs that.
            keep_alive: chunks && !lines.has("connection", "close"),
            expects: chunks && lines.has("expect", "100-continue"),
            framing: lines.framing(chunks)?,
            chunks,
        })
    }

    /// The path alone.
    pub fn path(&self) -> &str {
        self.text(&self.path)
    }

    /// The target as it came, with its query.
    pub fn target(&self) -> &str {
        self.text(&self.target)
    }

    /// The credentials of the request.
    pub fn authorization(&self) -> Option<&[u8]> {
        self.authorization.clone().map(|range| &self.raw[range])
    }

    /// The identity that the client gave the request.
    pub fn request_id(&self) -> Option<&str> {
        let range = self.request_id.clone()?;
        std::str::from_utf8(&self.raw[range]).ok()
    }

    /// Calls `each` with every header: its name as it came, its value.
    pub fn headers(&self, mut each: impl FnMut(&str, &[u8])) {
        let mut space = [EMPTY_HEADER; MOST_HEADERS];
        let mut request = Request::new(&mut space);
        // Parsed before, so it is complete.
        if request.parse(&self.raw).is_ok() {
            for header in request.headers.iter() {
                each(header.name, header.value);
            }
        }
    }

    fn text(&self, range: &Range<usize>) -> &str {
        // The parser let only such targets pass.
        std::str::from_utf8(&self.raw[range.clone()]).unwrap_or_default()
    }
}

impl Method {
    fn of(word: &str) -> Self {
        match word {
            "GET" => Self::Get,
            "POST" => Self::Post,
            "OPTIONS" => Self::Options,
            "HEAD" => Self::Head,
            _ => Self::Other,
        }
    }
}

/// The headers of one head.
struct Lines<'a>(&'a [Header<'a>]);

impl<'a> Lines<'a> {
    fn all(&self, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
        self.0
            .iter()
            .filter(move |header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value)
    }

    fn one(&self, name: &'static str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// Whether `word` is in the list of `name`.
    fn has(&self, name: &'static str, word: &str) -> bool {
        self.all(name)
            .flat_map(|value| value.split(|byte| *byte == b','))
            .any(|entry| entry.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
    }

    /// How long the body is. `None` where two readers could disagree on it.
    fn framing(&self, chunks: bool) -> Option<Framing> {
        let mut codings = self.all("transfer-encoding");
        let mut lengths = self.all("content-length");
        match (codings.next(), lengths.next()) {
            (None, None) => Some(Framing::None),
            (None, Some(length)) => {
                let same = lengths.all(|other| other == length);
                same.then(|| digits(length)).flatten().map(Framing::Length)
            }
            (Some(coding), None) => {
                let plain = coding.eq_ignore_ascii_case(b"chunked") && codings.next().is_none();
                (plain && chunks).then_some(Framing::Chunked)
            }
            (Some(_), Some(_)) => None,
        }
    }
}

/// Digits and nothing else: no sign, no list.
pub fn digits(text: &[u8]) -> Option<u64> {
    let sound = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(text).ok().filter(|_| sound)?;
    text.parse().ok()
}

/// Where `part` of `whole` lies.
fn within(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr() as usize - whole.as_ptr() as usize;
    start..start + part.len()
}

/// Where the path of a target lies: of origin form, or of the absolute form of a web address. Only OPTIONS may ask for
/// `*`, and only CONNECT for an authority; the path of these is all of it.
fn path_of(target: &str, method: &str) -> Option<Range<usize>> {
    let start = if target.starts_with('/') {
        0
    } else if let Some(authority) = behind_scheme(target) {
        let len = target[authority..].find(['/', '?', '#']);
        let end = len.map_or(target.len(), |len| authority + len);
        // An address without a host is nobody's.
        (end > authority).then_some(end)?
    } else {
        let sound = match method {
            "OPTIONS" => target == "*",
            "CONNECT" => !target.contains(['/', '?', '#']),
            _ => false,
        };
        return sound.then_some(0..target.len());
    };
    let len = target[start..].find(['?', '#']);
    Some(start..len.map_or(target.len(), |len| start + len))
}

fn behind_scheme(target: &str) -> Option<usize> {
    let is_scheme = |scheme: &&str| {
        let begin = target.get(..scheme.len());
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(scheme))
    };
    ["http://", "https://"]
        .into_iter()
        .find(is_scheme)
        .map(str::len)
}

/// The parser takes it for the end of a line; what stands in front of us may not.
fn has_lone_line_feed(head: &[u8]) -> bool {
    let mut before = 0;
    head.iter().any(|byte| {
        let lone = *byte == b'\n' && before != b'\r';
        before = *byte;
        lone
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_head_that_is_cut_anywhere_is_only_waited_for() {
        let whole = b"GET /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n";
        for cut in 0..whole.len() {
            let mut buffer = BytesMut::from(&whole[..cut]);
            assert!(matches!(Head::take(&mut buffer), Ok(None)), "{cut}");
            assert_eq!(buffer.len(), cut);
        }
        let mut buffer = BytesMut::from(&whole[..]);
        buffer.extend_from_slice(b"abc");
        let head = Head::take(&mut buffer).unwrap().unwrap();
        assert_eq!((head.path(), head.target()), ("/a", "/a?b=c"));
        assert_eq!(
            (head.framing, &buffer[..]),
            (Framing::Length(3), &b"abc"[..])
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_head_or_none_and_never_a_panic(
            line in "(GET|POST|OPTIONS|X) ?[/*a-z:.?#]{0,20} HTTP/1\\.[01]\r\n",
            rest in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut buffer = BytesMut::from(line.as_bytes());
            buffer.extend_from_slice(b"Host: x\r\n");
            buffer.extend_from_slice(&rest);
            buffer.extend_from_slice(b"\r\n\r\n");
            if let Ok(Some(head)) = Head::take(&mut buffer) {
                prop_assert!(head.target().contains(head.path()));
            }
        }
    }
}
