//! /openapi.json of the ops listener says what is answered: every status, and the shape of every body and event.

use std::collections::BTreeSet;
use std::time::Duration;

use demo_world::ProjectHandle;
use test_kit::{
    Answer, Contract, SseClient, http_get, http_request, judge_committed, quoted, table_rows,
};

use crate::world::World;

const API: &str = include_str!("../../../../docs/API.md");
const COMMITTED: &str = include_str!("../../../../docs/openapi/public-service.json");
const UNITS: [(&str, &str); 2] = [("A101", "sold"), ("A102", "free")];

async fn contract(world: &World) -> Contract {
    let served = http_get(&world.ops_url("/openapi.json"), &[]).await;
    assert_eq!(served.header("content-type"), Some("application/json"));
    Contract::new(served.json())
}

#[tokio::test]
async fn the_committed_contract_is_the_one_that_is_served() {
    let world = World::start().await;
    let served = http_get(&world.ops_url("/openapi.json"), &[]).await;
    judge_committed("public-service", COMMITTED, served.text());
    let public = http_get(&world.url("/openapi.json"), &[]).await;
    assert_eq!(
        public.status(),
        404,
        "the contract is for who runs the service"
    );
    world.shutdown().await;
}

#[tokio::test]
async fn the_contract_names_the_routes_and_no_others() {
    const OPS: [&str; 5] = [
        "/metrics",
        "/health/live",
        "/health/ready",
        "/status",
        "/openapi.json",
    ];
    let world = World::start().await;
    let told = table_rows(API, "## Endpoints").map(|cells| quoted(cells[0]).remove(0));
    let told = told.filter_map(|route| {
        let (method, path) = route.split_once(' ')?;
        (!OPS.contains(&path)).then(|| format!("{} {path}", method.to_lowercase()))
    });
    let told: BTreeSet<String> = told.collect();
    assert_eq!(contract(&world).await.operations(), told, "docs/API.md");
    world.shutdown().await;
}

/// What the contract has about the status of `slug`, under both names, asked and judged.
async fn judge_all(contract: &Contract, world: &World, slug: &str, has_seat: bool) {
    for prefix in ["/api/public/{slug}/status", "/api/status/{slug}"] {
        for (method, rest) in [
            ("GET", ""),
            ("HEAD", ""),
            ("POST", "/refresh"),
            ("HEAD", "/stream"),
            ("GET", "/stream"),
            ("GET", "/stream?mode=odd"),
        ] {
            let path = format!("{}{rest}", prefix.replace("{slug}", slug));
            let template = format!("{prefix}{}", rest.split('?').next().unwrap_or_default());
            let answer = if has_seat && (method, rest) == ("GET", "/stream") {
                begin(world, &world.url(&path)).await
            } else {
                http_request(method, &world.url(&path), &[], b"").await
            };
            contract.judge(method, &template, &answer);
        }
    }
}

/// The head of a stream, which has no end to wait for.
async fn begin(world: &World, url: &str) -> Answer {
    let stream = SseClient::connect(url, &[]).await;
    let (head, body) = (stream.head().clone(), Vec::new());
    stream.close();
    world.streams_are(0).await;
    Answer { head, body }
}

async fn judge_pages(contract: &Contract, world: &World) {
    for (path, template) in [
        ("/", "/"),
        ("/viewer-index.json", "/viewer-index.json"),
        ("/viewer/tower", "/viewer/{slug}"),
        ("/viewer-assets/viewer.js", "/viewer-assets/{name}"),
        ("/viewer-assets/viewer.css", "/viewer-assets/{name}"),
        ("/viewer-assets/other", "/viewer-assets/{name}"),
    ] {
        let answer = http_get(&world.url(path), &[]).await;
        contract.judge("GET", template, &answer);
    }
}

#[tokio::test]
async fn every_answer_is_as_the_contract_says_and_whatever_it_says_is_answered() {
    let (world, proxy) = World::with_cuttable_database(|settings, _| {
        settings.page.viewer_index = true;
        settings.limit.refresh_min_seconds = Duration::ZERO;
        settings.limit.refresh_per_minute = 3;
        settings.limit.max_streams_per_ip = 1;
    })
    .await;
    world.project("tower", &UNITS).await;
    let contract = contract(&world).await;
    judge_pages(&contract, &world).await;
    judge_all(&contract, &world, "tower", true).await;
    judge_all(&contract, &world, "nobody", false).await;
    let only = world.stream("tower").await;
    world.refresh("tower").await;
    judge_all(&contract, &world, "tower", false).await;
    only.close();
    proxy.cut();
    judge_all(&contract, &world, "unknown", false).await;
    judge_pages(&contract, &world).await;
    proxy.restore();
    let plain = World::start().await;
    judge_pages(&contract, &plain).await;
    let unseen = contract.unseen();
    // What nobody foresaw cannot be brought about.
    let missing = unseen.iter().filter(|it| !it.ends_with(" 500"));
    assert_eq!(missing.count(), 0, "promised and never seen: {unseen:?}");
    plain.shutdown().await;
    world.shutdown().await;
}

/// The rows of the tables of the stream: those of events have four cells, those of members two.
fn rows(cells: usize) -> impl Iterator<Item = Vec<&'static str>> {
    table_rows(API, "## Stream").filter(move |row| row.len() == cells)
}

#[tokio::test]
async fn the_events_of_the_document_are_those_of_the_contract_with_all_their_members() {
    let world = World::start().await;
    let contract = contract(&world).await;
    let mut told = BTreeSet::new();
    let mut all = BTreeSet::new();
    for row in rows(4) {
        let name = quoted(row[0]).remove(0);
        let members: BTreeSet<String> = quoted(row[2]).into_iter().collect();
        let described = contract.members(&format!("event.{name}"));
        assert_eq!(
            members,
            described.into_iter().map(str::to_owned).collect(),
            "{name}"
        );
        all.extend(members);
        told.insert(name);
    }
    let described = contract.schemas("event.");
    assert_eq!(told, described.into_iter().map(str::to_owned).collect());
    let explained: BTreeSet<String> = rows(2).map(|row| quoted(row[0]).remove(0)).collect();
    assert_eq!(explained, all);
    world.shutdown().await;
}

/// Makes every event but the first and the last come.
fn change(client_api: &ProjectHandle, turn: usize) {
    match turn % 3 {
        0 => client_api.set_units([("A101", "free")]),
        1 => client_api.set_units(UNITS),
        _ => client_api.set_fault(demo_world::Fault::status(500)),
    };
}

#[tokio::test]
async fn every_event_of_a_stream_is_as_the_contract_says() {
    let world = World::with(|settings| {
        settings.stream.ping_seconds = Duration::from_millis(50);
    })
    .await;
    let contract = contract(&world).await;
    let client_api = world.project("tower", &UNITS).await;
    let mut stream = world.stream("tower").await;
    let mut seen = BTreeSet::new();
    let mut turn = 0;
    while let Some(event) = stream.next_or_end().await {
        contract.judge_value(&format!("event.{}", event.event), &event.json());
        let named = rows(4).find(|row| quoted(row[0]) == [event.event.as_str()]);
        let has_id = named.is_some_and(|row| row[3] == "yes");
        assert_eq!(event.id.is_some(), has_id, "{event:?}");
        match event.event.as_str() {
            "status_update" | "bulk_update" if turn < 3 => {
                change(&client_api, turn);
                turn += 1;
            }
            "ping" if seen.contains("state") && seen.contains("bulk_update") => {
                world.database.delete_project("tower").await;
            }
            _ => {}
        }
        seen.insert(event.event);
    }
    let all = contract.schemas("event.").into_iter().map(str::to_owned);
    assert_eq!(seen, all.collect());
    world.shutdown().await;
}
