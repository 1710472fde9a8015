//! A client's request as the backend is told of it.

use serde_json::{Map, Value};

use crate::session::Forwarded;
use crate::wire::Head;

/// Headers of which only the first counts when they come twice, as in the predecessor (Node's rule).
const SINGLE: [&str; 18] = [
    "age",
    "authorization",
    "content-length",
    "content-type",
    "etag",
    "expires",
    "from",
    "host",
    "if-modified-since",
    "if-unmodified-since",
    "last-modified",
    "location",
    "max-forwards",
    "proxy-authorization",
    "referer",
    "retry-after",
    "server",
    "user-agent",
];

/// `{"url": raw target, "headers": {lower-cased name: text, or a list for set-cookie}}`
pub fn forwarded(head: &Head) -> Forwarded {
    let mut headers = Map::new();
    head.headers(|name, value| {
        add(&mut headers, name.to_ascii_lowercase(), latin1(value));
    });
    let url = head.target();
    let headers = Value::Object(headers);
    let json = format!(r#"{{"url":{},"headers":{headers}}}"#, Value::from(url));
    Forwarded {
        url: url.into(),
        json: json.into(),
    }
}

fn add(headers: &mut Map<String, Value>, name: String, value: String) {
    match headers.get_mut(&name) {
        Some(Value::Array(list)) => list.push(value.into()),
        Some(Value::String(_)) if SINGLE.contains(&name.as_str()) => {}
        Some(Value::String(known)) => {
            known.push_str(if name == "cookie" { "; " } else { ", " });
            known.push_str(&value);
        }
        _ if name == "set-cookie" => {
            headers.insert(name, Value::Array(vec![value.into()]));
        }
        _ => {
            headers.insert(name, value.into());
        }
    }
}

/// Header values are bytes; every byte is a character, as HTTP/1.1 once said.
fn latin1(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) if text.is_ascii() => text.to_owned(),
        _ => value.iter().copied().map(char::from).collect(),
    }
}
