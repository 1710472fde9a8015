//! POST …/status/refresh: a fetch now, past every cache, for those who may.

use std::time::Duration;

use demo_world::Fault;
use public_service::settings::Settings;
use serde_json::{Value, json};
use test_kit::{ProjectRow, http_get, http_post};
use tokio::task::JoinSet;

use crate::answers::{judge, judge_problem, members, prefixes, retry_after, time};
use crate::world::World;

const UNITS: &[(&str, &str)] = &[("A101", "available"), ("A102", "sold")];

/// For tests in which a person refreshes faster than people may.
pub fn unlimited(settings: &mut Settings) {
    settings.limit.refresh_min_seconds = Duration::ZERO;
    settings.limit.refresh_per_minute = 100_000;
}

#[tokio::test]
async fn a_refresh_fetches_at_once_and_shows_what_it_got() {
    let world = World::with(unlimited).await;
    let client_api = world.project("tower", UNITS).await;
    world.status("tower").await;

    for (prefix, word) in prefixes("tower").iter().zip(["reserved", "hidden"]) {
        client_api.set("A101", word);
        let answer = http_post(&world.url(&format!("{prefix}/refresh")), &[], b"").await;
        judge(&answer, prefix);
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let body = answer.json();
        assert_eq!(body["project"], "tower");
        assert_eq!(body["statuses"], json!({"A101": word, "A102": "sold"}));
        assert_eq!(body["count"], 2);
        assert_eq!(body["refreshed"], true);
        assert_eq!(body["state"], "live");
        assert!(time(&body["refreshed_at"]) >= time(&body["as_of"]));
        assert_eq!(members(&body).len(), 9, "{body}");
    }
    assert_eq!(
        world.count(r#"public_refresh_total{outcome="ok"}"#).await,
        2
    );
    world.shutdown().await;
}

#[tokio::test]
async fn a_refresh_goes_past_the_cache_and_past_the_validators() {
    let world = World::with(unlimited).await;
    let client_api = world.project("tower", UNITS).await;
    world.status("tower").await;
    world.refresh("tower").await;
    world.refresh("tower").await;

    let requests = client_api.requests();
    assert_eq!(requests.len(), 3);
    for request in requests {
        assert_eq!(request.header("if-none-match"), None);
        assert_eq!(request.header("if-modified-since"), None);
    }
    world.shutdown().await;
}

#[tokio::test]
async fn all_subscribers_get_the_whole_state_of_a_refresh_even_if_nothing_changed() {
    let world = World::start().await;
    let long = |row: ProjectRow| row.interval(300);
    world.project_with("tower", UNITS, long).await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut stream = world.stream("tower").await;
        stream.skip_to("status_update").await;
        streams.push(stream);
    }

    let version = world.refresh("tower").await.json()["version"].clone();

    for mut stream in streams {
        let whole = stream.expect("status_update").await;
        assert_eq!(whole.json()["version"], version);
        assert_eq!(whole.json()["statuses"]["A102"], "sold");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn a_refresh_joins_the_fetch_that_is_under_way() {
    let world = World::start().await;
    let client_api = world.project("tower", UNITS).await;
    let gate = client_api.hold();
    let url = world.url("/api/status/tower");
    let mut reader = JoinSet::new();
    reader.spawn(async move { http_get(&url, &[]).await });
    client_api.wait_for_requests(1).await.unwrap();

    let mut refreshes = JoinSet::new();
    for _ in 0..2 {
        let url = world.url("/api/status/tower/refresh");
        refreshes.spawn(async move { http_post(&url, &[], b"").await });
    }
    // One of the two is over the limit, which it can only be when the other has joined.
    let refused = refreshes.join_next().await.unwrap().unwrap();
    assert_eq!(refused.status(), 429);
    gate.release();

    let joined = refreshes.join_next().await.unwrap().unwrap().json();
    assert_eq!(joined["refreshed"], true);
    assert_eq!(joined["count"], 2);
    assert_eq!(reader.join_next().await.unwrap().unwrap().status(), 200);
    assert_eq!(client_api.request_count(), 1);
    world.shutdown().await;
}

#[tokio::test]
async fn a_refresh_that_joins_a_poll_still_brings_everyone_the_whole_state() {
    let world = World::start().await;
    let client_api = world.project("tower", UNITS).await;
    let mut stream = world.stream("tower").await;
    let known = stream.skip_to("status_update").await.json();
    let gate = client_api.hold();
    client_api.wait_for_requests(2).await.unwrap();

    let mut refreshes = JoinSet::new();
    for _ in 0..2 {
        let url = world.url("/api/status/tower/refresh");
        refreshes.spawn(async move { http_post(&url, &[], b"").await });
    }
    let refused = refreshes.join_next().await.unwrap().unwrap();
    assert_eq!(refused.status(), 429);
    gate.release();

    // The poll asked "has it changed?", and it has not.
    let joined = refreshes.join_next().await.unwrap().unwrap().json();
    assert_eq!(joined["refreshed"], true);
    let whole = stream.expect("status_update").await.json();
    assert_eq!(whole["statuses"], known["statuses"]);
    assert_eq!(whole["version"], joined["version"]);
    stream.close();
    world.shutdown().await;
}

#[tokio::test]
async fn a_failed_refresh_shows_the_last_good_data_and_says_so() {
    let world = World::with(unlimited).await;
    let client_api = world.project("tower", UNITS).await;
    let good = world.status("tower").await.json();
    client_api.set_fault(Fault::status(502));

    let failed = world.refresh("tower").await.json();

    assert_eq!(failed["refreshed"], false);
    assert_eq!(failed["state"], "stale");
    for member in ["statuses", "count", "as_of", "version"] {
        assert_eq!(failed[member], good[member], "{member}");
    }
    let outcome = r#"public_refresh_total{outcome="failed"}"#;
    assert_eq!(world.count(outcome).await, 1);
    world.shutdown().await;
}

#[tokio::test]
async fn a_refresh_of_what_was_never_read_is_empty_and_not_refreshed() {
    let world = World::with(unlimited).await;
    let client_api = world.project("failing", UNITS).await;
    client_api.set_fault(Fault::status(500));
    let nobody = ProjectRow::named("nobody-to-ask").without_integration();
    world.database.insert_project(nobody).await;

    for slug in ["failing", "nobody-to-ask"] {
        let body = world.refresh(slug).await.json();
        assert_eq!(body["refreshed"], false, "{slug}");
        assert_eq!(body["state"], "unknown", "{slug}");
        assert_eq!(body["statuses"], json!({}), "{slug}");
        assert_eq!(body["as_of"], Value::Null, "{slug}");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn a_refresh_waits_no_longer_than_one_request_may_take() {
    let world = World::start().await;
    let patient = |row: ProjectRow| row.timeout(1).retries(10);
    let client_api = world.project_with("tower", UNITS, patient).await;
    client_api.set_fault(Fault::Silence);

    let body = world.refresh("tower").await.json();

    assert_eq!(body["refreshed"], false);
    assert_eq!(world.ops_project("tower").await["upstream"]["failures"], 0);
    world.shutdown().await;
}

#[tokio::test]
async fn behind_an_open_circuit_a_refresh_fails_at_once() {
    let world = World::with(unlimited).await;
    let rare = |row: ProjectRow| row.interval(300);
    let client_api = world.project_with("tower", UNITS, rare).await;
    world.status("tower").await;
    client_api.set_fault(Fault::status(404));
    for _ in 0..5 {
        assert_eq!(world.refresh("tower").await.json()["refreshed"], false);
    }
    assert_eq!(world.ops_project("tower").await["circuit_open"], true);
    client_api.clear_fault();

    let body = world.refresh("tower").await.json();

    assert_eq!(body["refreshed"], false);
    assert_eq!(body["count"], 2);
    assert_eq!(client_api.request_count(), 6);
    world.shutdown().await;
}

#[tokio::test]
async fn a_project_is_refreshed_once_in_its_time_and_the_next_is_told_when() {
    let world = World::start().await;
    world.project("tower", UNITS).await;
    world.project("other", UNITS).await;
    assert_eq!(world.refresh("tower").await.status(), 200);

    for path in prefixes("tower") {
        let refused = http_post(&world.url(&format!("{path}/refresh")), &[], b"").await;
        judge_problem(&refused, 429, "refresh_limited", &path);
        assert_eq!(refused.json()["detail"], "Refresh rate limit exceeded");
        assert!((1..=8).contains(&retry_after(&refused)), "{refused:?}");
    }

    assert_eq!(world.refresh("other").await.status(), 200);
    let outcome = r#"public_refresh_total{outcome="limited"}"#;
    assert_eq!(world.count(outcome).await, 2);
    world.shutdown().await;
}

#[tokio::test]
async fn a_client_refreshes_so_often_in_a_minute_whatever_it_refreshes() {
    let world = World::with(|settings| settings.limit.refresh_per_minute = 2).await;
    for slug in ["first", "second", "third"] {
        world.project(slug, UNITS).await;
    }
    assert_eq!(world.refresh("first").await.status(), 200);
    assert_eq!(world.refresh("second").await.status(), 200);

    // A stranger is not believed about where it comes from.
    let url = world.url("/api/public/third/status/refresh");
    let refused = http_post(&url, &[("x-forwarded-for", "192.0.2.9")], b"").await;

    judge_problem(&refused, 429, "refresh_limited", "third");
    assert_eq!(refused.json()["detail"], "Refresh rate limit exceeded");
    assert!((1..=33).contains(&retry_after(&refused)), "{refused:?}");
    world.shutdown().await;
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_its_own_share() {
    let world = World::with(|settings| {
        settings.limit.refresh_min_seconds = Duration::ZERO;
        settings.limit.refresh_per_minute = 1;
        settings.limit.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    world.project("tower", UNITS).await;
    let url = world.url("/api/public/tower/status/refresh");
    let refresh = async |client: &str| {
        let headers = [("x-forwarded-for", client)];
        http_post(&url, &headers, b"").await.status()
    };

    assert_eq!(refresh("192.0.2.1").await, 200);
    assert_eq!(refresh("192.0.2.1").await, 429);
    assert_eq!(refresh("192.0.2.2").await, 200);
    // What the client itself claims to the left of its real address is not believed.
    assert_eq!(refresh("192.0.2.77, 192.0.2.1").await, 429);
    world.shutdown().await;
}

#[tokio::test]
async fn a_refresh_of_nothing_is_404_and_costs_nobody_a_refresh() {
    let world = World::with(|settings| settings.limit.refresh_per_minute = 1).await;
    world.project("tower", UNITS).await;
    for slug in ["nobody", "No_Slug"] {
        let answer = world.refresh(slug).await;
        judge_problem(&answer, 404, "project_not_found", slug);
    }
    assert_eq!(world.refresh("tower").await.status(), 200);
    world.shutdown().await;
}

#[tokio::test]
async fn a_person_may_disturb_a_source_that_failed_once() {
    let world = World::with(unlimited).await;
    let rare = |row: ProjectRow| row.interval(300);
    let client_api = world.project_with("tower", UNITS, rare).await;
    client_api.set_fault_for(1, Fault::status(500));
    assert_eq!(world.status("tower").await.json()["state"], "unknown");

    let body = world.refresh("tower").await.json();

    assert_eq!(body["refreshed"], true);
    assert_eq!(world.status("tower").await.json()["state"], "live");
    world.shutdown().await;
}

#[tokio::test]
async fn viewers_who_leave_at_the_moment_of_a_change_are_noticed_all_the_same() {
    let world = World::with(unlimited).await;
    let rare = |row: ProjectRow| row.interval(300);
    world.project_with("tower", UNITS, rare).await;
    for _ in 0..5 {
        let mut streams = Vec::new();
        for _ in 0..50 {
            let mut stream = world.stream("tower").await;
            stream.skip_to("status_update").await;
            streams.push(stream);
        }

        let leave = async || drop(streams);
        tokio::join!(world.refresh("tower"), leave());

        // The next frame, a ping, comes later than this is patient.
        world.streams_are(0).await;
    }
    world.shutdown().await;
}
