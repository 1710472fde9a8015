//! A good answer without most of the units: believed when the next one agrees.

use std::time::Duration;

use demo_world::{Fault, ProjectHandle};
use serde_json::Value;
use test_kit::{PATIENCE, ProjectRow, wait_until};

use crate::status_refresh::unlimited;
use crate::world::World;

/// A project of so many units that was read once.
async fn board(world: &World, units: usize) -> ProjectHandle {
    let client_api = world.client_api.project("tower");
    client_api.set_units((0..units).map(|n| (format!("A{n:02}"), "sold")));
    let row = ProjectRow::named("tower").interval(300);
    let row = row.upstream(world.client_api.base_url(), client_api.endpoint());
    world.database.insert_project(row).await;
    assert_eq!(world.status("tower").await.json()["count"], units);
    client_api
}

fn keep(percent: u8) -> Fault {
    Fault::Vanishing {
        keep_percent: percent,
    }
}

async fn refresh(world: &World) -> (Value, Value, Value) {
    let body = world.refresh("tower").await.json();
    let member = |name: &str| body[name].clone();
    (member("refreshed"), member("state"), member("count"))
}

#[tokio::test]
async fn most_units_gone_is_doubted_once_and_believed_when_the_next_answer_agrees() {
    let world = World::with(unlimited).await;
    let client_api = board(&world, 12).await;
    client_api.set_fault(keep(25));

    assert_eq!(
        refresh(&world).await,
        (false.into(), "stale".into(), 12.into())
    );
    let shown = world.ops_project("tower").await;
    assert!(
        shown["last_error"].to_string().contains("vanished"),
        "{shown}"
    );
    assert_eq!(shown["upstream"]["failures"], 0, "a doubt is no failure");
    assert_eq!(
        refresh(&world).await,
        (true.into(), "live".into(), 3.into())
    );
    assert_eq!(world.ops_project("tower").await["last_error"], Value::Null);
    world.shutdown().await;
}

#[tokio::test]
async fn a_doubt_ends_with_an_answer_that_has_the_units_again() {
    let world = World::with(unlimited).await;
    let client_api = board(&world, 12).await;
    for _ in 0..3 {
        client_api.set_fault(keep(25));
        assert_eq!(
            refresh(&world).await,
            (false.into(), "stale".into(), 12.into())
        );
        client_api.clear_fault();
        assert_eq!(
            refresh(&world).await,
            (true.into(), "live".into(), 12.into())
        );
    }
    world.shutdown().await;
}

#[tokio::test]
async fn a_doubt_ends_with_a_304_too() {
    let world = World::with(|settings| {
        settings.source.cache_ttl_seconds = Duration::ZERO;
    })
    .await;
    let client_api = board(&world, 12).await;
    // The interval of doubt is one second here: GETs ask again after it.
    let row = ProjectRow::named("tower").interval(1);
    let row = row.upstream(world.client_api.base_url(), client_api.endpoint());
    world.database.update_project(row).await;
    let asks_until = async |what: &str, member: &str, more: u64| {
        let before = world.ops_project("tower").await["upstream"][member].as_u64();
        wait_until(what, PATIENCE, async || {
            world.status("tower").await;
            world.ops_project("tower").await["upstream"][member].as_u64()
                >= before.map(|n| n + more)
        })
        .await;
    };
    wait_until("the interval is read", PATIENCE, async || {
        let asked = client_api.requests();
        world.status("tower").await;
        // New settings make the next fetch an unconditional one.
        asked.len() > 1
            && asked
                .last()
                .is_some_and(|seen| seen.header("if-none-match").is_none())
    })
    .await;

    client_api.set_fault(keep(25));
    asks_until("an answer is doubted", "requests", 1).await;
    client_api.clear_fault();
    asks_until("the source says that nothing changed", "not_modified", 1).await;
    client_api.set_fault(keep(25));
    let asked = client_api.request_count();
    wait_until("the units are gone again", PATIENCE, async || {
        world.status("tower").await;
        client_api.request_count() > asked
    })
    .await;

    assert_eq!(world.status("tower").await.json()["count"], 12);
    world.shutdown().await;
}

#[tokio::test]
async fn other_units_gone_than_before_is_a_new_doubt() {
    let world = World::with(unlimited).await;
    let client_api = board(&world, 12).await;
    for percent in [25, 42, 0] {
        client_api.set_fault(keep(percent));
        assert_eq!(
            refresh(&world).await,
            (false.into(), "stale".into(), 12.into()),
            "{percent} % kept"
        );
    }
    assert_eq!(
        refresh(&world).await,
        (true.into(), "live".into(), 0.into())
    );
    world.shutdown().await;
}

#[tokio::test]
async fn half_of_the_units_may_go_at_once() {
    let world = World::with(unlimited).await;
    let client_api = board(&world, 12).await;
    client_api.set_fault(keep(50));
    assert_eq!(
        refresh(&world).await,
        (true.into(), "live".into(), 6.into())
    );
    world.shutdown().await;
}

#[tokio::test]
async fn a_few_units_may_go_all_at_once() {
    let world = World::with(unlimited).await;
    let client_api = board(&world, 9).await;
    client_api.set_fault(keep(0));
    assert_eq!(
        refresh(&world).await,
        (true.into(), "live".into(), 0.into())
    );
    world.shutdown().await;
}

#[tokio::test]
async fn other_keys_for_all_units_is_doubted_although_none_is_fewer() {
    let world = World::with(unlimited).await;
    let client_api = board(&world, 12).await;
    client_api.set_units((0..12).map(|n| (format!("B{n:02}"), "sold")));
    assert_eq!(
        refresh(&world).await,
        (false.into(), "stale".into(), 12.into())
    );
    let body = world.refresh("tower").await.json();
    assert_eq!(body["refreshed"], true);
    assert_eq!(body["statuses"]["B00"], "sold");
    assert_eq!(body["statuses"]["A00"], Value::Null);
    world.shutdown().await;
}

#[tokio::test]
async fn after_a_change_of_settings_the_first_answer_is_believed() {
    let world = World::start().await;
    let client_api = board(&world, 12).await;
    let mut stream = world.stream("tower").await;
    stream.skip_to("status_update").await;

    client_api.set_fault(keep(25));
    let row = ProjectRow::named("tower").interval(299);
    let row = row.upstream(world.client_api.base_url(), client_api.endpoint());
    world.database.update_project(row).await;

    let bulk = stream.expect("bulk_update").await.json();
    assert_eq!(bulk["removed"].as_array().map(Vec::len), Some(9));
    stream.close();
    world.shutdown().await;
}
