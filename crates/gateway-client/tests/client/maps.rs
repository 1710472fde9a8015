//! What connects and disconnects do to the maps, one rule at a time.

use gateway_client::{
    GatewayApi, Identifier, Instance, InvalidIdentifier, InvalidToken, Refused, Token,
};
use service_kit::settings::Url;

use crate::world::{MOST_VIEWERS, World, all, named, token};

/// No test here sends.
fn world() -> World {
    let nobody = Url::parse("http://127.0.0.1:9").unwrap();
    World::with(GatewayApi::new(&nobody, None).unwrap(), MOST_VIEWERS)
}

#[test]
fn an_identifier_is_a_kind_and_an_id_around_one_colon() {
    let task = Identifier::new("task", "a-1").unwrap();
    assert_eq!((task.kind(), task.id()), ("task", "a-1"));
    assert_eq!(task.to_string(), "task:a-1");
    assert_eq!(Identifier::parse("task:a-1"), Ok(task));
    let missing = Err(InvalidIdentifier::Missing);
    for text in ["", ":", "task", "task:", ":a"] {
        assert_eq!(Identifier::parse(text), missing, "{text:?}");
    }
    let colon = Err(InvalidIdentifier::Colon);
    assert_eq!(Identifier::parse("task:a:b"), colon);
    assert_eq!(Identifier::new("ta:sk", "a"), colon);
    let long = "a".repeat(252);
    assert_eq!(
        Identifier::new("task", &long),
        Err(InvalidIdentifier::TooLong)
    );
    assert!(Identifier::new("task", &long[1..]).is_ok());
}

#[test]
fn a_token_is_some_text_that_does_not_show_in_logs() {
    assert_eq!(Token::parse(""), Err(InvalidToken));
    assert_eq!(Token::parse(&"a".repeat(257)), Err(InvalidToken));
    let token = token("0b4c9f6e-secret");
    assert_eq!(token.as_str(), "0b4c9f6e-secret");
    assert_eq!(format!("{token:?}"), "Token(0b4c9f6e…)");
}

#[test]
fn an_instance_is_read_as_a_callback_carries_it() {
    let text = r#"{"id":"9e1f","started_at":"2026-11-20T19:00:00.123Z"}"#;
    let instance: Instance = serde_json::from_str(text).unwrap();
    assert_eq!(instance.id, "9e1f");
    assert_eq!(
        instance.started_at.to_rfc3339(),
        "2026-11-20T19:00:00.123+00:00"
    );
}

#[test]
fn of_a_single_kind_the_newest_wins_and_the_caller_learns_whom_it_replaced() {
    let world = world();
    let page = named("version:page");
    let first = world.manager.connected(&page, &token("a"), None).unwrap();
    assert_eq!(first.replaced, None);

    let second = world.manager.connected(&page, &token("b"), None).unwrap();

    assert_eq!(second.replaced, Some(token("a")));
    assert_eq!(world.tokens("version:page"), all(&["b"]));
    assert_eq!((world.manager.len(), world.active()), (1, 1));
    assert_eq!(
        (world.connections("connect"), world.connections("replace")),
        (2, 1)
    );
}

#[test]
fn the_disconnect_of_a_replaced_one_leaves_its_successor_alone() {
    let world = world();
    world.connect("version:page", "a");
    world.connect("version:page", "b");

    assert!(!world.manager.disconnected(&token("a"), Some("1")));

    assert_eq!(world.tokens("version:page"), all(&["b"]));
    assert_eq!(world.active(), 1);
    assert_eq!(
        (world.connections("disconnect"), world.connections("stale")),
        (0, 1)
    );
}

#[test]
fn of_a_shared_kind_all_stay_and_one_too_many_is_refused() {
    let world = world();
    for viewer in ["a", "b", "c"] {
        world.connect("task:t", viewer);
    }

    let refused = world.manager.connected(&named("task:t"), &token("d"), None);

    assert_eq!(refused, Err(Refused::Full));
    assert_eq!(world.tokens("task:t"), all(&["a", "b", "c"]));
    assert_eq!(world.connections("refuse"), 1);
    assert!(world.manager.disconnected(&token("b"), None));
    world.connect("task:t", "d");
    assert_eq!(world.tokens("task:t"), all(&["a", "c", "d"]));
}

#[test]
fn kinds_do_not_mix_and_an_undeclared_one_is_refused() {
    let world = world();
    world.connect("task:1", "a");
    world.connect("version:1", "b");
    let refused = world.manager.connected(&named("user:1"), &token("c"), None);
    assert_eq!(refused, Err(Refused::UnknownKind));
    let mut identifiers = world.manager.identifiers();
    identifiers.sort();
    assert_eq!(identifiers, [named("task:1"), named("version:1")]);
}

#[test]
fn a_connect_told_twice_counts_once() {
    let world = world();
    world.connect("version:page", "a");
    let again = world
        .manager
        .connected(&named("version:page"), &token("a"), None);
    assert_eq!(again.unwrap().replaced, None, "it does not replace itself");
    world.connect("task:t", "b");
    world.connect("task:t", "b");
    assert_eq!(world.tokens("task:t"), all(&["b"]));
    assert_eq!((world.active(), world.connections("connect")), (2, 2));
}

#[test]
fn a_token_that_connects_elsewhere_moves() {
    let world = world();
    world.connect("task:t", "a");
    world.connect("task:u", "a");
    assert_eq!(world.tokens("task:t"), []);
    assert_eq!(world.tokens("task:u"), all(&["a"]));
    assert_eq!(world.manager.identifiers(), [named("task:u")]);
    assert_eq!((world.active(), world.connections("connect")), (1, 1));
}

#[test]
fn a_disconnect_that_overtakes_its_connect_leaves_no_ghost() {
    let world = world();
    assert!(!world.manager.disconnected(&token("a"), Some("1")));

    let late = world
        .manager
        .connected(&named("version:page"), &token("a"), None);

    assert_eq!(late, Err(Refused::Gone));
    assert!(world.manager.is_empty());
    assert_eq!(world.active(), 0);
}

#[test]
fn a_disconnect_told_twice_counts_once() {
    let world = world();
    world.connect("task:t", "a");
    assert!(world.manager.disconnected(&token("a"), Some("1")));
    assert!(!world.manager.disconnected(&token("a"), Some("1")));
    assert_eq!(world.active(), 0);
    assert_eq!(
        (world.connections("disconnect"), world.connections("stale")),
        (1, 1)
    );
}

#[test]
fn figures_show_before_anything_happened() {
    let world = world();
    for action in [
        "connect",
        "disconnect",
        "replace",
        "refuse",
        "purge",
        "reconcile",
        "stale",
    ] {
        assert_eq!(world.connections(action), 0);
    }
    for status in ["success", "error", "gone", "no_connection"] {
        assert_eq!(world.events(status), 0);
    }
    assert_eq!(world.figures().calls(), 0);
}
