//! Every way in which a socket ends, as its client sees it.

use std::time::Duration;

use serde_json::{Value, json};
use test_kit::{Database, KeyServer, PATIENCE, WsClient, WsMessage, http_get, wait_until};

use crate::world::{World, claims, signed, subscribe, token_of};

async fn end_of(world: &World, query: &str) -> (u16, String) {
    world.socket_with(query).await.closed().await
}

fn ends(code: u16, reason: &str) -> (u16, String) {
    (code, reason.to_owned())
}

#[tokio::test]
async fn without_a_good_token_the_upgrade_is_completed_and_then_closed_with_4001() {
    let world = World::start().await;
    let missing = ends(4001, "Missing token parameter");
    assert_eq!(end_of(&world, "").await, missing);
    assert_eq!(end_of(&world, "?token=").await, missing);
    let mut other_audience = claims("a", 3600);
    other_audience["aud"] = json!("another");
    let mut not_yet = claims("a", 3600);
    not_yet["nbf"] = json!(service_kit::clock::Clock::system().now().timestamp() + 600);
    for token in [
        "nonsense".to_owned(),
        signed(&claims("a", -60)),
        signed(&other_audience),
        signed(&not_yet),
        test_kit::hs256_token(
            "another secret, also of 32 bytes and more",
            &claims("a", 3600),
        ),
        test_kit::token(&json!({"alg": "none"}), &claims("a", 3600), |_| Vec::new()),
    ] {
        let end = end_of(&world, &format!("?token={token}")).await;
        assert_eq!(end, ends(4001, "Invalid or expired token"));
    }
    world
        .count_reaches("telemetry_sockets_closed_total{code=\"4001\"}", 8)
        .await;
    world.shutdown().await;
}

#[tokio::test]
async fn somebody_without_a_tenant_or_a_role_is_closed_with_4003() {
    let world = World::start().await;
    let changed = |name: &str, value: Value| {
        let mut claims = claims("a", 3600);
        claims[name] = value;
        claims
    };
    for claims in [
        changed("tenant_id", Value::Null),
        changed("tenant_id", json!("a' OR '1'='1")),
        changed("role", json!("operator")),
        changed("role", Value::Null),
    ] {
        let end = end_of(&world, &format!("?token={}", signed(&claims))).await;
        assert_eq!(end, ends(4003, "Unauthorized"), "{claims}");
    }
    let realm = json!({
        "aud": ["pulse-ui"], "exp": claims("a", 3600)["exp"],
        "organization": {"a": {}}, "realm_access": {"roles": ["customer_viewer"]},
    });
    let newer = world
        .socket_with(&format!("?token={}", signed(&realm)))
        .await;
    newer.leave().await;
    world.shutdown().await;
}

#[tokio::test]
async fn a_ticket_opens_one_socket_and_then_4008() {
    let world = World::start().await;
    let bearer = format!("Bearer {}", token_of("a"));
    let answer = http_get(
        &world.url("/api/v2/ws-ticket"),
        &[("authorization", &bearer)],
    )
    .await;
    let ticket = answer.json()["ticket"].as_str().unwrap().to_owned();
    let refused = ends(4008, "Invalid or expired ticket");
    let open = world.socket_with(&format!("?ticket={ticket}")).await;
    assert_eq!(end_of(&world, &format!("?ticket={ticket}")).await, refused);
    assert_eq!(end_of(&world, "?ticket=nonsense").await, refused);
    assert_eq!(end_of(&world, "?ticket=").await, refused);
    open.leave().await;
    world.shutdown().await;
}

#[tokio::test]
async fn a_token_that_ends_is_announced_and_then_closed_with_4010() {
    let world = World::start().await;
    let token = signed(&claims("a", 6));
    let mut socket = world.socket_with(&format!("?token={token}")).await;
    let warning = socket.json().await;
    assert_eq!(warning["type"], "token_expiring");
    let left = warning["in_seconds"].as_u64().unwrap();
    assert!((1..=6).contains(&left), "{warning}");
    assert_eq!(socket.closed().await, ends(4010, "Token expired"));
    world.shutdown().await;
}

#[tokio::test]
async fn a_newer_token_renews_in_place_and_one_of_another_tenant_does_not() {
    let world = World::start().await;
    world.hears().await;
    world.reading("a", "dev-0001", 1, json!({"t": 1})).await;
    let token = signed(&claims("a", 10));
    let mut socket = world.socket_with(&format!("?token={token}")).await;
    socket.send(&subscribe("dev-0001")).await;
    socket.json_of("telemetry").await;

    let authenticate = |token: &str| json!({"action": "authenticate", "token": token});
    socket.send(&authenticate("nonsense")).await;
    let refused = socket.json_of("error").await;
    assert_eq!(refused["message"], "Invalid or expired token");
    socket.send(&authenticate("")).await;
    let missing = socket.json_of("error").await;
    assert_eq!(missing["message"], "token required for authenticate");
    socket.send(&authenticate(&token_of("a"))).await;
    let renewed = socket.json_of("authenticated").await;
    assert!(renewed["expires_in"].as_u64().unwrap() > 3500, "{renewed}");

    let not_renewed = end_of(&world, &format!("?token={token}")).await;
    assert_eq!(
        not_renewed.0, 4010,
        "the first token has ended, and the subscription has not"
    );
    world.reading("a", "dev-0001", 2, json!({"t": 2})).await;
    let next = socket.json_of("telemetry").await;
    assert_eq!(next["data"]["seq"], 2);

    socket.send(&authenticate(&token_of("b"))).await;
    assert_eq!(socket.closed().await, ends(4003, "Unauthorized"));
    world.shutdown().await;
}

#[tokio::test]
async fn more_sockets_than_a_tenant_may_have_are_closed_with_4029() {
    let world = World::with(|settings| {
        settings.limit.max_sockets_per_tenant = 2;
        settings.limit.max_sockets = 3;
    })
    .await;
    assert_eq!(world.count("telemetry_sockets_max").await, 3);
    let (first, second) = (world.socket("a").await, world.socket("a").await);
    let full = ends(4029, "Too many connections of this tenant");
    assert_eq!(world.socket("a").await.closed().await, full);
    let other = world.socket("b").await;
    let none_left = world.socket("b").await.closed().await;
    assert_eq!(none_left, ends(1013, "Too many connections, try again"));
    first.leave().await;
    world.sockets_are(2).await;
    let again = world.socket("a").await;
    again.leave().await;
    drop((second, other));
    world.shutdown().await;
}

#[tokio::test]
async fn while_the_key_server_is_away_a_token_is_kept_and_tried_again() {
    let keys = KeyServer::start().await;
    let url = keys.url();
    let world = World::over(Database::fresh().await, |settings| {
        let identity = &mut settings.identity;
        identity.jwt_hs256_secret = None;
        identity.jwt_jwks_url = Some(format!("{url}/certs").parse().unwrap());
        identity.jwt_issuer = Some("https://issuer.example.org".to_owned());
    });
    keys.go_away();
    let mut claims = claims("a", 3600);
    claims["iss"] = json!("https://issuer.example.org");
    let query = format!("?token={}", keys.sign(&claims));
    let away = ends(1013, "Tokens cannot be checked right now, try again");
    assert_eq!(end_of(&world, &query).await, away);
    let bearer = format!("Bearer {}", keys.sign(&claims));
    let rest = http_get(&world.url("/api/v2/alerts"), &[("authorization", &bearer)]).await;
    assert_eq!(rest.status(), 503);
    let keys_are = async || {
        let ready = http_get(&world.ops_url("/health/ready"), &[]).await.json();
        ready["checks"]["keys"]["status"].clone()
    };
    assert_eq!(
        keys_are().await,
        "degraded",
        "ready all the same: whoever is in stays in"
    );

    keys.come_back();
    wait_until("the token is believed", PATIENCE, async || {
        let mut socket = world.socket_with(&query).await;
        // A socket that was let in answers; one that was not is closed.
        let _ = socket.try_send_frame(0x81, b"{\"action\":\"ping\"}").await;
        matches!(socket.next().await, WsMessage::Text(_))
    })
    .await;
    assert_eq!(keys_are().await, "ready");
    let mut wrong = claims.clone();
    wrong["iss"] = json!("https://another.example.org");
    let end = end_of(&world, &format!("?token={}", keys.sign(&wrong))).await;
    assert_eq!(end.0, 4001);
    let confused = test_kit::hs256_token(&keys.public_pem(), &claims);
    assert_eq!(end_of(&world, &format!("?token={confused}")).await.0, 4001);
    world.shutdown().await;
}

#[tokio::test]
async fn twenty_bad_messages_in_a_row_are_answered_and_then_closed_with_1008() {
    let world = World::start().await;
    let mut socket = world.socket("a").await;
    for _ in 0..19 {
        socket.send_frame(0x81, b"nonsense").await;
        assert_eq!(socket.json().await["type"], "error");
    }
    assert_eq!(
        socket.asked(&json!({"action": "ping"})).await["type"],
        "pong"
    );
    for _ in 0..20 {
        socket.send_frame(0x82, b"nonsense").await;
    }
    for _ in 0..20 {
        assert_eq!(
            socket.json().await["type"],
            "error",
            "the last one is answered too"
        );
    }
    assert_eq!(socket.closed().await, ends(1008, "Too many bad messages"));
    world.shutdown().await;
}

#[tokio::test]
async fn a_flood_of_pings_is_a_flood_of_messages() {
    let world = World::start().await;
    let mut socket = world.socket("a").await;
    for _ in 0..5_000 {
        // The server may hang up while the rest is under way.
        let _ = socket.try_send_frame(0x89, b"").await;
    }
    let mut refused = 0;
    let end = loop {
        match socket.next().await {
            WsMessage::Pong(_) => {}
            WsMessage::Text(text) => {
                assert_eq!(text, r#"{"type":"error","message":"Too many messages"}"#);
                refused += 1;
            }
            end => break end,
        }
    };
    let misbehaved = WsMessage::Close(1008, "Too many bad messages".to_owned());
    assert_eq!((refused, end), (20, misbehaved));
    world.shutdown().await;
}

#[tokio::test]
async fn a_message_over_64_kib_is_closed_with_1009_and_one_of_64_kib_is_heard() {
    let world = World::start().await;
    let mut socket = world.socket("a").await;
    socket.send_frame(0x81, &vec![b' '; 64 * 1024]).await;
    assert_eq!(socket.json().await["message"], "Invalid JSON");
    // The server may hang up while the rest is under way.
    let _ = socket
        .try_send_frame(0x81, &vec![b' '; 10 * 1024 * 1024])
        .await;
    assert_eq!(socket.closed().await, ends(1009, "Message too big"));

    let mut pieces = world.socket("a").await;
    pieces.send_frame(0x01, &vec![b' '; 40 * 1024]).await;
    pieces.send_frame(0x80, &vec![b' '; 40 * 1024]).await;
    assert_eq!(pieces.closed().await.0, 1009);
    world.shutdown().await;
}

#[tokio::test]
async fn what_is_not_websocket_is_closed_with_1002_and_what_is_no_text_with_1007() {
    let world = World::start().await;
    let mut unmasked = world.socket("a").await;
    unmasked.send_raw(b"\x81\x02hi").await.unwrap();
    assert_eq!(unmasked.closed().await.0, 1002);
    let mut odd = world.socket("a").await;
    odd.send_frame(0x81, b"\xff\xfe").await;
    assert_eq!(odd.closed().await.0, 1007);
    world.shutdown().await;
}

#[tokio::test]
async fn who_answers_no_ping_is_let_go_of_and_counted() {
    let world = World::with(|settings| {
        settings.socket.ws_ping_ms = Duration::from_millis(300);
        settings.socket.ws_pong_ms = Duration::from_secs(5);
    })
    .await;
    let mut good = world.socket("a").await;
    let mut silent = world.socket("a").await;
    silent.stay_silent();
    let answering = async {
        for _ in 0..5 {
            assert!(matches!(good.next().await, WsMessage::Ping(_)));
        }
    };
    tokio::join!(silent.lost(), answering);
    world
        .count_reaches("telemetry_sockets_closed_total{code=\"no_pong\"}", 1)
        .await;
    assert_eq!(good.asked(&json!({"action": "ping"})).await["type"], "pong");
    good.leave().await;
    world.shutdown().await;
}

#[tokio::test]
async fn who_goes_without_a_word_is_noticed() {
    let world = World::start().await;
    let socket: WsClient = world.socket("a").await;
    world.sockets_are(1).await;
    drop(socket);
    world.sockets_are(0).await;
    world
        .count_reaches("telemetry_sockets_closed_total{code=\"1006\"}", 1)
        .await;
    world.shutdown().await;
}
