//! What every answer of the public listener carries, whatever it says.

use std::collections::BTreeSet;

use serde_json::Value;
use test_kit::Answer;

/// The two prefixes of a project's status.
pub fn prefixes(slug: &str) -> [String; 2] {
    [
        format!("/api/public/{slug}/status"),
        format!("/api/status/{slug}"),
    ]
}

/// Panics unless an answer may be read by any page, is kept by no cache and leads nowhere else.
pub fn judge(answer: &Answer, what: &str) {
    assert!(
        !(300..400).contains(&answer.status()),
        "{what}: a redirect, {:?}",
        answer.head
    );
    for (name, value) in [
        ("cache-control", Some("no-store")),
        ("access-control-allow-origin", Some("*")),
        (
            "access-control-expose-headers",
            Some("Retry-After, X-Request-Id"),
        ),
        ("access-control-allow-credentials", None),
        ("x-content-type-options", Some("nosniff")),
        ("location", None),
        ("set-cookie", None),
    ] {
        let found = answer.header(name);
        assert_eq!(found, value, "{what}: {name} of {:?}", answer.head);
    }
    assert!(answer.header("x-request-id").is_some(), "{what}: no id");
}

/// Panics unless an answer is this problem, with everything that problems have.
pub fn judge_problem(answer: &Answer, status: u16, code: &str, what: &str) {
    judge(answer, what);
    assert_eq!(answer.status(), status, "{what}: {}", answer.text());
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{what}"
    );
    let body = answer.json();
    assert_eq!(body["code"], code, "{what}");
    assert_eq!(body["status"], status, "{what}");
    assert!(body["title"].is_string() && body["detail"].is_string());
    assert_eq!(
        body["request_id"].as_str(),
        answer.header("x-request-id"),
        "{what}"
    );
}

/// Whole seconds of `Retry-After`; panics if it is missing or anything else.
pub fn retry_after(answer: &Answer) -> u64 {
    let value = answer.header("retry-after").expect("a Retry-After");
    value.parse().expect("whole seconds")
}

/// The names of an object's members.
pub fn members(value: &Value) -> BTreeSet<&str> {
    let object = value.as_object().expect("a JSON object");
    object.keys().map(String::as_str).collect()
}

/// A time as the wire shows it: RFC 3339, in UTC, with milliseconds.
pub fn time(value: &Value) -> chrono::DateTime<chrono::Utc> {
    let text = value.as_str().expect("a time is text");
    assert_eq!(text.len(), "2026-01-01T00:00:00.000Z".len(), "{text}");
    text.parse().expect("RFC 3339")
}
