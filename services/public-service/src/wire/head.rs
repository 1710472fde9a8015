//! Is this the head of a stream's GET? Strict: whatever is unusual about a
//! request goes to actix, which knows all of HTTP.

use httparse::{EMPTY_HEADER, Header, Request, Status};

/// A head longer than this goes to actix.
pub const LONGEST_HEAD: usize = 4096;
const MOST_HEADERS: usize = 48;

/// The parts of a stream's GET that matter.
#[derive(Debug, PartialEq, Eq)]
pub struct StreamHead {
    /// Bytes of the head, with its empty line.
    pub len: usize,
    pub slug: String,
    pub query: String,
    pub last_event_id: Option<String>,
    /// Every line, in whatever bytes.
    pub forwarded_for: Vec<Vec<u8>>,
    pub request_id: Option<String>,
}

/// Reads `bytes` as the head of a stream's GET; `None` is for actix.
pub fn parse(bytes: &[u8]) -> Option<StreamHead> {
    let mut headers = [EMPTY_HEADER; MOST_HEADERS];
    let mut request = Request::new(&mut headers);
    let Ok(Status::Complete(len)) = request.parse(bytes) else {
        return None;
    };
    if request.method != Some("GET") || request.version != Some(1) {
        return None;
    }
    let (path, query) = split(request.path?);
    let slug = slug_of(path)?;
    if request.headers.iter().any(is_for_actix) {
        return None;
    }
    // Exactly one Host is what HTTP/1.1 asks for; actix answers the others.
    if values(request.headers, "host").count() != 1 {
        return None;
    }
    let last_event_id = values(request.headers, "last-event-id").next();
    Some(StreamHead {
        len,
        slug: slug.to_owned(),
        query: query.to_owned(),
        last_event_id: last_event_id.filter(|id| !id.is_empty()).map(str::to_owned),
        forwarded_for: lines(request.headers, "x-forwarded-for")
            .map(<[u8]>::to_vec)
            .collect(),
        request_id: values(request.headers, "x-request-id")
            .next()
            .map(str::to_owned),
    })
}

/// Headers that change what a request means, or how it must be answered.
fn is_for_actix(header: &Header<'_>) -> bool {
    const SPECIAL: [&str; 5] = [
        "transfer-encoding",
        "content-length",
        "upgrade",
        "expect",
        "te",
    ];
    let name = header.name;
    let special = SPECIAL
        .iter()
        .any(|special| name.eq_ignore_ascii_case(special));
    let closes = name.eq_ignore_ascii_case("connection")
        && !header.value.eq_ignore_ascii_case(b"keep-alive");
    special || closes
}

fn values<'a>(headers: &'a [Header<'_>], name: &'a str) -> impl Iterator<Item = &'a str> {
    lines(headers, name)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .map(str::trim)
}

fn lines<'a>(headers: &'a [Header<'_>], name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    headers
        .iter()
        .filter(move |header| header.name.eq_ignore_ascii_case(name))
        .map(|header| header.value)
}

fn split(target: &str) -> (&str, &str) {
    target.split_once('?').unwrap_or((target, ""))
}

/// The slug in the path of a stream, under either prefix. Escapes are for actix.
fn slug_of(path: &str) -> Option<&str> {
    let canonical = || {
        path.strip_prefix("/api/public/")?
            .strip_suffix("/status/stream")
    };
    let alias = || path.strip_prefix("/api/status/")?.strip_suffix("/stream");
    let slug = canonical().or_else(alias)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (!slug.is_empty() && slug.bytes().all(plain)).then_some(slug)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(lines: &[&str]) -> Option<StreamHead> {
        parse(format!("{}\r\n\r\n", lines.join("\r\n")).as_bytes())
    }

    const GET: &str = "GET /api/public/tower/status/stream?mode=full HTTP/1.1";

    #[test]
    fn a_browser_s_get_is_ours_under_both_prefixes() {
        let found = head(&[
            GET,
            "Host: farol.example",
            "Accept: text/event-stream",
            "Connection: keep-alive",
            "Last-Event-ID: 6f1c2a-41",
            "X-Forwarded-For: 192.0.2.7",
        ])
        .unwrap();
        assert_eq!(
            (found.slug.as_str(), found.query.as_str()),
            ("tower", "mode=full")
        );
        assert_eq!(found.last_event_id.as_deref(), Some("6f1c2a-41"));
        assert_eq!(found.forwarded_for, [b"192.0.2.7"]);
        let alias = head(&["GET /api/status/tower/stream HTTP/1.1", "Host: x"]).unwrap();
        assert_eq!(alias.slug, "tower");
    }

    #[test]
    fn whatever_is_unusual_is_left_to_actix() {
        let host = "Host: x";
        for lines in [
            &["POST /api/public/tower/status/stream HTTP/1.1", host][..],
            &["HEAD /api/public/tower/status/stream HTTP/1.1", host],
            &["GET /api/public/tower/status/stream HTTP/1.0", host],
            &["GET /api/public/tower/status HTTP/1.1", host],
            &["GET /api/public/to%77er/status/stream HTTP/1.1", host],
            &["GET /api/public//status/stream HTTP/1.1", host],
            &["GET http://x/api/public/tower/status/stream HTTP/1.1", host],
            &[GET],
            &[GET, host, host],
            &[GET, host, "Content-Length: 0"],
            &[GET, host, "Transfer-Encoding: chunked"],
            &[GET, host, "Expect: 100-continue"],
            &[GET, host, "Connection: close"],
            &[
                GET,
                host,
                "Connection: Upgrade, HTTP2-Settings",
                "Upgrade: h2c",
            ],
        ] {
            assert_eq!(head(lines), None, "{lines:?}");
        }
    }

    #[test]
    fn an_incomplete_or_broken_head_is_left_to_actix() {
        let whole = format!("{GET}\r\nHost: x\r\n\r\n");
        for cut in 0..whole.len() {
            assert_eq!(parse(&whole.as_bytes()[..cut]), None);
        }
        assert!(parse(whole.as_bytes()).is_some());
        assert_eq!(parse(b"\x16\x03\x01\x02\x00\x01"), None);
    }
}
