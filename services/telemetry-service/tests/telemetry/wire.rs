//! The wire: every message of the contract, and every way to come in.

use serde_json::{Value, json};
use test_kit::{WsClient, WsMessage, http_get, http_request};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::world::{World, subscribe, subscribe_alerts, token_of};

fn error(message: &str) -> Value {
    json!({"type": "error", "message": message})
}

#[tokio::test]
async fn every_message_is_answered_as_the_contract_has_it() {
    const NO_DEVICE: &str = "device_id required for device subscription";
    let world = World::start().await;
    let mut socket = world.socket("a").await;
    let device = json!({"channel": "device", "device_id": "dev-0001"});
    let with_type = |kind: &str, mut answer: Value| {
        answer["type"] = json!(kind);
        answer
    };
    let unsubscribe = json!({"action": "unsubscribe", "type": "device", "device_id": "dev-0001"});
    for (message, answer) in [
        (
            subscribe("dev-0001"),
            with_type("subscribed", device.clone()),
        ),
        (
            json!({"action": "subscribe", "type": "device"}),
            error(NO_DEVICE),
        ),
        (
            unsubscribe.clone(),
            with_type("unsubscribed", device.clone()),
        ),
        (unsubscribe, with_type("unsubscribed", device)),
        (
            json!({"action": "unsubscribe", "type": "device"}),
            error(NO_DEVICE),
        ),
        (
            json!({"action": "unsubscribe", "type": "alerts"}),
            json!({"type": "unsubscribed", "channel": "alerts"}),
        ),
        (json!({"action": "ping"}), json!({"type": "pong"})),
        (json!({"action": "shout"}), error("Unknown action")),
        (
            json!({"action": "subscribe", "type": "all"}),
            error("Unknown subscription type"),
        ),
        (
            subscribe("dev 1"),
            error("device_id must be 1 to 128 of A-Z a-z 0-9 . _ : -"),
        ),
        (json!([]), error("Unknown action")),
        (
            subscribe_alerts(),
            json!({"type": "subscribed", "channel": "alerts"}),
        ),
    ] {
        assert_eq!(socket.asked(&message).await, answer, "{message}");
    }
    assert_eq!(
        socket.json().await,
        json!({"type": "alerts", "alerts": [], "total": 0}),
        "at once after the subscription"
    );
    socket.send_frame(0x81, b"{\"action\"").await;
    assert_eq!(socket.json().await, error("Invalid JSON"));
    socket.send_frame(0x82, b"\x00").await;
    assert_eq!(
        socket.json().await,
        error("Binary messages are not understood")
    );
    socket.send_frame(0x89, b"there?").await;
    assert_eq!(socket.next().await, WsMessage::Pong(b"there?".to_vec()));
    socket.leave().await;
    world
        .count_reaches("telemetry_sockets_closed_total{code=\"1000\"}", 1)
        .await;
    world.shutdown().await;
}

#[tokio::test]
async fn a_token_comes_in_four_ways_and_the_first_that_is_there_counts() {
    let world = World::start().await;
    let token = token_of("a");
    let bearer = format!("Bearer {token}");
    let ticket_url = world.url("/api/v2/ws-ticket");
    let ticket = http_get(&ticket_url, &[("authorization", &bearer)])
        .await
        .json();
    let ticket = ticket["ticket"].as_str().unwrap().to_owned();

    let offer = format!("bearer, {token}");
    let subprotocol = ("sec-websocket-protocol", offer.as_str());
    let header = ("authorization", bearer.as_str());
    for (query, headers) in [
        (format!("?token={token}"), vec![]),
        (format!("?ticket={ticket}"), vec![]),
        (String::new(), vec![subprotocol]),
        (String::new(), vec![header]),
        (
            format!("?token={token}"),
            vec![("authorization", "Bearer nonsense")],
        ),
    ] {
        let mut socket = WsClient::connect(&world.ws_url(&query), &headers).await;
        let echoed = headers.contains(&subprotocol).then_some("bearer");
        assert_eq!(socket.header("sec-websocket-protocol"), echoed);
        assert_eq!(socket.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(
            socket.asked(&json!({"action": "ping"})).await["type"],
            "pong"
        );
        socket.leave().await;
    }
    let first = WsClient::connect(&world.ws_url("?token=nonsense"), &[header]).await;
    assert_eq!(
        first.closed().await.0,
        4001,
        "the first counts, good or not"
    );
    world.shutdown().await;
}

#[tokio::test]
async fn what_is_no_upgrade_is_told_what_this_is() {
    let world = World::start().await;
    let plain = http_get(&world.ws_url(""), &[]).await;
    assert_eq!(plain.status(), 426);
    assert_eq!(plain.header("upgrade"), Some("websocket"));
    assert_eq!(
        http_request("POST", &world.ws_url(""), &[], b"")
            .await
            .status(),
        405
    );

    let old = WsClient::knock(&world.ws_url(""), &[("sec-websocket-version", "8")]).await;
    // Two versions are none.
    assert_eq!(old.status, 101, "the first line counts");
    let elsewhere = WsClient::knock(&world.url("/api/v2/nowhere"), &[]).await;
    assert_eq!(elsewhere.status, 404);
    let health = WsClient::knock(&world.url("/api/v2/health"), &[]).await;
    assert_eq!(
        health.status, 200,
        "whoever asks for an upgrade in vain is answered all the same"
    );
    world.shutdown().await;
}

#[tokio::test]
async fn nobody_is_told_that_protocols_are_switched_on_a_connection_that_stays_http() {
    let world = World::start().await;
    let head = |more: &str| {
        let token = token_of("a");
        format!(
            "GET /api/v2/ws?token={token} HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{more}\r\n"
        )
    };
    let chunks = format!("{}0\r\n\r\n", head("transfer-encoding: chunked\r\n"));
    for (request, status) in [(head(""), " 101 "), (chunks, " 426 ")] {
        let mut client = TcpStream::connect(world.address).await.unwrap();
        client.write_all(request.as_bytes()).await.unwrap();
        let mut line = String::new();
        let mut answer = BufReader::new(&mut client);
        answer.read_line(&mut line).await.unwrap();
        assert!(line.contains(status), "{line} to {request}");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn only_pages_of_allowed_origins_may_connect() {
    let world = World::with(|settings| {
        settings.socket.allowed_origins = vec!["https://app.example.org".to_owned()];
    })
    .await;
    let url = world.ws_url(&format!("?token={}", token_of("a")));
    let evil = WsClient::knock(&url, &[("origin", "https://evil.example.org")]).await;
    assert_eq!(evil.status, 403);
    for headers in [vec![("origin", "https://app.example.org")], vec![]] {
        WsClient::connect(&url, &headers).await.leave().await;
    }
    world.shutdown().await;

    let open = World::start().await;
    let url = open.ws_url(&format!("?token={}", token_of("a")));
    let any = WsClient::connect(&url, &[("origin", "https://any.example.org")]).await;
    any.leave().await;
    open.shutdown().await;
}

#[tokio::test]
async fn a_message_may_come_in_fragments_with_a_ping_in_between() {
    let world = World::start().await;
    let mut socket = world.socket("a").await;
    socket.send_frame(0x01, b"{\"action\"").await;
    socket.send_frame(0x89, b"").await;
    socket.send_frame(0x80, b":\"ping\"}").await;
    assert_eq!(socket.next().await, WsMessage::Pong(vec![]));
    assert_eq!(socket.json().await, json!({"type": "pong"}));
    socket.leave().await;
    world.shutdown().await;
}

#[tokio::test]
async fn a_socket_has_five_hundred_subscriptions_and_no_more() {
    let world = World::start().await;
    let mut socket = world.socket("a").await;
    for number in 0..500 {
        let answer = socket.asked(&subscribe(&format!("dev-{number:04}"))).await;
        assert_eq!(answer["type"], "subscribed");
    }
    let full = "At most 500 subscriptions per connection";
    assert_eq!(socket.asked(&subscribe("one-more")).await, error(full));
    assert_eq!(
        socket.asked(&subscribe("dev-0007")).await["type"],
        "subscribed",
        "one that is there may come again"
    );
    let gone = json!({"action": "unsubscribe", "type": "device", "device_id": "dev-0000"});
    socket.asked(&gone).await;
    assert_eq!(
        socket.asked(&subscribe("one-more")).await["type"],
        "subscribed"
    );
    socket.leave().await;
    world.shutdown().await;
}
