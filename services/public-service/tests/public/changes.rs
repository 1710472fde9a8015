//! What open streams are told: changes, changes of state, signs of life, and
//! the whole state where it was asked for.

use std::time::Duration;

use demo_world::Fault;
use serde_json::{Value, json};
use service_kit::clock::Clock;
use test_kit::{PATIENCE, ProjectRow, SseClient, wait_until};
use tokio::task::JoinSet;

use crate::answers::{members, time};
use crate::board::{Board, step};
use crate::pace::Pace;
use crate::raw::Raw;
use crate::world::World;

const UNITS: [(&str, &str); 3] = [("A101", "available"), ("A102", "hold"), ("A103", "sold")];

/// A stream that has been told the whole state, with that state's data.
async fn settled(world: &World, query: &str) -> (SseClient, Value) {
    let mut stream = world.stream_with("tower", query, &[]).await;
    stream.expect("connected").await;
    let whole = stream.expect("status_update").await.json();
    (stream, whole)
}

#[tokio::test]
async fn a_change_brings_only_what_changed_under_a_later_id() {
    let world = World::start().await;
    let tower = world.project("tower", &UNITS).await;
    let (mut stream, whole) = settled(&world, "").await;

    tower.set("A101", "sold").set("A104", "free");
    let change = stream.expect("bulk_update").await;

    let data = change.json();
    assert_eq!(
        data["updates"],
        json!({"A101": "sold", "A104": "available"})
    );
    assert_eq!(members(&data), ["as_of", "updates", "version"].into());
    assert_eq!(data["version"], change.id.unwrap());
    assert!(time(&data["as_of"]) > time(&whole["as_of"]));
    assert!(step(&data) > step(&whole));
    world.shutdown().await;
}

#[tokio::test]
async fn units_that_vanish_are_named() {
    let world = World::start().await;
    let tower = world.project("tower", &UNITS).await;
    let (mut stream, _) = settled(&world, "").await;

    tower.remove("A102");
    let change = stream.expect("bulk_update").await.json();

    assert_eq!(change["removed"], json!(["A102"]));
    assert_eq!(change["updates"], json!({}));
    let (_, whole) = settled(&world, "").await;
    assert_eq!(
        whole["statuses"],
        json!({"A101": "available", "A103": "sold"})
    );
    world.shutdown().await;
}

#[tokio::test]
async fn a_viewer_that_only_knows_full_updates_gets_one_for_each_change() {
    let world = World::start().await;
    let tower = world.project("tower", &UNITS).await;
    let (mut changes, _) = settled(&world, "").await;
    let (mut full, _) = settled(&world, "?mode=full").await;

    tower.set("A101", "sold").remove("A102");
    let change = changes.expect("bulk_update").await;
    let whole = full.expect("status_update").await;

    assert_eq!(whole.id, change.id);
    let data = whole.json();
    assert_eq!(data["statuses"], json!({"A101": "sold", "A103": "sold"}));
    assert_eq!(
        members(&data),
        ["as_of", "state", "statuses", "version"].into()
    );
    assert_eq!(data["as_of"], change.json()["as_of"]);
    world.shutdown().await;
}

#[tokio::test]
async fn viewers_are_told_when_data_turns_stale_and_when_it_lives_again() {
    let world = World::start().await;
    let tower = world.project("tower", &UNITS).await;
    let (mut stream, whole) = settled(&world, "").await;
    let (mut full, _) = settled(&world, "?mode=full").await;

    tower.set_fault(Fault::status(500));
    let stale = stream.expect("state").await;
    assert_eq!(stale.id, None, "a state moves no viewer");
    let stale = stale.json();
    assert_eq!(members(&stale), ["as_of", "since", "state"].into());
    assert_eq!(stale["state"], "stale");
    assert!(time(&stale["as_of"]) >= time(&whole["as_of"]));
    assert!(time(&stale["since"]) > time(&stale["as_of"]));
    assert_eq!(full.expect("state").await.json(), stale);
    let shown = world.status("tower").await.json();
    assert_eq!(
        (&shown["state"], &shown["as_of"]),
        (&stale["state"], &stale["as_of"])
    );
    assert_eq!(
        shown["statuses"], whole["statuses"],
        "the last good data stays"
    );

    tower.clear_fault();
    let live = stream.expect("state").await.json();
    assert_eq!(live["state"], "live");
    assert!(time(&live["as_of"]) > time(&stale["since"]));
    assert_eq!(full.expect("state").await.json(), live);
    world.shutdown().await;
}

#[tokio::test]
async fn data_that_comes_back_changed_brings_the_change_before_the_state() {
    let world = World::start().await;
    let tower = world.project("tower", &UNITS).await;
    let (mut stream, _) = settled(&world, "").await;
    let (mut full, _) = settled(&world, "?mode=full").await;

    tower.set_fault(Fault::Reset);
    stream.expect("state").await;
    full.expect("state").await;
    tower.set("A101", "sold").clear_fault();

    let change = stream.expect("bulk_update").await.json();
    assert_eq!(change["updates"], json!({"A101": "sold"}));
    assert_eq!(stream.expect("state").await.json()["state"], "live");
    let whole = full.expect("status_update").await.json();
    assert_eq!(whole["statuses"]["A101"], "sold");
    assert_eq!(full.expect("state").await.json()["state"], "live");
    world.shutdown().await;
}

#[tokio::test]
async fn silence_is_broken_by_pings_with_the_time_of_day() {
    let world = World::with(|settings| {
        settings.stream.ping_seconds = Duration::from_millis(50);
    })
    .await;
    world.project("tower", &UNITS).await;
    let before = Clock::system().now().timestamp();
    let (mut stream, whole) = settled(&world, "").await;

    for _ in 0..3 {
        let ping = stream.expect("ping").await;
        assert_eq!(ping.id, None);
        let data = ping.json();
        assert_eq!(members(&data), ["as_of", "state", "time"].into());
        assert_eq!(data["state"], "live");
        assert!(time(&data["as_of"]) >= time(&whole["as_of"]));
        let now = Clock::system().now().timestamp();
        assert!((before..=now).contains(&data["time"].as_i64().unwrap()));
    }
    world.shutdown().await;
}

#[tokio::test]
async fn a_stream_that_waits_for_its_first_data_is_kept_alive_too() {
    let world = World::with(|settings| {
        settings.stream.ping_seconds = Duration::from_millis(50);
    })
    .await;
    let tower = world.project("tower", &UNITS).await;
    let gate = tower.hold();
    let mut stream = world.stream("tower").await;
    stream.expect("connected").await;

    let ping = stream.expect("ping").await.json();

    assert_eq!(
        (&ping["state"], &ping["as_of"]),
        (&json!("unknown"), &Value::Null)
    );
    gate.release();
    stream.skip_to("status_update").await;
    world.shutdown().await;
}

#[tokio::test]
async fn a_forced_refresh_sends_everyone_the_whole_state_even_if_nothing_changed() {
    let world = World::start().await;
    world
        .project_with("tower", &UNITS, |row| row.interval(300))
        .await;
    let mut streams = Vec::new();
    for query in ["", "", "?mode=full"] {
        streams.push(settled(&world, query).await);
    }

    let answer = world.refresh("tower").await.json();

    assert_eq!(answer["refreshed"], true);
    for (stream, before) in &mut streams {
        let whole = stream.expect("status_update").await.json();
        assert_eq!(whole["statuses"], before["statuses"]);
        assert_eq!(whole["version"], answer["version"]);
        assert!(time(&whole["as_of"]) > time(&before["as_of"]));
    }
    drop(streams);
    world.shutdown().await;
}

#[tokio::test]
async fn a_forced_refresh_that_finds_changes_says_them_once() {
    let world = World::start().await;
    let tower = world
        .project_with("tower", &UNITS, |row| row.interval(300))
        .await;
    let (mut stream, _) = settled(&world, "").await;

    tower.set("A101", "sold");
    world.refresh("tower").await;
    let whole = stream.expect("status_update").await.json();
    assert_eq!(whole["statuses"]["A101"], "sold");

    let mut pace = Pace::new(&world, "tower", tower);
    pace.set("A102", "free").await;
    let next = stream.expect("bulk_update").await.json();
    assert_eq!(next["updates"], json!({"A102": "available"}));
    world.shutdown().await;
}

#[tokio::test]
async fn what_the_old_source_says_after_an_edit_counts_for_nothing() {
    let world = World::with(Pace::quick).await;
    let old = world
        .project_with("tower", &UNITS, |row| row.interval(300))
        .await;
    let gate = old.hold();
    let mut stream = world.stream("tower").await;
    stream.expect("connected").await;
    old.wait_for_requests(1).await.unwrap();

    let new = world.client_api.project("new");
    new.set_units([("N1", "sold")]);
    let mut row = ProjectRow::named("tower")
        .upstream(world.client_api.base_url(), new.endpoint())
        .interval(300);
    row.update_method = Some("webhook".to_owned());
    world.database.update_project(row).await;
    wait_until("the edit is read", PATIENCE, async || {
        let told = world.ops_project("tower").await;
        told["settings_complaints"]
            .as_array()
            .is_some_and(|c| !c.is_empty())
    })
    .await;
    // Were this failure counted, the new source would be spared for ten minutes.
    old.set_fault(Fault::status(500));
    gate.release();

    let whole = stream.expect("status_update").await.json();
    assert_eq!(whole["statuses"], json!({"N1": "sold"}));
    assert_eq!(world.ops_project("tower").await["last_error"], Value::Null);
    world.shutdown().await;
}

/// A viewer that leaves and comes back, each time as browsers do, until it has
/// seen `last` sold.
async fn restless(url: String, last: String) -> Board {
    let mut board = Board::default();
    for visit in 0_usize.. {
        let id = board.version.clone();
        let resume = [("last-event-id", id.as_str())];
        let headers = if id.is_empty() { &[][..] } else { &resume };
        let mut stream = SseClient::connect(&url, headers).await;
        stream.expect("connected").await;
        for _ in 0..visit % 5 {
            board.take(&stream.next_event().await);
            if board
                .units
                .get(&last)
                .is_some_and(|status| status == "sold")
            {
                return board;
            }
        }
    }
    unreachable!("a viewer visits for ever")
}

#[tokio::test]
async fn nothing_older_ever_arrives_after_something_newer() {
    let world = World::with(Pace::quick).await;
    let tower = world
        .project_with("tower", &UNITS, |row| row.interval(300))
        .await;
    let mut pace = Pace::new(&world, "tower", tower.clone());
    let mut viewers = JoinSet::new();
    for _ in 0..8 {
        viewers.spawn(restless(world.stream_url("tower"), "LAST".to_owned()));
    }
    let mut steady = world.stream("tower").await;
    steady.expect("connected").await;
    let mut board = Board::default();

    for n in 0..60 {
        let unit = format!("B{}", n % 7);
        match n % 3 {
            0 => pace.remove(&unit).await,
            1 => pace.set(&unit, "sold").await,
            _ => pace.set(&unit, "hold").await,
        }
        if n % 20 == 0 {
            world.refresh("tower").await;
        }
    }
    pace.set("LAST", "sold").await;
    while !board.units.contains_key("LAST") {
        board.take(&steady.next_event().await);
    }

    let end = world.status("tower").await.json();
    assert_eq!(json!(board.units), end["statuses"]);
    for restless in viewers.join_all().await {
        assert_eq!(restless.units, board.units);
    }
    drop(steady);
    world.shutdown().await;
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The next frame of a stream of ours, without the framing of its chunk.
async fn frame(raw: &mut Raw) -> String {
    let size = raw.read_to("\r\n").await;
    let size = usize::from_str_radix(size.trim(), 16).unwrap();
    let chunk = raw.read_to("\n\n\r\n").await;
    let frame = chunk.strip_suffix("\r\n").unwrap();
    assert_eq!(frame.len(), size, "one frame is one chunk");
    frame.to_owned()
}

#[tokio::test]
async fn frames_are_these_to_the_byte() {
    let world = World::start().await;
    let units = [("A101", "available"), ("Zoë \"1\"\n", "hold")];
    let tower = world
        .project_with("tower", &units, |row| row.interval(300))
        .await;
    world.status("tower").await;
    let mut raw = Raw::connect(world.address).await;
    raw.send("GET /api/status/tower/stream HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    raw.head().await;

    let connected = frame(&mut raw).await;
    let retry = connected.lines().nth(1).unwrap();
    assert!(retry.starts_with("retry: "));
    assert_eq!(
        connected,
        format!("event: connected\n{retry}\ndata: {{\"project\":\"tower\"}}\n\n")
    );

    let shown = |told: Value| (text(&told["as_of"]), text(&told["version"]));
    let whole = frame(&mut raw).await;
    let (as_of, version) = shown(world.status("tower").await.json());
    assert_eq!(
        whole,
        format!(
            "id: {version}\nevent: status_update\ndata: {{\"statuses\":{{\"A101\":\"available\",\
             \"Zoë \\\"1\\\"\\n\":\"reserved\"}},\"state\":\"live\",\"as_of\":\"{as_of}\",\
             \"version\":\"{version}\"}}\n\n"
        )
    );

    let mut pace = Pace::new(&world, "tower", tower.clone());
    tower.remove("Zoë \"1\"\n");
    pace.set("A101", "sold").await;
    let bulk = frame(&mut raw).await;
    let (as_of, version) = shown(world.status("tower").await.json());
    assert_eq!(
        bulk,
        format!(
            "id: {version}\nevent: bulk_update\ndata: {{\"updates\":{{\"A101\":\"sold\"}},\
             \"removed\":[\"Zoë \\\"1\\\"\\n\"],\"as_of\":\"{as_of}\",\"version\":\"{version}\"}}\n\n"
        )
    );

    tower.set_fault(Fault::HtmlPage);
    world.refresh("tower").await;
    let state = frame(&mut raw).await;
    let since = state
        .split("\"since\":\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    assert_eq!(
        state,
        format!(
            "event: state\ndata: {{\"state\":\"stale\",\"as_of\":\"{as_of}\",\"since\":\"{since}\"}}\n\n"
        )
    );
    drop(raw);
    world.shutdown().await;
}
