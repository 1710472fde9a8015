//! The heads that our writer sends; equal to what actix sends for the same, but
//! for `Connection: keep-alive`, which old viewers' proxies like to see.

use chrono::{DateTime, Utc};
use farol_core::sse::Frame;
use service_kit::problem::{self, Problem};

use crate::http::PUBLIC_HEADERS;

/// 200 and the first frame, in one piece.
pub fn stream(request_id: &str, now: DateTime<Utc>, first: &Frame) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    line(&mut bytes, "HTTP/1.1 200 OK");
    header(&mut bytes, "content-type", "text/event-stream");
    header(&mut bytes, "transfer-encoding", "chunked");
    header(&mut bytes, "connection", "keep-alive");
    header(&mut bytes, "x-accel-buffering", "no");
    common(&mut bytes, request_id, now);
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&first.chunked());
    bytes
}

/// A refusal; the connection ends with it.
pub fn refusal(request_id: &str, now: DateTime<Utc>, problem: Problem) -> Vec<u8> {
    let problem = Problem {
        request_id: Some(request_id.to_owned()),
        ..problem
    };
    let body = problem.to_body();
    let reason = problem.status.canonical_reason().unwrap_or_default();
    let mut bytes = Vec::with_capacity(512 + body.len());
    line(
        &mut bytes,
        &format!("HTTP/1.1 {} {reason}", problem.status.as_u16()),
    );
    header(&mut bytes, "content-type", problem::CONTENT_TYPE);
    header(&mut bytes, "content-length", &body.len().to_string());
    header(&mut bytes, "connection", "close");
    if let Some(seconds) = problem.retry_after {
        header(&mut bytes, "retry-after", &seconds.to_string());
    }
    common(&mut bytes, request_id, now);
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&body);
    bytes
}

fn common(bytes: &mut Vec<u8>, request_id: &str, now: DateTime<Utc>) {
    for (name, value) in PUBLIC_HEADERS {
        header(bytes, name, value);
    }
    header(bytes, "x-content-type-options", "nosniff");
    header(bytes, "x-request-id", request_id);
    header(bytes, "date", &httpdate::fmt_http_date(now.into()));
}

fn header(bytes: &mut Vec<u8>, name: &str, value: &str) {
    line(bytes, &format!("{name}: {value}"));
}

fn line(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend_from_slice(text.as_bytes());
    bytes.extend_from_slice(b"\r\n");
}
