//! The streams as docs/API.md has them: each event with all its members, and no member that is not told.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use test_kit::{Received, SseClient, quoted};

use crate::live::Live;

const API: &str = include_str!("../../../../docs/API.md");

type Members = BTreeMap<String, BTreeSet<String>>;

/// The members that the tables under a heading promise, by the name in the first cell.
fn promised(heading: &str) -> Members {
    let (_, part) = API.split_once(&format!("\n### {heading}\n")).unwrap();
    let lines = part.lines().take_while(|line| !line.starts_with('#'));
    let rows = lines.filter(|line| line.starts_with("| `") && !line.starts_with("| `event_type` "));
    let rows = rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let names = quoted(cells[cells.len() - 1]).into_iter();
        // What is in quotes too is a value.
        let names = names.filter(|name| !name.starts_with('"'));
        (quoted(cells[0]).remove(0), names.collect())
    });
    rows.collect()
}

fn note(found: &mut Members, name: &str, value: &Value) {
    let members = value.as_object().unwrap().keys().cloned();
    found.entry(name.to_owned()).or_default().extend(members);
}

/// What was received, by name; of task events also their inner data, by their type.
fn received(events: &[Received]) -> Members {
    let mut found = Members::new();
    for event in events {
        let data = event.json();
        note(&mut found, &event.event, &data);
        if let Some(kind) = data["event_type"].as_str() {
            note(&mut found, kind, &data["data"]);
        }
    }
    found
}

/// What is promised but for the first event, which `Live::open` has judged.
fn promised_behind_the_first(heading: &str) -> Members {
    let mut promised = promised(heading);
    let first = promised.remove("connection_open");
    assert_eq!(first, Some(BTreeSet::from(["status".to_owned()])));
    promised
}

/// Reads on until one is like this.
async fn read(stream: &mut SseClient, events: &mut Vec<Received>, like: impl Fn(&Value) -> bool) {
    loop {
        let event = stream.next_event().await;
        let found = like(&event.json());
        events.push(event);
        if found {
            return;
        }
    }
}

#[tokio::test]
async fn every_event_of_the_task_stream_is_as_the_document_says() {
    let live = Live::start().await;
    let unknown = "/api/sse/tasks?task_id=5b0c1c43-6d4a-4d22-9b1e-000000000000";
    let mut events = live.open(unknown).await.read_to_end().await;
    for state in ["success", "error"] {
        let run = live.world.request().await;
        let mut stream = live.watch(run).await;
        read(&mut stream, &mut events, |it| {
            it["event_type"] == "progress_update"
        })
        .await;
        live.claim(run).await;
        read(&mut stream, &mut events, |it| {
            it["event_type"] == "task_started"
        })
        .await;
        live.end(run, state).await;
        events.extend(stream.read_to_end().await);
    }
    assert_eq!(received(&events), promised_behind_the_first("Task stream"));
    live.shutdown().await;
}

#[tokio::test]
async fn every_event_of_the_version_stream_is_as_the_document_says() {
    let live = Live::start().await;
    let path = "/api/sse/utils/version?request_id=page-1";
    let mut page = live.open(path).await;
    let mut events = Vec::new();
    read(&mut page, &mut events, |it| it["version"].is_string()).await;
    let news = json!({"version": "2.0.0", "changelog": "all new"});
    live.world.post("/api/deployments/version", &news).await;
    read(&mut page, &mut events, |it| it["changelog"].is_string()).await;
    let newer = live.open(path).await;
    events.extend(page.read_to_end().await);
    assert_eq!(
        received(&events),
        promised_behind_the_first("Version stream")
    );
    newer.close();
    live.shutdown().await;
}
