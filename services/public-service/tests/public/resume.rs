//! Coming back with the id of the last event: only what was missed, or the whole
//! state where nobody can tell any more.

use demo_world::Fault;
use serde_json::json;
use test_kit::SseClient;

use crate::pace::Pace;
use crate::world::World;

const UNITS: [(&str, &str); 8] = [
    ("A101", "available"),
    ("A102", "hold"),
    ("A103", "sold"),
    // So many that the whole state is longer than a few changes of it.
    ("B101", "sold"),
    ("B102", "sold"),
    ("B103", "sold"),
    ("B104", "sold"),
    ("B105", "sold"),
];

/// A quick world with one project, and the id of its first state.
async fn tower(ring: usize) -> (World, demo_world::ProjectHandle, String) {
    let world = World::with(|settings| {
        Pace::quick(settings);
        settings.stream.replay_ring = ring;
    })
    .await;
    let tower = world
        .project_with("tower", &UNITS, |row| row.interval(300))
        .await;
    let mut stream = world.stream("tower").await;
    let id = stream.skip_to("status_update").await.id.unwrap();
    (world, tower, id)
}

/// A stream that comes back behind `id`, past its `connected`.
async fn back(world: &World, id: &str) -> SseClient {
    let mut stream = world
        .stream_with("tower", "", &[("last-event-id", id)])
        .await;
    stream.expect("connected").await;
    stream
}

#[tokio::test]
async fn who_comes_back_is_told_what_changed_in_one_event() {
    let (world, tower, id) = tower(256).await;
    let mut pace = Pace::new(&world, "tower", tower);
    pace.set("A101", "hold").await;
    pace.set("A104", "free").await;
    pace.remove("A102").await;
    pace.set("A101", "sold").await;
    let now = world.status("tower").await.json();

    let mut stream = back(&world, &id).await;

    let missed = stream.expect("bulk_update").await;
    let data = missed.json();
    assert_eq!(
        data["updates"],
        json!({"A101": "sold", "A104": "available"})
    );
    assert_eq!(data["removed"], json!(["A102"]));
    assert_eq!(json!(missed.id), now["version"]);
    pace.set("A103", "free").await;
    let next = stream.expect("bulk_update").await.json();
    assert_eq!(next["updates"], json!({"A103": "available"}));
    assert_eq!(
        world.count("public_resumes_total{result=\"delta\"}").await,
        1
    );
    world.shutdown().await;
}

#[tokio::test]
async fn who_missed_nothing_is_told_nothing() {
    let (world, tower, id) = tower(256).await;

    let mut stream = back(&world, &id).await;

    let mut pace = Pace::new(&world, "tower", tower);
    pace.set("A101", "sold").await;
    let next = stream.expect("bulk_update").await.json();
    assert_eq!(next["updates"], json!({"A101": "sold"}));
    world.shutdown().await;
}

#[tokio::test]
async fn changes_that_cancel_out_are_not_told() {
    let (world, tower, id) = tower(256).await;
    let mut pace = Pace::new(&world, "tower", tower);
    pace.set("A104", "free").await;
    pace.remove("A104").await;

    let mut stream = back(&world, &id).await;

    // A removal of something never seen may be told; a unit that is gone may not.
    pace.set("A101", "sold").await;
    let mut told = stream.expect("bulk_update").await.json();
    if told["updates"] == json!({}) {
        told = stream.expect("bulk_update").await.json();
    }
    assert_eq!(told["updates"], json!({"A101": "sold"}));
    world.shutdown().await;
}

#[tokio::test]
async fn the_id_may_stand_in_the_query_and_the_header_wins() {
    let (world, tower, id) = tower(256).await;
    let mut pace = Pace::new(&world, "tower", tower);
    pace.set("A101", "sold").await;
    let now = world.status("tower").await.json();
    let now = now["version"].as_str().unwrap();

    let query = format!("?last_event_id={id}");
    let mut by_query = world.stream_with("tower", &query, &[]).await;
    by_query.expect("connected").await;
    let missed = by_query.expect("bulk_update").await.json();
    assert_eq!(missed["updates"], json!({"A101": "sold"}));

    // The header says that nothing was missed, whatever the query says.
    let mut by_header = world
        .stream_with("tower", &query, &[("last-event-id", now)])
        .await;
    by_header.expect("connected").await;
    let mut empty_header = world
        .stream_with("tower", &query, &[("last-event-id", "")])
        .await;
    empty_header.expect("connected").await;
    empty_header.expect("bulk_update").await;

    pace.set("A102", "sold").await;
    for mut stream in [by_query, by_header, empty_header] {
        let next = stream.expect("bulk_update").await.json();
        assert_eq!(next["updates"], json!({"A102": "sold"}));
    }
    world.shutdown().await;
}

#[tokio::test]
async fn an_id_that_is_none_of_ours_brings_the_whole_state() {
    let (world, _tower, id) = tower(256).await;
    let (epoch, step) = id.rsplit_once('-').unwrap();
    let step: u64 = step.parse().unwrap();
    let long = "9".repeat(6_000);
    let ids = [
        "000000000000-1".to_owned(),
        "garbage".to_owned(),
        "-1".to_owned(),
        epoch.to_owned(),
        format!("{epoch}-"),
        format!("{epoch}-{}", step + 1),
        format!("{epoch}--1"),
        format!("{epoch}-{}0", u64::MAX),
        format!("{epoch}-{step}x"),
        format!("x{id}"),
        format!("{epoch}-{long}"),
        "Zoë".to_owned(),
    ];
    for id in &ids {
        let mut stream = back(&world, id).await;
        let whole = stream.expect("status_update").await.json();
        assert_eq!(whole["statuses"].as_object().unwrap().len(), 8, "{id}");
    }
    let snapshots = world
        .count("public_resumes_total{result=\"snapshot\"}")
        .await;
    assert!(snapshots >= 12, "{snapshots}");
    world.shutdown().await;
}

#[tokio::test]
async fn an_id_that_the_ring_no_longer_reaches_brings_the_whole_state() {
    let (world, tower, id) = tower(2).await;
    let mut pace = Pace::new(&world, "tower", tower);
    for unit in ["A101", "A102"] {
        pace.set(unit, "free").await;
        pace.set(unit, "sold").await;
    }
    let mut stream = back(&world, &id).await;
    let whole = stream.expect("status_update").await.json();
    assert_eq!(whole["statuses"]["A102"], "sold");
    world.shutdown().await;
}

#[tokio::test]
async fn a_change_of_state_while_away_is_told_and_no_unit() {
    let (world, tower, id) = tower(256).await;
    tower.set_fault(Fault::status(503));
    let answer = world.refresh("tower").await.json();
    assert_eq!(answer["refreshed"], false);

    let mut stream = back(&world, &id).await;
    let stale = stream.expect("state").await.json();
    assert_eq!(stale["state"], "stale");
    drop(stream);

    // Away again while the source comes back with a change.
    tower.clear_fault().set("A101", "sold");
    assert_eq!(world.refresh("tower").await.json()["refreshed"], true);
    let mut stream = back(&world, &id).await;
    // A refresh brings everyone the whole state, those who were away too.
    let missed = stream.expect("status_update").await.json();
    assert_eq!(missed["statuses"]["A101"], "sold");
    assert_eq!(stream.expect("state").await.json()["state"], "live");
    world.shutdown().await;
}

#[tokio::test]
async fn a_viewer_of_full_updates_resumes_with_one() {
    let (world, tower, id) = tower(256).await;
    let mut pace = Pace::new(&world, "tower", tower);
    pace.set("A101", "sold").await;
    let headers = [("last-event-id", id.as_str())];
    let mut stream = world.stream_with("tower", "?mode=full", &headers).await;
    stream.expect("connected").await;
    let whole = stream.expect("status_update").await.json();
    assert_eq!(whole["statuses"].as_object().unwrap().len(), 8);
    assert_eq!(whole["statuses"]["A101"], "sold");
    world.shutdown().await;
}

#[tokio::test]
async fn actix_resumes_as_our_writer_does() {
    let (world, tower, id) = tower(256).await;
    let mut pace = Pace::new(&world, "tower", tower);
    pace.set("A101", "sold").await;
    let path = "/api/public/tower/status/stream";
    for request in [
        format!("GET {path} HTTP/1.0\r\nHost: x\r\nLast-Event-ID: {id}\r\n\r\n"),
        format!("GET {path}?last_event_id={id} HTTP/1.0\r\nHost: x\r\n\r\n"),
        format!("GET {path}?last_event_id=no-1 HTTP/1.0\r\nHost: x\r\nLast-Event-ID: {id}\r\n\r\n"),
    ] {
        let connection = tokio::net::TcpStream::connect(world.address).await.unwrap();
        let mut stream = SseClient::on(connection, request.as_bytes()).await;
        stream.expect("connected").await;
        let missed = stream.expect("bulk_update").await.json();
        assert_eq!(missed["updates"], json!({"A101": "sold"}));
    }
    world.shutdown().await;
}
