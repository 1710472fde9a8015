//! Comparing with what the gateway holds open: what a dead one left behind goes, what lives stays.

use gateway_client::{GatewayError, Instance, Token};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::gateway::{Mood, ScriptedGateway, instance};
use crate::world::{World, all, named, token};

fn connect(world: &World, text: &str, of: impl Into<Option<Value>>) {
    let of: Option<Instance> = of.into().map(|it| serde_json::from_value(it).unwrap());
    let connected = world.manager.connected(&named("task:t"), &token(text), of);
    connected.unwrap();
}

fn strangers(reconciled: &gateway_client::Reconciled) -> Vec<(&Token, &str)> {
    let strangers = reconciled.strangers.iter();
    strangers.map(|it| (&it.token, &*it.url)).collect()
}

#[tokio::test]
async fn what_a_dead_gateway_left_behind_is_dropped() {
    let gateway = ScriptedGateway::start().await;
    let world = World::before(&gateway);
    connect(&world, "dead", instance("one", 1));
    connect(&world, "alive", instance("two", 2));
    connect(&world, "of-an-older-gateway", None);
    gateway.lists(instance("two", 2), &["alive"]);

    let reconciled = world.manager.reconcile().await.unwrap();

    assert_eq!(reconciled.dropped, 2);
    assert_eq!(strangers(&reconciled), []);
    assert_eq!(world.tokens("task:t"), all(&["alive"]));
    assert_eq!((world.active(), world.connections("reconcile")), (1, 2));
    assert_eq!(gateway.seen()[0].line, "GET /internal/connections HTTP/1.1");
}

#[tokio::test]
async fn a_connection_of_the_living_gateway_whose_disconnect_was_lost_is_dropped() {
    let gateway = ScriptedGateway::start().await;
    let world = World::before(&gateway);
    connect(&world, "lost", instance("one", 1));
    gateway.lists(instance("one", 1), &[]);
    assert_eq!(world.manager.reconcile().await.unwrap().dropped, 1);
    assert!(world.manager.is_empty());
}

#[tokio::test]
async fn an_old_gateway_that_drains_does_not_speak_for_its_successor() {
    let gateway = ScriptedGateway::start().await;
    let world = World::before(&gateway);
    connect(&world, "of-the-new-one", instance("two", 2));
    gateway.lists(instance("one", 1), &[]);
    assert_eq!(world.manager.reconcile().await.unwrap().dropped, 0);
    assert_eq!(world.active(), 1);
}

#[tokio::test]
async fn what_connects_while_the_list_is_under_way_stays() {
    let gateway = ScriptedGateway::start().await;
    let world = World::before(&gateway);
    connect(&world, "lost", instance("one", 1));
    // A request for the list carries no event.
    gateway.hold("");
    let mut looking = JoinSet::new();
    let manager = world.manager.clone();
    looking.spawn(async move { manager.reconcile().await });
    gateway.has_seen_requests(1).await;
    connect(&world, "young", instance("one", 1));

    gateway.release("");

    let reconciled = looking.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!(reconciled.dropped, 1);
    assert_eq!(world.tokens("task:t"), all(&["young"]));
}

#[tokio::test]
async fn clients_from_before_this_process_are_named_with_their_address() {
    let gateway = ScriptedGateway::start().await;
    let world = World::before(&gateway);
    connect(&world, "known", instance("one", 1));
    connect(&world, "left", instance("one", 1));
    assert!(world.manager.disconnected(&token("left"), None));
    gateway.lists(instance("one", 1), &["known", "stranger", "left", ""]);

    let reconciled = world.manager.reconcile().await.unwrap();

    assert_eq!(reconciled.dropped, 0);
    let stranger = token("stranger");
    assert_eq!(strangers(&reconciled), [(&stranger, "/of/stranger")]);
    connect(&world, "stranger", None);
    assert_eq!(world.manager.reconcile().await.unwrap().strangers, []);
}

#[tokio::test]
async fn a_list_that_cannot_be_read_drops_nobody() {
    let gateway = ScriptedGateway::start().await;
    let world = World::before(&gateway);
    connect(&world, "a", None);
    let unfit = [
        "",
        "[]",
        "{}",
        r#"{"connections":[]}"#,
        r#"{"instance":{"id":"x","started_at":"yesterday"},"connections":[]}"#,
        r#"{"instance":{"id":"x","started_at":"2026-01-01T00:00:00Z"},"connections":[{}]}"#,
    ];
    for body in unfit {
        gateway.set(Mood::Answers(200, body.to_owned()));
        let failed = world.manager.reconcile().await;
        assert!(matches!(failed, Err(GatewayError::Body(_))), "{failed:?}");
    }
    gateway.set(Mood::Answers(404, String::new()));
    let failed = world.manager.reconcile().await;
    assert_eq!(failed, Err(GatewayError::Status(404)));
    gateway.set(Mood::Cut);
    let failed = world.manager.reconcile().await;
    assert!(matches!(failed, Err(GatewayError::Outbound(_))));
    assert_eq!(world.active(), 1);
}
