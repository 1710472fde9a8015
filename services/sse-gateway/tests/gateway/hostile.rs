//! What no sane client sends: each is answered as the table says, nothing reaches the backend, and the gateway lives.

use std::time::Duration;

use test_kit::PATIENCE;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::backend::Act;
use crate::world::World;

/// Sends bytes as they stand and reads all that is answered.
async fn exchange(world: &World, bytes: &[u8]) -> String {
    let mut client = TcpStream::connect(world.address).await.unwrap();
    // The gateway may hang up in the midst of it.
    let _ = client.write_all(bytes).await;
    let mut answer = Vec::new();
    let read = timeout(PATIENCE, client.read_to_end(&mut answer)).await;
    let _ = read.expect("the connection ends");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn heads_that_cannot_be_read_are_answered_bare_and_closed() {
    let world = World::start().await;
    let long = "x".repeat(20_000);
    let many = "h: x\r\n".repeat(101);
    for (head, status) in [
        ("GARBAGE\r\n\r\n".to_owned(), 400),
        ("\0\0\0\0\r\n\r\n".to_owned(), 400),
        ("\x16\x03\x01\x02\0\x01".to_owned(), 400),
        ("GET / HTTP/2.0\r\nHost: x\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned(), 400),
        ("GET nowhere/x HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nHost: x\r\nBad Name: 1\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nHost: x\r\n folded: 1\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nHost : x\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\nHost: x\n\n".to_owned(), 400),
        ("\nGET / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nHost: x\r\nA: b\nContent-Length: 4\r\n\r\nGET ".to_owned(), 400),
        ("GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n".to_owned(), 400),
        ("GET  / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 400),
        ("GET nowhere HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 400),
        ("GET * HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 400),
        ("GET ?x HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 400),
        ("GET x?://y/internal/connections HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 400),
        ("GET ://x/internal/connections HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 400),
        ("GET http:///internal/connections HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 400),
        ("GET ftp://x/internal/connections HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 400),
        ("OPTIONS nowhere HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 400),
        ("CONNECT x/y HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 400),
        (format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n"), 431),
        (format!("GET / HTTP/1.1\r\nHost: x\r\nbig: {long}\r\n\r\n"), 431),
        (format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n"), 431),
        ("POST /internal/send HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n".to_owned(), 400),
        ("POST /internal/send HTTP/1.1\r\nHost: x\r\nContent-Length: +2\r\n\r\n{}".to_owned(), 400),
        ("POST /internal/send HTTP/1.1\r\nHost: x\r\nContent-Length: 2, 2\r\n\r\n{}".to_owned(), 400),
        ("POST /internal/send HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}".to_owned(), 400),
        ("POST /internal/send HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n".to_owned(), 400),
        ("POST /internal/send HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(), 400),
        ("POST /internal/send HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n".to_owned(), 400),
        ("POST /internal/send HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n".to_owned(), 400),
        ("POST /internal/send HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(), 400),
    ] {
        let shown: String = head.chars().take(80).collect();
        let answer = exchange(&world, head.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{shown:?}: {answer:?}");
        assert!(answer.contains("Connection: close"), "{shown:?}: {answer:?}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{shown:?}: {answer:?}");
    }
    assert!(world.backend.calls().is_empty());
    world.shutdown().await;
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_refused_and_nothing_behind_them_is_obeyed() {
    let world = World::start().await;
    let send = "POST /internal/send HTTP/1.1\r\nHost: x\r\n";
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
    let large = 2 * 1024 * 1024;
    for (request, status, code) in [
        (
            format!("{send}Content-Length: {large}\r\n\r\n{smuggled}"),
            413,
            "PAYLOAD_TOO_LARGE",
        ),
        (
            format!("{send}Content-Length: {large}\r\n\r\n{}", "x".repeat(large)),
            413,
            "PAYLOAD_TOO_LARGE",
        ),
        (
            format!("{send}Transfer-Encoding: chunked\r\n\r\n200000\r\n{smuggled}"),
            413,
            "PAYLOAD_TOO_LARGE",
        ),
        (
            format!("{send}Transfer-Encoding: chunked\r\n\r\nffffffff\r\n{smuggled}"),
            413,
            "PAYLOAD_TOO_LARGE",
        ),
        (
            format!("{send}Transfer-Encoding: chunked\r\n\r\nxyz\r\n{smuggled}"),
            400,
            "BAD_REQUEST",
        ),
        (
            format!("{send}Transfer-Encoding: chunked\r\n\r\n-1\r\n{smuggled}"),
            400,
            "BAD_REQUEST",
        ),
        (
            format!("{send}Transfer-Encoding: chunked\r\n\r\n0x2\r\n{{}}\r\n0\r\n\r\n{smuggled}"),
            400,
            "BAD_REQUEST",
        ),
        (
            format!("{send}Transfer-Encoding: chunked\r\n\r\n2\n{{}}\r\n0\r\n\r\n{smuggled}"),
            400,
            "BAD_REQUEST",
        ),
        (
            format!("{send}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}XX0\r\n\r\n{smuggled}"),
            400,
            "BAD_REQUEST",
        ),
        (
            format!(
                "{send}Transfer-Encoding: chunked\r\n\r\n2;a\rb\r\n{{}}\r\n0\r\n\r\n{smuggled}"
            ),
            400,
            "BAD_REQUEST",
        ),
        (
            format!(
                "{send}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\nT: a\rb\r\n\r\n{smuggled}"
            ),
            400,
            "BAD_REQUEST",
        ),
        (
            format!(
                "{send}Transfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n{smuggled}",
                format!("1;{}\r\n{{\r\n", "x".repeat(1_000)).repeat(5)
            ),
            400,
            "BAD_REQUEST",
        ),
        (
            format!(
                "{send}Transfer-Encoding: chunked\r\n\r\n{}\r\n{smuggled}",
                "1".repeat(5_000)
            ),
            400,
            "BAD_REQUEST",
        ),
    ] {
        let shown: String = request.chars().take(120).collect();
        let answer = exchange(&world, request.as_bytes()).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{shown:?}: {answer:?}"
        );
        assert!(answer.contains(code), "{shown:?}: {answer:?}");
        assert_eq!(
            answer.matches("HTTP/1.1 ").count(),
            1,
            "{shown:?}: {answer:?}"
        );
    }
    assert!(world.backend.calls().is_empty());
    world.shutdown().await;
}

#[tokio::test]
async fn bodies_of_strangers_are_answered_unread() {
    let world = World::with(|settings| {
        settings.internal.internal_secret = Some("hunter2".to_owned().into());
    })
    .await;
    let large = "Host: x\r\nContent-Length: 1000000\r\n\r\n";
    for (request, wanted) in [
        ("POST /internal/send", "401 Unauthorized"),
        ("GET /internal/send", "405 Method Not Allowed"),
        ("POST /nowhere", "404 Not Found"),
        ("GET /s", "413 Payload Too Large"),
        ("OPTIONS /s", "413 Payload Too Large"),
    ] {
        let answer = exchange(&world, format!("{request} HTTP/1.1\r\n{large}").as_bytes()).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {wanted}")),
            "{request}: {answer}"
        );
        assert!(answer.contains("Connection: close"), "{request}: {answer}");
    }
    assert!(world.backend.calls().is_empty());
    world.shutdown().await;
}

#[tokio::test]
async fn what_a_client_says_while_its_stream_is_refused_is_never_obeyed() {
    let world = World::start().await;
    // Long enough for what follows to arrive meanwhile.
    world.backend.on_connect(Act::status(403).after(1_500));
    let mut client = TcpStream::connect(world.address).await.unwrap();
    let head = b"GET /s HTTP/1.1\r\nHost: x\r\n\r\n";
    client.write_all(head).await.unwrap();
    world.backend.wait_for("connect", 1).await;
    // The head of a request arrives while nobody reads requests, its body when somebody does.
    let post = b"POST /internal/send HTTP/1.1\r\nHost: x\r\nContent-Length: 37\r\n\r\n";
    client.write_all(post).await.unwrap();
    let mut answer = Vec::new();
    client.read_buf(&mut answer).await.unwrap();
    let _ = client
        .write_all(b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    let read = timeout(PATIENCE, client.read_to_end(&mut answer)).await;
    let _ = read.expect("the connection ends");
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(answer.contains("Connection: close"), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert_eq!(world.backend.calls_of("connect").len(), 1);
    world.shutdown().await;
}

#[tokio::test]
async fn unusual_but_sound_requests_are_answered() {
    let world = World::start().await;
    let close = "Host: x\r\nConnection: close\r\n";
    for (request, wanted) in [
        (
            format!("\r\n\r\nGET /healthz HTTP/1.1\r\n{close}\r\n"),
            "200 OK",
        ),
        (
            format!("GET http://x/healthz?y HTTP/1.1\r\n{close}\r\n"),
            "200 OK",
        ),
        (
            format!("OPTIONS * HTTP/1.1\r\n{close}\r\n"),
            "204 No Content",
        ),
        (
            format!("CONNECT x:443 HTTP/1.1\r\n{close}\r\n"),
            "404 Not Found",
        ),
        ("GET /healthz HTTP/1.0\r\n\r\n".to_owned(), "200 OK"),
        (
            format!("get /healthz HTTP/1.1\r\n{close}\r\n"),
            "405 Method Not Allowed",
        ),
        (
            format!(
                "POST /internal/send HTTP/1.1\r\n{close}Transfer-Encoding: chunked\r\n\r\n1;x=y\r\n{{\r\n1\r\n}}\r\n0\r\nTrailer: t\r\n\r\n"
            ),
            "400 Bad Request",
        ),
        (
            format!(
                "POST /internal/send HTTP/1.1\r\n{close}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{{}}"
            ),
            "400 Bad Request",
        ),
    ] {
        let answer = exchange(&world, request.as_bytes()).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {wanted}")),
            "{request:?}: {answer:?}"
        );
        assert_eq!(
            answer.contains("INVALID_TOKEN_MISSING"),
            wanted.starts_with("400"),
            "{answer}"
        );
    }
    world.shutdown().await;
}

#[tokio::test]
async fn a_client_that_waits_for_a_word_gets_it_before_its_body() {
    let world = World::start().await;
    let mut client = TcpStream::connect(world.address).await.unwrap();
    client
        .write_all(b"POST /internal/send HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        .await
        .unwrap();
    let mut interim = [0; 25];
    client.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    client.write_all(b"{}").await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    world.shutdown().await;
}

#[tokio::test]
async fn a_head_that_is_dripped_is_ended_after_its_time() {
    let world = World::start().await;
    let mut client = TcpStream::connect(world.address).await.unwrap();
    client.write_all(b"GET /s HT").await.unwrap();
    let mut answer = String::new();
    let read = timeout(PATIENCE, client.read_to_string(&mut answer)).await;
    read.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(world.backend.calls().is_empty());
    world.shutdown().await;
}

#[tokio::test]
async fn requests_behind_one_another_are_answered_in_order() {
    let world = World::start().await;
    let one = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let send = "POST /internal/send HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";
    let last = "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = exchange(&world, format!("{one}{send}{last}{one}").as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 3, "{answer}");
    let places =
        ["\"ok\"", "INVALID_TOKEN_MISSING", "configured"].map(|word| answer.find(word).unwrap());
    assert!(places.is_sorted(), "{answer}");
    world.shutdown().await;
}

#[tokio::test]
async fn what_stands_behind_a_refused_stream_is_answered_too() {
    let world = World::start().await;
    world.backend.on_connect(Act::status(403));
    let stream = "GET /s HTTP/1.1\r\nHost: x\r\n\r\n";
    let last = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = exchange(&world, format!("{stream}{stream}{last}").as_bytes()).await;
    assert_eq!(answer.matches("BACKEND_FORBIDDEN").count(), 2, "{answer}");
    assert!(answer.ends_with(r#"{"status":"ok"}"#), "{answer}");
    world.shutdown().await;
}

#[tokio::test]
async fn a_client_that_talks_into_its_stream_is_let_go() {
    let world = World::start().await;
    let mut client = TcpStream::connect(world.address).await.unwrap();
    client
        .write_all(b"GET /s HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    world.backend.wait_for("connect", 1).await;
    world.holds(1).await;
    let _ = client.write_all(&vec![b'x'; 200_000]).await;
    world.backend.wait_for("disconnect", 1).await;
    world.all_told().await;
    world.shutdown().await;
}

#[tokio::test]
async fn connections_on_which_nothing_is_asked_do_not_hold_up_the_stop() {
    let world = World::with(|settings| {
        settings.shutdown.drain_seconds = Duration::from_secs(2);
    })
    .await;
    let idle = TcpStream::connect(world.address).await.unwrap();
    assert_eq!(world.get("/healthz").await.status(), 200);
    world.shutdown().await;
    drop(idle);
}
