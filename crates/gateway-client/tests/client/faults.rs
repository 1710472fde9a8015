//! Gateways that refuse, break, stay silent or are not there: the answer is false, in bounded time, and nobody is lost.

use farol_core::sse::EventName;
use gateway_client::GatewayApi;
use service_kit::settings::{Secret, Url};
use test_kit::{ChaosProxy, LogCapture, PATIENCE, wait_until};

use crate::gateway::{Mood, ScriptedGateway};
use crate::world::{World, all, named, token};

const EVENT: EventName = EventName::from_static("version");

async fn send(world: &World, identifier: &str) -> bool {
    let identifier = named(identifier);
    world.manager.send(&identifier, &EVENT, "1", false).await
}

#[tokio::test]
async fn whatever_else_the_gateway_answers_nobody_is_purged_and_nothing_is_tried_again() {
    let gateway = ScriptedGateway::start().await;
    let world = World::before(&gateway);
    world.connect("version:page", "a");
    let answers = [301, 307, 400, 401, 405, 413, 429, 500, 502, 503];
    for (asked, status) in (1..).zip(answers) {
        gateway.set(Mood::Answers(status, "no JSON".to_owned()));
        assert!(!send(&world, "version:page").await, "{status}");
        assert_eq!(gateway.seen().len(), asked, "{status}");
    }
    assert_eq!(world.tokens("version:page"), all(&["a"]));
    assert_eq!(world.events("error"), 10);
}

#[tokio::test]
async fn an_answer_to_several_that_cannot_be_read_purges_nobody() {
    let gateway = ScriptedGateway::start().await;
    let world = World::before(&gateway);
    world.connect("task:t", "a");
    world.connect("task:t", "b");
    let too_few = r#"{"results":[{"status":404,"body":{}}]}"#;
    let no_number = r#"{"results":[{"status":404},{"status":"404"}]}"#;
    let huge = format!("\"{}\"", "x".repeat(2_000_000));
    for body in ["", "{", "[]", "{}", too_few, no_number, &huge] {
        gateway.set(Mood::Answers(200, body.to_owned()));
        assert!(!send(&world, "task:t").await);
    }
    for status in [400, 404, 500] {
        gateway.set(Mood::Answers(status, String::new()));
        assert!(!send(&world, "task:t").await, "{status}");
    }
    assert_eq!(world.tokens("task:t"), all(&["a", "b"]));
    assert_eq!(world.active(), 2);
}

#[tokio::test]
async fn a_silent_gateway_costs_one_deadline_however_many_viewers_and_bytes() {
    let gateway = ScriptedGateway::start().await;
    let world = World::before(&gateway);
    for viewer in ["a", "b", "c"] {
        world.connect("task:t", viewer);
    }
    gateway.set(Mood::Silent);
    let large = "x".repeat(900_000);

    assert!(
        !world
            .manager
            .send(&named("task:t"), &EVENT, &large, false)
            .await
    );

    assert_eq!(gateway.seen().len(), 1, "the rest would fail the same way");
    assert_eq!(world.events("error"), 3);
    assert_eq!(world.active(), 3);
}

#[tokio::test]
async fn a_gateway_that_hangs_up_or_is_away_comes_back_by_itself() {
    let gateway = ScriptedGateway::start().await;
    let address = gateway.url().socket_addrs(|| None).unwrap()[0];
    let proxy = ChaosProxy::to(address.to_string()).await;
    let base = Url::parse(&format!("http://{}", proxy.address())).unwrap();
    let world = World::with(GatewayApi::new(&base, None).unwrap(), 3);
    world.connect("version:page", "a");
    assert!(send(&world, "version:page").await);

    gateway.set(Mood::Cut);
    assert!(!send(&world, "version:page").await);
    gateway.set(Mood::Well);
    proxy.cut();
    assert!(!send(&world, "version:page").await);
    proxy.restore();

    wait_until("an event arrives again", PATIENCE, async || {
        send(&world, "version:page").await
    })
    .await;
    assert_eq!(world.tokens("version:page"), all(&["a"]));
}

#[tokio::test]
async fn a_send_that_is_dropped_half_way_changes_nothing() {
    let gateway = ScriptedGateway::start().await;
    let world = World::before(&gateway);
    world.connect("version:page", "a");
    gateway.answer("a", 404);
    gateway.hold("1");
    tokio::select! {
        _ = send(&world, "version:page") => panic!("it is held"),
        () = gateway.has_seen("1") => {}
    }
    gateway.release("1");
    assert_eq!(world.tokens("version:page"), all(&["a"]));
    assert!(!send(&world, "version:page").await, "the 404 comes now");
    assert!(world.manager.is_empty());
}

#[tokio::test]
async fn a_gateway_that_is_away_is_one_line_of_log_without_token_or_secret() {
    let log = LogCapture::start();
    let nobody = Url::parse("http://127.0.0.1:9").unwrap();
    let secret = Secret::from("s3cret-of-one-line");
    let api = GatewayApi::new(&nobody, Some(&secret)).unwrap();
    let world = World::with(api, 3);
    let whole = "0b4c9f6e-8f2e-4a55-9c07-52d14f0b11aa";
    world.connect("version:page", whole);
    for _ in 0..3 {
        assert!(!send(&world, "version:page").await);
    }
    assert!(world.manager.disconnected(&token(whole), None));

    let text = log.text();
    // The log is the whole process's; nobody else is refused a connection.
    let warnings = text
        .lines()
        .filter(|line| line.contains("an event could not be handed") && line.contains("refused"));
    assert_eq!(warnings.count(), 1);
    log.assert_silent_about("s3cret-of-one-line");
    log.assert_silent_about(whole);
}
