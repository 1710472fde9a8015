//! Tickets: given for a token, good for one socket, at whichever instance.

use serde_json::json;
use sha2::{Digest as _, Sha256};
use test_kit::WsMessage;

use crate::ground::{number, run};
use crate::rest_answers::judge_problem;
use crate::world::{World, claims, signed};

async fn ticket(world: &World) -> String {
    let told = world.read("a", "/api/v2/ws-ticket").await;
    assert_eq!(told["expires_in"], 30);
    told["ticket"].as_str().expect("a ticket").to_owned()
}

/// Whether a ticket opens a socket; else the close code.
async fn try_out(world: &World, ticket: &str) -> Result<(), u16> {
    let mut socket = world.socket_with(&format!("?ticket={ticket}")).await;
    // Who is refused may be gone before this is written.
    let _ = socket.try_send_frame(0x81, br#"{"action":"ping"}"#).await;
    match socket.next().await {
        WsMessage::Text(text) => {
            assert_eq!(text, r#"{"type":"pong"}"#);
            socket.leave().await;
            Ok(())
        }
        WsMessage::Close(code, _) => Err(code),
        other => panic!("{other:?}"),
    }
}

/// A second instance over the rows of the first.
async fn beside(world: &World) -> World {
    let rows = world.database.telemetry_url();
    World::with(|settings| settings.database.database_url = rows.into()).await
}

#[tokio::test]
async fn a_ticket_opens_one_socket_at_whichever_instance() {
    let one = World::start().await;
    let other = beside(&one).await;
    let (first, second) = (ticket(&one).await, ticket(&one).await);
    assert_ne!(first, second);
    assert_eq!(try_out(&other, &first).await, Ok(()));
    assert_eq!(try_out(&one, &first).await, Err(4008));
    assert_eq!(try_out(&other, &first).await, Err(4008));
    assert_eq!(
        try_out(&one, &second).await,
        Ok(()),
        "another one is another one"
    );
    other.shutdown().await;
    one.shutdown().await;
}

#[tokio::test]
async fn of_many_who_use_one_ticket_at_once_one_comes_in() {
    let world = World::start().await;
    let ticket = ticket(&world).await;
    let tries = (0..8).map(|_| try_out(&world, &ticket));
    let outcomes = futures_util::future::join_all(tries).await;
    assert_eq!(
        outcomes.iter().filter(|it| it.is_ok()).count(),
        1,
        "{outcomes:?}"
    );
    let refused = outcomes.iter().filter(|it| **it == Err(4008)).count();
    assert_eq!(refused, 7, "{outcomes:?}");
    world.shutdown().await;
}

#[tokio::test]
async fn a_ticket_that_is_over_or_never_was_opens_nothing() {
    let world = World::start().await;
    let over = ticket(&world).await;
    let age = "UPDATE ws_ticket SET expires_at = now() - interval '1 ms'";
    run(world.database.owner_pool(), age).await;
    let never = "0".repeat(64);
    for odd in [over.as_str(), &never, "", "garbage", "'%20OR%20true%20--"] {
        assert_eq!(try_out(&world, odd).await, Err(4008), "{odd}");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn the_table_of_tickets_holds_none_that_could_be_used() {
    let world = World::start().await;
    let ticket = ticket(&world).await;
    let pool = world.database.owner_pool();
    let digest = format!("{:x}", Sha256::digest(ticket.as_bytes()));
    let kept = format!("SELECT count(*) FROM ws_ticket WHERE ticket_hash = '\\x{digest}'");
    assert_eq!(number(pool, &kept).await, 1);
    let told = format!("SELECT count(*) FROM ws_ticket WHERE ws_ticket::text LIKE '%{ticket}%'");
    assert_eq!(number(pool, &told).await, 0);
    let soon =
        "SELECT count(*) FROM ws_ticket WHERE expires_at BETWEEN now() AND now() + interval '30 s'";
    assert_eq!(number(pool, soon).await, 1);
    world.shutdown().await;
}

#[tokio::test]
async fn a_socket_opened_by_a_ticket_ends_with_the_token_that_the_ticket_was_given_for() {
    let world = World::start().await;
    let short = signed(&claims("a", 3));
    let told = world.get_by(&short, "/api/v2/ws-ticket").await.json();
    let ticket = told["ticket"].as_str().expect("a ticket");
    let mut socket = world.socket_with(&format!("?ticket={ticket}")).await;
    socket.json_of("token_expiring").await;
    let ended = socket.closed().await;
    assert_eq!(ended, (4010, "Token expired".to_owned()));
    world.shutdown().await;
}

#[tokio::test]
async fn tickets_have_a_limit_of_their_own() {
    let world = World::with(|settings| settings.limit.max_sockets_per_tenant = 2).await;
    for _ in 0..4 {
        ticket(&world).await;
    }
    let refused = world.get("a", "/api/v2/ws-ticket").await;
    judge_problem(&refused, 429, "rate_limited", "Rate limit exceeded");
    assert_eq!(
        world.read("a", "/api/v2/devices").await["devices"],
        json!([])
    );
    assert_eq!(world.get("b", "/api/v2/ws-ticket").await.status(), 200);
    world.shutdown().await;
}
