//! Bodies as clients of the first contract know them: what is marked `+` there is dropped, the rest is compared whole.

use serde_json::{Map, Value, json};
use test_kit::Answer;

/// `body` with these members only; each has to be there.
pub fn only(body: &Value, members: &[&str]) -> Value {
    let kept = members.iter().map(|name| {
        let value = body.get(*name);
        let value = value.unwrap_or_else(|| panic!("no {name} in {body}"));
        ((*name).to_owned(), value.clone())
    });
    Value::Object(kept.collect::<Map<_, _>>())
}

/// What the first contract has of /sync/status.
pub fn old_status(body: &Value) -> Value {
    only(
        body,
        &[
            "last_execution",
            "status",
            "mode",
            "window_start",
            "window_end",
            "records_processed",
            "duration_seconds",
            "error_message",
            "last_updated",
        ],
    )
}

/// What the first contract has of one run in /sync/history.
pub fn old_run(body: &Value) -> Value {
    only(
        body,
        &[
            "id",
            "mode",
            "window_start",
            "window_end",
            "status",
            "records_processed",
            "duration_seconds",
            "error_message",
            "created_at",
            "updated_at",
        ],
    )
}

/// An answer with this status and a problem of this code; its body.
pub fn problem(answer: &Answer, status: u16, code: &str) -> Value {
    let body = answer.json();
    assert_eq!(answer.status(), status, "{body}");
    assert_eq!(body["code"], code, "{body}");
    assert_eq!(body["status"], status, "{body}");
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{body}"
    );
    body
}

/// The names of the wrong fields.
pub fn fields(answer: &Answer) -> Vec<String> {
    let body = problem(answer, 422, "invalid_fields");
    let errors = body["errors"].as_array().unwrap();
    errors
        .iter()
        .map(|error| error["field"].as_str().unwrap().to_owned())
        .collect()
}

/// A good answer's body.
pub fn ok(answer: &Answer) -> Value {
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    answer.json()
}

/// A backfill of one day.
pub fn backfill(day: u32) -> Value {
    json!({"mode": "backfill", "data_ini": format!("2025-07-{day:02}"), "data_fim": format!("2025-07-{:02}", day + 1)})
}

/// The run that an answer names.
pub fn id_of(body: &Value) -> i32 {
    body["request_id"].as_str().unwrap().parse().unwrap()
}
