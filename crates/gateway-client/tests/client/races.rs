//! Callbacks that arrive while the gateway is being asked: no lock is held, and late answers hit nobody else.

use farol_core::sse::EventName;
use gateway_client::ConnectionManager;
use tokio::task::JoinSet;

use crate::gateway::ScriptedGateway;
use crate::world::{World, all, named, token};

const EVENT: EventName = EventName::from_static("task_event");

/// A send in a task of its own.
fn begin(sends: &mut JoinSet<bool>, manager: &ConnectionManager, to: &str, data: &str) {
    let (manager, to, data) = (manager.clone(), named(to), data.to_owned());
    sends.spawn(async move { manager.send(&to, &EVENT, &data, false).await });
}

#[tokio::test]
async fn callbacks_are_answered_while_the_gateway_is_silent() {
    let gateway = ScriptedGateway::start().await;
    let world = World::before(&gateway);
    world.connect("version:page", "a");
    gateway.hold("1");
    let mut sends = JoinSet::new();
    begin(&mut sends, &world.manager, "version:page", "1");
    gateway.has_seen("1").await;

    // On the one thread of this test: with the lock held, each of these would wait for ever.
    world.connect("version:page", "b");
    assert!(!world.manager.disconnected(&token("a"), None));
    assert_eq!(world.tokens("version:page"), all(&["b"]));
    assert_eq!(world.manager.len(), 1);

    gateway.release("1");
    assert!(sends.join_next().await.unwrap().unwrap());
}

#[tokio::test]
async fn a_late_404_of_a_replaced_one_leaves_its_successor_alone() {
    let gateway = ScriptedGateway::start().await;
    let world = World::before(&gateway);
    world.connect("version:page", "a");
    gateway.answer("a", 404);
    gateway.hold("1");
    let mut sends = JoinSet::new();
    begin(&mut sends, &world.manager, "version:page", "1");
    gateway.has_seen("1").await;
    world.connect("version:page", "b");

    gateway.release("1");

    assert!(!sends.join_next().await.unwrap().unwrap());
    assert_eq!(world.tokens("version:page"), all(&["b"]));
    assert_eq!((world.active(), world.connections("purge")), (1, 0));
}

#[tokio::test]
async fn a_404_and_a_disconnect_of_one_connection_take_it_out_once() {
    let gateway = ScriptedGateway::start().await;
    let world = World::before(&gateway);
    world.connect("task:t", "a");
    world.connect("task:t", "b");
    gateway.answer("a", 404);
    gateway.hold("1");
    let mut sends = JoinSet::new();
    begin(&mut sends, &world.manager, "task:t", "1");
    gateway.has_seen("1").await;
    assert!(world.manager.disconnected(&token("a"), None));

    gateway.release("1");

    assert!(sends.join_next().await.unwrap().unwrap(), "b got it");
    assert_eq!(world.tokens("task:t"), all(&["b"]));
    assert_eq!((world.active(), world.connections("purge")), (1, 0));
}

#[tokio::test]
async fn one_stuck_identifier_does_not_hold_up_another() {
    let gateway = ScriptedGateway::start().await;
    let world = World::before(&gateway);
    world.connect("task:stuck", "a");
    world.connect("task:free", "b");
    gateway.hold("1");
    let mut sends = JoinSet::new();
    begin(&mut sends, &world.manager, "task:stuck", "1");
    gateway.has_seen("1").await;

    let free = named("task:free");
    assert!(world.manager.send(&free, &EVENT, "2", false).await);

    gateway.release("1");
    assert!(sends.join_next().await.unwrap().unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn threads_that_connect_send_and_disconnect_leave_nothing_behind() {
    let gateway = ScriptedGateway::start().await;
    let world = World::before(&gateway);
    let mut clients = JoinSet::new();
    for client in 0..8 {
        let manager = world.manager.clone();
        clients.spawn(async move {
            for round in 0..50 {
                let token = token(&format!("{client}-{round}"));
                let shared = named(&format!("task:{}", client % 4));
                let place = if round % 2 == 0 {
                    &shared
                } else {
                    &named("version:v")
                };
                if manager.connected(place, &token, None).is_ok() {
                    manager.send(place, &EVENT, "x", false).await;
                }
                manager.disconnected(&token, None);
                assert!(!manager.tokens(place).contains(&token));
            }
        });
    }
    while let Some(ended) = clients.join_next().await {
        ended.unwrap();
    }
    assert!(world.manager.is_empty());
    assert!(world.manager.identifiers().is_empty());
    assert_eq!(world.active(), 0);
    let left = world.connections("disconnect") + world.connections("replace");
    assert_eq!(world.connections("connect"), left);
}
