//! What every answer of the public listener carries, and how it is asked for.

use serde_json::{Value, json};
use test_kit::{Answer, Database, http_get};

use crate::ground::{pool, run};
use crate::world::{World, token_of};

/// Every path that a token is asked for, with something in its place where it names one.
pub const GUARDED: [&str; 7] = [
    "/api/v2/devices",
    "/api/v2/devices/dev-0001",
    "/api/v2/devices/dev-0001/telemetry",
    "/api/v2/devices/dev-0001/telemetry/latest",
    "/api/v2/alerts",
    "/api/v2/alerts/1",
    "/api/v2/ws-ticket",
];

impl World {
    /// GET as a customer of `tenant`.
    pub async fn get(&self, tenant: &str, path: &str) -> Answer {
        self.get_by(&token_of(tenant), path).await
    }

    /// GET with a token.
    pub async fn get_by(&self, token: &str, path: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        http_get(&self.url(path), &[("authorization", &bearer)]).await
    }

    /// The JSON of a GET that goes well.
    pub async fn read(&self, tenant: &str, path: &str) -> Value {
        let answer = self.get(tenant, path).await;
        judge(&answer, path);
        assert_eq!(answer.status(), 200, "{path}: {}", answer.text());
        answer.json()
    }
}

/// Writes as the gateways of devices do.
pub async fn write(database: &Database, sql: &str) {
    run(&pool(&database.devices_url()), sql).await;
}

/// Panics unless an answer is kept by no cache, tells no one where it came from, and has an identity.
pub fn judge(answer: &Answer, what: &str) {
    for (name, value) in [
        ("cache-control", Some("no-store")),
        ("referrer-policy", Some("no-referrer")),
        ("x-content-type-options", Some("nosniff")),
        ("access-control-allow-credentials", None),
        ("location", None),
        ("set-cookie", None),
    ] {
        let found = answer.header(name);
        assert_eq!(found, value, "{what}: {name} of {:?}", answer.head);
    }
    assert!(answer.header("x-request-id").is_some(), "{what}: no id");
}

/// Panics unless an answer is this problem, with everything that problems have.
pub fn judge_problem(answer: &Answer, status: u16, code: &str, detail: &str) {
    judge(answer, code);
    assert_eq!(answer.status(), status, "{code}: {}", answer.text());
    let media_type = answer.header("content-type");
    assert_eq!(media_type, Some("application/problem+json"), "{code}");
    let body = answer.json();
    let told = (&body["code"], &body["detail"]);
    assert_eq!(told, (&json!(code), &json!(detail)));
    assert_eq!(body["status"], status);
    assert_eq!(body["request_id"].as_str(), answer.header("x-request-id"));
}

/// Whole seconds of `Retry-After`; panics if it is missing or anything else.
pub fn retry_after(answer: &Answer) -> u64 {
    let told = answer.header("retry-after").expect("a Retry-After");
    told.parse().expect("whole seconds")
}
