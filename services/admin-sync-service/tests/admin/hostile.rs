//! Requests that nobody sends by accident: each is refused in order, and the service goes on.

use test_kit::{http_get, http_request};

use crate::bodies::{ok, problem};
use crate::world::{AUTHORIZATION, World};

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn bodies_of_the_wrong_size_type_or_encoding_are_refused_and_leave_nothing() {
    let world = World::start().await;
    let huge = vec![b' '; 2 * 1024 * 1024];
    let deep = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
    let nul = br#"{"mode":"backfill","data_ini":"\u0000","data_fim":"2025-07-10"}"#;
    for (headers, body, status, code) in [
        (&[JSON][..], &huge[..], 413, "payload_too_large"),
        (&[JSON], b"\xff\xfe\x00", 400, "invalid_json"),
        (&[JSON], b"{\"mode\":\"update\"", 400, "invalid_json"),
        (&[JSON], b"\"\\ud800\"", 400, "invalid_json"),
        (&[JSON], &deep, 400, "invalid_json"),
        (&[JSON], nul, 422, "invalid_fields"),
        (
            &[("content-type", "text/plain")],
            b"{}",
            415,
            "unsupported_media_type",
        ),
        (
            &[("content-type", "application/x-www-form-urlencoded")],
            b"mode=update",
            415,
            "unsupported_media_type",
        ),
        (
            &[("content-type", "json")],
            b"{}",
            415,
            "unsupported_media_type",
        ),
        (&[JSON, ("content-encoding", "gzip")], b"not gzip", 400, ""),
    ] {
        let headers = [&[AUTHORIZATION], headers].concat();
        let answer = http_request("POST", &world.url("/sync/force"), &headers, body).await;
        if code.is_empty() {
            assert_eq!(answer.status(), status, "{}", answer.text());
        } else {
            problem(&answer, status, code);
        }
    }
    assert_eq!(world.runs().await, 0);
    ok(&world.get("/sync/status").await);
    world.shutdown().await;
}

#[tokio::test]
async fn odd_addresses_never_break_anything() {
    let world = World::start().await;
    let odd = [
        "%00",
        "%FF",
        "%2e%2e%2f",
        "a%0d%0ab",
        "'%3B--",
        "%F0%9F%98%80",
        "-9223372036854775808",
        "%25",
        "*",
    ];
    for text in odd {
        for path in [
            format!("/sync/history?q={text}"),
            format!("/sync/history?cursor={text}&limit={text}&status={text}&from={text}"),
            format!("/sync/coverage?from={text}&to={text}"),
            format!("/sync/dashboard?days={text}"),
            format!("/sync/executions/{text}"),
            format!("/docs/{text}"),
            format!("/{text}"),
        ] {
            let status = http_get(&world.url(&path), &[AUTHORIZATION]).await.status();
            assert!(matches!(status, 200 | 400 | 404 | 422), "{status} {path}");
        }
    }
    ok(&world.get("/sync/status").await);
    world.shutdown().await;
}

#[tokio::test]
async fn a_text_that_is_searched_for_is_never_sql() {
    let world = World::start().await;
    world
        .run(
            "mode, state, error_message",
            "'update', 'error', 'it''s 100% \\ _broken_'",
        )
        .await;
    for (q, found) in [
        ("it%27s", 1),
        ("100%25", 1),
        ("%5C", 1),
        ("_broken", 1),
        ("%25broken", 0),
        ("itXs", 0),
        ("%27%29%3B%20DROP%20TABLE%20sync_executions%3B--", 0),
        ("%24%7Bjndi%7D", 0),
    ] {
        let body = ok(&world.get(&format!("/sync/history?q={q}")).await);
        assert_eq!(body["total_count"], found, "{q}");
    }
    world.shutdown().await;
}
