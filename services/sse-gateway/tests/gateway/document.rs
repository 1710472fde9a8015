//! The events of the gateway's own as docs/API.md has them, each with all its members.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sse_gateway::settings::{EventFormat, RejectMode};
use test_kit::{Received, SseClient, quoted};

use crate::backend::Act;
use crate::connect::open_with;
use crate::world::World;

const API: &str = include_str!("../../../../docs/API.md");

/// The members by event, as the table of these events has them.
fn promised() -> BTreeMap<String, BTreeSet<String>> {
    let (_, part) = API
        .split_once(
            "\nEvents of the gateway's own; all others are the backend's, as they were sent:\n\n",
        )
        .unwrap();
    let rows = part.lines().take_while(|line| line.starts_with('|'));
    let rows = rows.filter(|line| line.starts_with("| `")).map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let name = quoted(cells[0]).remove(0);
        (name, quoted(cells[2]).into_iter().collect())
    });
    rows.collect()
}

fn member_names(event: &Received) -> BTreeSet<String> {
    let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
    let members = data.as_object().into_iter().flatten();
    members.map(|(name, _)| name.clone()).collect()
}

#[tokio::test]
async fn every_event_of_the_gateway_s_own_is_as_the_document_says() {
    let mut seen = BTreeMap::new();
    let world = World::with(|settings| {
        settings.stream.event_format = EventFormat::Envelope;
        settings.stream.reject_mode = RejectMode::Stream;
    })
    .await;
    world.backend.on_connect(Act::status(403));
    let mut rejected = SseClient::connect(&world.url("/s"), &[]).await;
    let mut events = rejected.read_to_end().await;
    let named = json!({"event": {"name": "hi", "data": "{\"a\": 1}"}, "close": true});
    world.backend.on_connect(open_with(&named));
    let mut stream = SseClient::connect(&world.url("/s"), &[]).await;
    events.extend(stream.read_to_end().await);
    for event in events {
        seen.insert(event.event.clone(), member_names(&event));
    }
    assert_eq!(seen, promised());
    world.shutdown().await;
}
