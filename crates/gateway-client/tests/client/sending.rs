//! What goes over the wire, and what the answers are taken for.

use farol_core::sse::EventName;
use gateway_client::GatewayApi;
use serde_json::json;
use service_kit::settings::{Secret, Url};

use crate::gateway::ScriptedGateway;
use crate::world::{World, all, named, token};

const EVENT: EventName = EventName::from_static("task_event");

#[tokio::test]
async fn an_event_goes_out_as_the_contract_writes_it() {
    let gateway = ScriptedGateway::start().await;
    let world = World::before(&gateway);
    world.connect("task:t", "a");
    let hostile = "two\nlines, \"quotes\", \\, \u{0}, é, 🦊";

    assert!(
        world
            .manager
            .send(&named("task:t"), &EVENT, hostile, false)
            .await
    );

    let seen = &gateway.seen()[0];
    assert_eq!(seen.line, "POST /internal/send HTTP/1.1");
    assert_eq!(seen.headers["content-type"], "application/json");
    assert_eq!(seen.headers.get("authorization"), None);
    let event = json!({ "name": "task_event", "data": hostile });
    assert_eq!(
        seen.body,
        json!({ "token": "a", "event": event, "close": false })
    );
    assert_eq!(world.events("success"), 1);
    assert_eq!(world.figures().calls(), 1);
}

#[tokio::test]
async fn without_a_connection_nothing_is_asked() {
    let gateway = ScriptedGateway::start().await;
    let world = World::before(&gateway);
    assert!(
        !world
            .manager
            .send(&named("task:t"), &EVENT, "1", false)
            .await
    );
    assert!(gateway.seen().is_empty());
    assert_eq!(world.events("no_connection"), 1);
}

#[tokio::test]
async fn the_secret_is_sent_and_never_shown() {
    let gateway = ScriptedGateway::start().await;
    let secret = Secret::from("s3cret-word");
    let api = GatewayApi::new(gateway.url(), Some(&secret)).unwrap();
    let world = World::with(api, 3);
    world.connect("task:t", "a");

    assert!(
        world
            .manager
            .send(&named("task:t"), &EVENT, "1", false)
            .await
    );

    assert_eq!(
        gateway.seen()[0].headers["authorization"],
        "Bearer s3cret-word"
    );
    assert!(!format!("{:?}", world.manager).contains("s3cret-word"));
    let unfit = GatewayApi::new(gateway.url(), Some(&Secret::from("a\nb")));
    assert!(unfit.is_err());
}

#[tokio::test]
async fn a_gateway_may_live_under_a_path() {
    let gateway = ScriptedGateway::start().await;
    let base = Url::parse(&format!("{}gateway/", gateway.url())).unwrap();
    let world = World::with(GatewayApi::new(&base, None).unwrap(), 3);
    assert!(
        world
            .manager
            .send_one(&token("a"), &EVENT, "1", false)
            .await
    );
    assert_eq!(
        gateway.seen()[0].line,
        "POST /gateway/internal/send HTTP/1.1"
    );
}

#[tokio::test]
async fn all_viewers_of_one_identifier_are_reached_by_one_request() {
    let gateway = ScriptedGateway::start().await;
    let world = World::before(&gateway);
    for viewer in ["a", "b", "c"] {
        world.connect("task:t", viewer);
    }
    world.connect("task:other", "d");

    assert!(
        world
            .manager
            .send(&named("task:t"), &EVENT, "1", true)
            .await
    );

    let seen = gateway.seen();
    assert_eq!(seen.len(), 1);
    let event = json!({ "name": "task_event", "data": "1" });
    let send = |token| json!({ "token": token, "event": event, "close": true });
    assert_eq!(
        seen[0].body,
        json!({ "sends": [send("a"), send("b"), send("c")] })
    );
    assert_eq!(world.events("success"), 3);
}

#[tokio::test]
async fn of_several_viewers_only_those_whom_the_gateway_forgot_are_purged() {
    let gateway = ScriptedGateway::start().await;
    let world = World::before(&gateway);
    for viewer in ["a", "b", "c"] {
        world.connect("task:t", viewer);
    }
    gateway.answer("a", 404);
    gateway.answer("b", 500);

    assert!(
        world
            .manager
            .send(&named("task:t"), &EVENT, "1", false)
            .await
    );

    assert_eq!(world.tokens("task:t"), all(&["b", "c"]));
    assert_eq!(world.active(), 2);
    assert_eq!(world.connections("purge"), 1);
    let told = ["success", "gone", "error"].map(|status| world.events(status));
    assert_eq!(told, [1, 1, 1]);
}

#[tokio::test]
async fn a_large_event_is_split_over_requests_that_the_gateway_takes() {
    let gateway = ScriptedGateway::start().await;
    let world = World::with(GatewayApi::new(gateway.url(), None).unwrap(), 100);
    for viewer in 0..10 {
        world.connect("task:t", &format!("viewer-{viewer}"));
    }
    gateway.answer("viewer-7", 404);
    let large = "x".repeat(300_000);

    assert!(
        world
            .manager
            .send(&named("task:t"), &EVENT, &large, false)
            .await
    );

    let seen = gateway.seen();
    assert_eq!(seen.len(), 4, "3 + 3 + 3 + 1 viewers");
    for request in &seen {
        assert!(request.size <= 1024 * 1024, "{} bytes", request.size);
    }
    assert_eq!(seen[3].body["token"], "viewer-9", "one alone needs no list");
    assert_eq!(world.tokens("task:t").len(), 9);
    assert!(!world.tokens("task:t").contains(&token("viewer-7")));
}

#[tokio::test]
async fn a_full_room_of_viewers_fits_the_limit_to_the_byte() {
    let gateway = ScriptedGateway::start().await;
    let world = World::with(GatewayApi::new(gateway.url(), None).unwrap(), 2);
    world.connect("task:t", "a");
    world.connect("task:t", "b");
    let frame = json!({ "sends": [
        { "token": "a", "event": { "name": "task_event", "data": "" }, "close": false },
        { "token": "b", "event": { "name": "task_event", "data": "" }, "close": false },
    ] });
    let room = 1024 * 1024 - frame.to_string().len();
    for (size, requests) in [(room / 2, 1), (room / 2 + 2, 2)] {
        gateway.forget();
        let data = "x".repeat(size);
        assert!(
            world
                .manager
                .send(&named("task:t"), &EVENT, &data, false)
                .await
        );
        assert_eq!(gateway.seen().len(), requests, "{size} bytes of data");
        assert!(gateway.seen()[0].size <= 1024 * 1024);
    }
}

#[tokio::test]
async fn a_replaced_one_is_told_so_after_its_successor_is_in_place() {
    let gateway = ScriptedGateway::start().await;
    let world = World::before(&gateway);
    world.connect("version:page", "a");
    let connected = world
        .manager
        .connected(&named("version:page"), &token("b"), None)
        .unwrap();
    assert!(gateway.seen().is_empty(), "a connect never sends");

    assert!(
        world
            .manager
            .close_one(&connected.replaced.unwrap(), "replaced")
            .await
    );

    let farewell = json!({ "name": "connection_close", "data": r#"{"reason":"replaced"}"# });
    assert_eq!(
        gateway.seen()[0].body,
        json!({ "token": "a", "event": farewell, "close": true })
    );
    assert_eq!(world.tokens("version:page"), all(&["b"]));
}

#[tokio::test]
async fn a_farewell_goes_to_everyone_and_leaves_the_maps_to_their_disconnects() {
    let gateway = ScriptedGateway::start().await;
    let world = World::before(&gateway);
    world.connect("task:t", "a");
    world.connect("task:t", "b");

    assert!(
        world
            .manager
            .close(&named("task:t"), "task_completed")
            .await
    );

    let sends = &gateway.seen()[0].body["sends"];
    assert_eq!(sends[1]["event"]["data"], r#"{"reason":"task_completed"}"#);
    assert_eq!(sends[1]["close"], true);
    assert_eq!(world.active(), 2);
    assert!(world.manager.disconnected(&token("a"), None));
    assert!(world.manager.disconnected(&token("b"), None));
    assert!(world.manager.is_empty());
}

#[tokio::test]
async fn a_viewer_whose_connection_is_broken_keeps_nothing_from_those_behind_it() {
    let gateway = ScriptedGateway::start().await;
    let world = World::before(&gateway);
    for viewer in ["a", "b", "c"] {
        world.connect("task:t", viewer);
    }
    gateway.answer("a", 500);
    let one_request_each = "x".repeat(900_000);

    assert!(
        world
            .manager
            .send(&named("task:t"), &EVENT, &one_request_each, false)
            .await
    );

    assert_eq!(gateway.seen().len(), 3);
    let told = ["success", "error"].map(|status| world.events(status));
    assert_eq!(told, [2, 1]);
}
