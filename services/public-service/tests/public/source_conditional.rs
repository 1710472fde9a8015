//! "Has it changed since?": validators, 304, and the fetch in every twenty that
//! does not ask so.

use std::time::Duration;

use demo_world::{ProjectHandle, Validators};
use test_kit::{PATIENCE, wait_until};

use crate::answers::time;
use crate::world::World;

const UNITS: &[(&str, &str)] = &[("A101", "available"), ("A102", "sold")];

/// A service that fetches at every GET.
async fn uncached() -> World {
    World::with(|settings| settings.source.cache_ttl_seconds = Duration::ZERO).await
}

#[tokio::test]
async fn what_a_source_gave_is_what_it_is_asked_with() {
    let world = uncached().await;
    for (slug, validators, etag, date) in [
        ("both", Validators::Both, true, true),
        ("tag", Validators::ETag, true, false),
        ("date", Validators::LastModified, false, true),
        ("neither", Validators::Neither, false, false),
    ] {
        let client_api = world.project(slug, UNITS).await;
        client_api.set_validators(validators);
        world.status(slug).await;
        world.status(slug).await;

        let [first, second] = &client_api.requests()[..] else {
            panic!("{slug}: two requests were due");
        };
        for header in ["if-none-match", "if-modified-since"] {
            assert_eq!(first.header(header), None, "{slug}");
        }
        assert_eq!(second.header("if-none-match").is_some(), etag, "{slug}");
        assert_eq!(second.header("if-modified-since").is_some(), date, "{slug}");
        let shown = world.ops_project(slug).await;
        let unchanged = u64::from(etag || date);
        assert_eq!(shown["upstream"]["not_modified"], unchanged, "{slug}");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn an_unchanged_source_is_fresh_and_costs_viewers_nothing() {
    let world = World::start().await;
    let client_api = world.project("tower", UNITS).await;
    let mut stream = world.stream("tower").await;
    let whole = stream.skip_to("status_update").await.json();

    let before = world.ops_project("tower").await;
    wait_until("a poll found nothing new", PATIENCE, async || {
        world.ops_project("tower").await["upstream"]["not_modified"] == 1
    })
    .await;
    let after = world.status("tower").await.json();

    assert!(time(&after["as_of"]) > time(&before["as_of"]));
    assert_eq!(after["version"], whole["version"]);
    assert_eq!(after["state"], "live");
    let outcome = r#"public_upstream_requests_total{outcome="not_modified"}"#;
    assert!(world.count(outcome).await >= 1);

    client_api.set("A101", "sold");
    let bulk = stream.next_event().await;
    assert_eq!(bulk.event, "bulk_update", "the next event is the change");
    assert_eq!(bulk.json()["updates"]["A101"], "sold");
    stream.close();
    world.shutdown().await;
}

#[tokio::test]
async fn one_fetch_in_twenty_asks_for_the_whole_whatever_the_source_said() {
    let world = uncached().await;
    let client_api = world.project("tower", UNITS).await;
    for _ in 0..45 {
        world.status("tower").await;
    }
    assert_eq!(unconditional(&client_api), [1, 20, 40]);
    world.shutdown().await;
}

/// Which requests, counted from 1, asked for the whole.
fn unconditional(client_api: &ProjectHandle) -> Vec<usize> {
    let requests = client_api.requests();
    let whole = |header: &str, number: usize| requests[number].header(header).is_none();
    (0..requests.len())
        .filter(|number| whole("if-none-match", *number) && whole("if-modified-since", *number))
        .map(|number| number + 1)
        .collect()
}
