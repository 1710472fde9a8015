//! Heads byte for byte: what our writer and actix answer to the same, what is
//! handed from one to the other, and what is refused.

use test_kit::{SseClient, http_get, http_request};

use crate::raw::{Raw, header, sorted};
use crate::world::World;

const PATH: &str = "/api/public/tower/status/stream";
const GET: &str = "GET /api/public/tower/status/stream HTTP/1.1\r\n";

async fn tower() -> World {
    let world = World::start().await;
    world.project("tower", &[("A101", "available")]).await;
    world
}

#[tokio::test]
async fn our_writer_answers_with_this_head_to_the_byte() {
    let world = tower().await;
    let mut raw = Raw::connect(world.address).await;
    raw.send(format!("{GET}Host: x\r\nX-Request-Id: golden-1\r\n\r\n"))
        .await;

    let head = raw.head().await;

    let date = header(&head, "date").unwrap();
    assert!(httpdate::parse_http_date(date).is_ok(), "{date}");
    let golden = format!(
        "HTTP/1.1 200 OK\r\n\
         content-type: text/event-stream\r\n\
         transfer-encoding: chunked\r\n\
         connection: keep-alive\r\n\
         x-accel-buffering: no\r\n\
         cache-control: no-store\r\n\
         access-control-allow-origin: *\r\n\
         access-control-expose-headers: Retry-After, X-Request-Id\r\n\
         x-content-type-options: nosniff\r\n\
         x-request-id: golden-1\r\n\
         date: {date}\r\n\r\n"
    );
    assert_eq!(head, golden);
    drop(raw);
    world.shutdown().await;
}

#[tokio::test]
async fn actix_answers_the_same_but_for_keep_alive_which_http_1_1_implies() {
    let world = tower().await;
    let mut ours = Raw::connect(world.address).await;
    let head = "Host: x\r\nX-Request-Id: golden-2\r\n";
    ours.send(format!("{GET}{head}\r\n")).await;
    let mut actix = Raw::connect(world.address).await;
    // A second request on a connection is always actix's.
    let first = "GET /api/public/tower/status HTTP/1.1\r\nHost: x\r\n\r\n";
    actix.send(first).await;
    assert!(actix.answer().await.0.starts_with("HTTP/1.1 200 OK\r\n"));
    actix.send(format!("{GET}{head}\r\n")).await;

    let mut expected = sorted(&ours.head().await);
    expected.retain(|line| line != "connection: keep-alive");
    assert_eq!(sorted(&actix.head().await), expected);

    drop((ours, actix));
    world.shutdown().await;
}

#[tokio::test]
async fn a_refusal_is_the_same_from_both() {
    let world = tower().await;
    for target in [
        "/api/public/nobody/status/stream",
        "/api/status/nobody/stream",
        "/api/public/tower/status/stream?mode=half",
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\nX-Request-Id: same\r\n");
        let mut ours = Raw::connect(world.address).await;
        let (our_head, our_body) = ours.send(format!("{request}\r\n")).await.answer().await;
        assert_eq!(ours.read_to_end().await, "");
        let mut actix = Raw::connect(world.address).await;
        let close = format!("{request}Connection: close\r\n\r\n");
        let (head, body) = actix.send(close).await.answer().await;
        assert_eq!(sorted(&our_head), sorted(&head));
        assert_eq!(our_body, body, "{target}");
        assert_eq!(header(&head, "cache-control"), Some("no-store"));
        assert_eq!(
            header(&head, "content-type"),
            Some("application/problem+json")
        );
    }
    world.shutdown().await;
}

#[tokio::test]
async fn an_old_client_is_streamed_to_until_the_connection_ends() {
    let world = tower().await;
    let raw = Raw::connect(world.address).await;
    let old = format!("GET {PATH} HTTP/1.0\r\nHost: x\r\n\r\n");
    let mut stream = SseClient::on(raw.into_stream(), old.as_bytes()).await;
    assert_eq!(stream.head().header("transfer-encoding"), None);
    assert_eq!(stream.head().header("x-accel-buffering"), Some("no"));
    stream.expect("connected").await;
    stream.expect("status_update").await;
    drop(stream);
    world.shutdown().await;
}

#[tokio::test]
async fn a_second_request_on_a_connection_can_be_a_stream() {
    let world = tower().await;
    let mut raw = Raw::connect(world.address).await;
    raw.send("GET /api/public/tower/status HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    let (_, body) = raw.answer().await;
    assert!(body.starts_with(br#"{"project":"tower""#));
    let request = format!("{GET}Host: x\r\n\r\n");
    let mut stream = SseClient::on(raw.into_stream(), request.as_bytes()).await;
    stream.expect("connected").await;
    stream.expect("status_update").await;
    drop(stream);
    world.shutdown().await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let world = tower().await;
    let mut raw = Raw::connect(world.address).await;
    let one = |slug: &str| format!("GET /api/public/{slug}/status HTTP/1.1\r\nHost: x\r\n\r\n");
    let stream = format!("{GET}Host: x\r\n\r\n");
    raw.send([one("tower"), one("nobody"), stream].concat())
        .await;
    assert!(raw.answer().await.0.starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(
        raw.answer()
            .await
            .0
            .starts_with("HTTP/1.1 404 Not Found\r\n")
    );
    assert!(raw.head().await.contains("text/event-stream"));
    raw.read_to("event: status_update\n").await;
    drop(raw);
    world.shutdown().await;
}

/// Each of these is unusual in a way that sends it to actix, or ought not to.
fn odd_requests() -> Vec<(&'static str, String)> {
    let cookie = "c".repeat(5_000);
    let many = (0..60).fold(String::new(), |all, n| format!("{all}X-{n}: {n}\r\n"));
    vec![
        (
            "lower-case names",
            format!("{GET}host: x\r\naccept: */*\r\nlast-event-id: none\r\n\r\n"),
        ),
        (
            "upper-case names",
            format!("{GET}HOST: x\r\nCONNECTION: KEEP-ALIVE\r\n\r\n"),
        ),
        (
            "a head of more than 4 KiB",
            format!("{GET}Host: x\r\nCookie: {cookie}\r\n\r\n"),
        ),
        ("sixty headers", format!("{GET}Host: x\r\n{many}\r\n")),
        (
            "a body",
            format!("{GET}Host: x\r\nContent-Length: 5\r\n\r\nhello"),
        ),
        (
            "a chunked body",
            format!("{GET}Host: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
        ),
        (
            "an escaped slug",
            "GET /api/public/t%6Fwer/status/stream HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        ),
        (
            "an upgrade that is not taken",
            format!("{GET}Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
        ),
        (
            "a target in absolute form",
            format!("GET http://farol.example{PATH} HTTP/1.1\r\nHost: farol.example\r\n\r\n"),
        ),
        (
            "an offer to decompress",
            format!("{GET}Host: x\r\nAccept-Encoding: gzip, br, zstd\r\n\r\n"),
        ),
        (
            "an offer to decompress, to actix",
            format!("{GET}Host: x\r\nAccept-Encoding: gzip, br\r\nTE: trailers\r\n\r\n"),
        ),
        (
            "an empty query",
            format!("GET {PATH}? HTTP/1.1\r\nHost: x\r\n\r\n"),
        ),
        (
            "a cache buster",
            format!("GET {PATH}?t=1&t=2&x=%zz HTTP/1.1\r\nHost: x\r\n\r\n"),
        ),
        (
            "a header that is no UTF-8 text",
            format!("{GET}Host: x\r\nX-Request-Id: <>\r\n\r\n"),
        ),
        (
            "bytes behind the head",
            format!("{GET}Host: x\r\n\r\nstray bytes that nobody asked for"),
        ),
    ]
}

#[tokio::test]
async fn odd_requests_are_streamed_to_whoever_serves_them() {
    let world = tower().await;
    for (what, request) in odd_requests() {
        let mut raw = Raw::connect(world.address).await;
        raw.send(&request).await;
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{what}: {head}");
        assert_eq!(
            header(&head, "content-type"),
            Some("text/event-stream"),
            "{what}"
        );
        assert_eq!(header(&head, "content-encoding"), None, "{what}");
        raw.read_to("event: connected\n").await;
        raw.read_to("event: status_update\n").await;
    }
    world.shutdown().await;
}

#[tokio::test]
async fn a_head_may_come_in_any_number_of_pieces() {
    let world = tower().await;
    let request = format!("{GET}Host: x\r\nLast-Event-ID: none-1\r\n\r\n");
    for size in [1, 3, 16, 45, request.len() - 1] {
        let mut raw = Raw::connect(world.address).await;
        for piece in request.as_bytes().chunks(size) {
            raw.send(piece).await;
            tokio::task::yield_now().await;
        }
        let stream = raw.read_to("event: status_update\n").await;
        assert!(
            stream.starts_with("HTTP/1.1 200 OK\r\n"),
            "{size}: {stream}"
        );
    }
    world.shutdown().await;
}

#[tokio::test]
async fn a_head_that_is_none_is_answered_bare_and_the_connection_closed() {
    let world = tower().await;
    for request in [
        format!("{GET}Host x\r\n\r\n"),
        "GET \x01 HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        format!("{GET}Host: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
        format!("{GET}Host: x\r\nContent-Length: ten\r\n\r\n"),
    ] {
        let mut raw = Raw::connect(world.address).await;
        raw.send(&request).await;
        let answer = raw.read_to_end().await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{request:?}: {answer}");
    }
    let mut raw = Raw::connect(world.address).await;
    raw.send(format!("{GET}Host: x\r\n")).await.finish().await;
    let answer = raw.read_to_end().await;
    assert!(!answer.contains("event-stream"), "{answer}");
    world.shutdown().await;
}

#[tokio::test]
async fn a_head_that_never_comes_is_not_waited_for() {
    let world = tower().await;
    let mut silent = Raw::connect(world.address).await;
    let mut halting = Raw::connect(world.address).await;
    halting.send(GET).await;
    let (silent, halting) = tokio::join!(silent.read_to_end(), halting.read_to_end());
    assert_eq!(silent, "");
    let bare = halting.is_empty() || halting.starts_with("HTTP/1.1 408 ");
    assert!(bare, "{halting}");
    world.shutdown().await;
}

#[tokio::test]
async fn head_says_what_get_would_and_takes_no_seat() {
    let world = tower().await;
    for (path, media_type) in [
        (PATH, "text/event-stream"),
        ("/api/status/tower/stream", "text/event-stream"),
        ("/api/public/tower/status", "application/json"),
        ("/api/status/tower", "application/json"),
    ] {
        let answer = http_request("HEAD", &world.url(path), &[], b"").await;
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(answer.header("content-type"), Some(media_type));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.body.is_empty());
    }
    let missing = "/api/public/nobody/status/stream";
    let answer = http_request("HEAD", &world.url(missing), &[], b"").await;
    assert_eq!(answer.status(), 404);
    assert_eq!(world.ops_status().await["streams"], 0);
    world.shutdown().await;
}

#[tokio::test]
async fn any_page_may_ask_and_is_told_so_beforehand() {
    let world = tower().await;
    for (path, methods) in [
        (PATH, "GET, HEAD, OPTIONS"),
        ("/api/public/tower/status", "GET, HEAD, OPTIONS"),
        ("/api/public/tower/status/refresh", "POST, OPTIONS"),
        ("/api/status/tower/refresh", "POST, OPTIONS"),
    ] {
        let asks = [
            ("origin", "https://viewer.example"),
            ("access-control-request-method", "GET"),
        ];
        let answer = http_request("OPTIONS", &world.url(path), &asks, b"").await;
        assert_eq!(answer.status(), 204, "{path}");
        for (name, value) in [
            ("access-control-allow-origin", Some("*")),
            ("access-control-allow-methods", Some(methods)),
            (
                "access-control-allow-headers",
                Some("Content-Type, Cache-Control, Last-Event-ID"),
            ),
            ("access-control-max-age", Some("86400")),
            ("access-control-allow-credentials", None),
            ("cache-control", Some("no-store")),
        ] {
            assert_eq!(answer.header(name), value, "{path}: {name}");
        }
    }
    world.shutdown().await;
}

#[tokio::test]
async fn whatever_is_not_there_is_a_404_that_nobody_keeps() {
    let world = tower().await;
    let inactive = test_kit::ProjectRow::named("asleep").inactive();
    world.database.insert_project(inactive).await;
    let long = format!("a{}", "b".repeat(100));
    for slug in [
        "nobody", "asleep", "Tower", "t", "9lives", "a_b", "a.b", "%2e%2e", &long,
    ] {
        for path in [
            format!("/api/public/{slug}/status"),
            format!("/api/public/{slug}/status/stream"),
            format!("/api/status/{slug}"),
            format!("/api/status/{slug}/stream"),
        ] {
            let answer = http_get(&world.url(&path), &[]).await;
            assert_eq!(answer.status(), 404, "{path}");
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert_eq!(answer.json()["detail"], "Project not found", "{path}");
        }
    }
    world.shutdown().await;
}

#[tokio::test]
async fn a_slash_too_many_is_not_redirected() {
    let world = tower().await;
    for path in [
        "/api/public/tower/status/",
        "/api/public/tower/status/stream/",
        "/api/status/tower/",
        "/api/status/tower/stream/",
        "//api/public/tower/status",
        "/api/public//tower/status",
        "/api/public/tower/status/refresh/",
    ] {
        let answer = http_get(&world.url(path), &[]).await;
        assert_eq!(answer.status(), 404, "{path}");
        assert_eq!(answer.header("location"), None);
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn another_method_is_refused_with_the_ones_there_are() {
    let world = tower().await;
    for (method, path, allow) in [
        ("POST", PATH, "GET, HEAD, OPTIONS"),
        ("DELETE", "/api/public/tower/status", "GET, HEAD, OPTIONS"),
        ("GET", "/api/public/tower/status/refresh", "POST, OPTIONS"),
    ] {
        let answer = http_request(method, &world.url(path), &[], b"").await;
        assert_eq!(answer.status(), 405, "{method} {path}");
        assert_eq!(answer.header("allow"), Some(allow));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    world.shutdown().await;
}

#[tokio::test]
async fn a_mode_that_is_none_is_a_422_that_names_it() {
    let world = tower().await;
    let answer = http_get(&world.url(&format!("{PATH}?mode=ful")), &[]).await;
    assert_eq!(answer.status(), 422);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.json()["errors"][0]["field"], "mode");
    world.shutdown().await;
}
