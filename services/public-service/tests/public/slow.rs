//! Readers that cannot keep up: they get less and end with the same; those that
//! take nothing are let go of; nobody else notices.

use std::time::Duration;

use demo_world::ProjectHandle;
use public_service::settings::Settings;
use serde_json::json;
use test_kit::{PATIENCE, SseClient, wait_until};

use crate::board::Board;
use crate::pace::Pace;
use crate::raw::narrow;
use crate::world::World;

const UNITS: usize = 3_000;
const NARROW: u32 = 4096;
const PATH: &str = "/api/public/tower/status/stream";
/// Our writer serves this one, actix that one.
const GETS: [&str; 2] = ["HTTP/1.1", "HTTP/1.0"];

/// A service with a board of 3,000 units, and the way to change it.
async fn board(change: impl FnOnce(&mut Settings)) -> (World, ProjectHandle) {
    let world = World::with(|settings| {
        Pace::quick(settings);
        change(settings);
    })
    .await;
    let tower = world
        .project_with("tower", &[], |row| row.interval(300))
        .await;
    tower.set_units((0..UNITS).map(|n| (unit(n), "available")));
    (world, tower)
}

fn unit(n: usize) -> String {
    format!("unit-{n:04}")
}

/// A third of the board changes with each turn.
async fn turn(pace: &mut Pace<'_>, tower: &ProjectHandle, turn: usize) {
    let word = ["sold", "hold", "free"][turn / 3 % 3];
    let mut units = tower.units();
    for (_, status) in units.iter_mut().skip(turn % 3).step_by(3) {
        word.clone_into(status);
    }
    tower.set_units(units);
    pace.publish().await;
}

async fn slow_reader(world: &World, version: &str) -> SseClient {
    let connection = narrow(world.address, NARROW).await;
    let request = format!("GET {PATH} {version}\r\nHost: x\r\n\r\n");
    SseClient::on(connection, request.as_bytes()).await
}

/// Applies what has arrived already.
fn take_all(stream: &mut SseClient, board: &mut Board) {
    for event in stream.drain() {
        board.take(&event);
    }
}

/// Reads until the board is of this version.
async fn catch_up(stream: &mut SseClient, board: &mut Board, version: &str) {
    while board.version != version {
        board.take(&stream.next_event().await);
    }
}

async fn a_slow_reader_gets_less_and_ends_with_the_same(version: &str, deadline: Duration) {
    let (world, tower) = board(|settings| {
        settings.stream.write_deadline_seconds = deadline;
    })
    .await;
    let mut pace = Pace::new(&world, "tower", tower.clone());
    let mut fast = world.stream("tower").await;
    let (mut at_once, mut late) = (Board::default(), Board::default());
    let mut slow = slow_reader(&world, version).await;
    at_once.take(&fast.next_event().await);
    at_once.take(&fast.next_event().await);

    for n in 0..200 {
        turn(&mut pace, &tower, n).await;
        let change = fast.expect("bulk_update").await;
        at_once.take(&change);
        slow.read_some(8 * 1024).await;
        take_all(&mut slow, &mut late);
    }
    catch_up(&mut slow, &mut late, &at_once.version).await;

    assert_eq!(late.units, at_once.units);
    assert_eq!(
        json!(late.units),
        world.status("tower").await.json()["statuses"]
    );
    let (sent, published) = (slow.raw_bytes().len(), fast.raw_bytes().len());
    assert!(sent < published / 2, "{sent} of {published} bytes");
    assert!(world.count("public_folds_total").await >= 1);
    drop((fast, slow));
    world.shutdown().await;
}

#[tokio::test]
async fn a_slow_reader_of_our_writer_gets_less_and_ends_with_the_same() {
    // Much longer than the deadline in all, and never without taking something in it.
    a_slow_reader_gets_less_and_ends_with_the_same(GETS[0], Duration::from_secs(2)).await;
}

#[tokio::test]
async fn a_slow_reader_of_actix_gets_less_and_ends_with_the_same() {
    // With so narrow a window Linux counts TCP_USER_TIMEOUT from the first time that it
    // closed, whatever was read since; our writer minds that, actix cannot.
    a_slow_reader_gets_less_and_ends_with_the_same(GETS[1], Duration::from_hours(1)).await;
}

/// Publishes until the reader's connection is full, and returns when it is let go of.
async fn a_reader_that_takes_nothing_is_let_go_of(version: &str) {
    let (world, tower) = board(|settings| {
        settings.stream.write_deadline_seconds = Duration::from_millis(500);
    })
    .await;
    let mut pace = Pace::new(&world, "tower", tower.clone());
    let mut fast = world.stream("tower").await;
    let mut known = Board::default();
    let mut dead = slow_reader(&world, version).await;
    world.streams_are(2).await;
    known.take(&fast.next_event().await);
    known.take(&fast.next_event().await);

    for n in 0..30 {
        turn(&mut pace, &tower, n).await;
        known.take(&fast.expect("bulk_update").await);
    }
    wait_until("the dead reader is gone", PATIENCE, async || {
        world.ops_status().await["streams"] == 1
    })
    .await;

    // The others go on as if it had never been there.
    turn(&mut pace, &tower, 30).await;
    known.take(&fast.expect("bulk_update").await);
    assert_eq!(
        json!(known.units),
        world.status("tower").await.json()["statuses"]
    );
    // What it finds when it wakes up is a cut stream, not a finished one.
    let told = dead.read_to_end().await.len();
    assert!(told < 31, "{told} events of 33");
    drop((fast, dead));
    world.shutdown().await;
}

#[tokio::test]
async fn a_reader_of_our_writer_that_takes_nothing_is_let_go_of() {
    a_reader_that_takes_nothing_is_let_go_of(GETS[0]).await;
}

#[tokio::test]
async fn a_reader_of_actix_that_takes_nothing_is_let_go_of() {
    a_reader_that_takes_nothing_is_let_go_of(GETS[1]).await;
}

#[tokio::test]
async fn a_reader_that_takes_nothing_does_not_turn_the_end_into_a_failure() {
    let (world, tower) = board(|settings| {
        settings.shutdown.shutdown_seconds = Some(Duration::from_secs(5));
    })
    .await;
    let mut pace = Pace::new(&world, "tower", tower.clone());
    let mut fast = world.stream("tower").await;
    fast.skip_to("status_update").await;
    let mut dead = Vec::new();
    for version in GETS {
        dead.push(slow_reader(&world, version).await);
    }
    for n in 0..15 {
        turn(&mut pace, &tower, n).await;
        fast.expect("bulk_update").await;
    }
    world.streams_are(3).await;
    world.shutdown().await;
    assert_eq!(fast.expect("closed").await.json()["reason"], "draining");
}

#[tokio::test]
async fn the_reason_is_counted_whoever_holds_what_is_not_taken() {
    let (world, tower) = board(|settings| {
        settings.stream.write_deadline_seconds = Duration::from_millis(300);
    })
    .await;
    let counted = "public_streams_closed_total{reason=\"write_deadline\"}";
    // A few frames fit into the kernel's buffer: only the kernel knows that nobody takes them.
    tower.set_units((0..1_000).map(|n| (unit(n), "available")));
    let little = slow_reader(&world, GETS[0]).await;
    world.count_reaches(counted, 1).await;

    // Many do not: we know as well, and either may be first.
    tower.set_units((0..UNITS).map(|n| (unit(n), "available")));
    let mut pace = Pace::new(&world, "tower", tower.clone());
    let much = slow_reader(&world, GETS[0]).await;
    let mut watching = world.stream("tower").await;
    watching.skip_to("status_update").await;
    for n in 0..30 {
        turn(&mut pace, &tower, n).await;
        watching.skip_to("bulk_update").await;
    }
    world.count_reaches(counted, 2).await;

    let gone = "public_streams_closed_total{reason=\"client_gone\"}";
    assert_eq!(world.count(gone).await, 0);
    drop((little, much, watching));
    world.shutdown().await;
}
