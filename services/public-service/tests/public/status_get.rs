//! GET …/status: what it says, where it says it from, and how long it takes to say it.

use std::time::Duration;

use demo_world::Fault;
use serde_json::{Value, json};
use test_kit::{Answer, PATIENCE, ProjectRow, http_get, http_request, wait_until};
use tokio::task::JoinSet;

use crate::answers::{judge, judge_problem, members, prefixes, time};
use crate::world::World;

/// So many ask at once.
const CROWD: usize = 60;

const UNITS: &[(&str, &str)] = &[("A101", "available"), ("A102", "on-hold")];

#[tokio::test]
async fn both_prefixes_show_the_same_state_of_a_project() {
    let world = World::start().await;
    world.project("tower", UNITS).await;

    for path in prefixes("tower") {
        let answer = http_get(&world.url(&path), &[]).await;
        judge(&answer, &path);
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let body = answer.json();
        assert_eq!(body["project"], "tower");
        assert_eq!(
            body["statuses"],
            json!({"A101": "available", "A102": "reserved"})
        );
        assert_eq!(body["count"], 2);
        assert_eq!(body["state"], "live");
        time(&body["as_of"]);
        assert!(body["age_seconds"].is_u64());
        let (epoch, step) = body["version"].as_str().unwrap().split_once('-').unwrap();
        assert!(!epoch.is_empty() && epoch.bytes().all(|b| b.is_ascii_hexdigit()));
        assert!(step.parse::<u64>().is_ok());
        assert_eq!(members(&body).len(), 7, "{body}");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn a_head_request_is_answered_like_a_get_without_its_body() {
    let world = World::start().await;
    world.project("tower", UNITS).await;

    for path in prefixes("tower") {
        let whole = http_get(&world.url(&path), &[]).await;
        let head = http_request("HEAD", &world.url(&path), &[], b"").await;
        judge(&head, &path);
        assert_eq!(head.status(), 200);
        assert!(head.body.is_empty());
        for name in ["content-type", "content-length"] {
            assert_eq!(head.header(name), whole.header(name));
        }
    }
    world.shutdown().await;
}

#[tokio::test]
async fn fresh_data_is_answered_from_memory() {
    let world = World::start().await;
    let client_api = world.project("tower", UNITS).await;

    let first = world.status("tower").await.json();
    for _ in 0..20 {
        let again = world.status("tower").await.json();
        assert_eq!(again["version"], first["version"]);
        assert_eq!(again["as_of"], first["as_of"]);
    }

    assert_eq!(client_api.request_count(), 1);
    world.shutdown().await;
}

#[tokio::test]
async fn nothing_that_a_reader_sends_along_changes_the_answer() {
    let world = World::start().await;
    world.project("tower", UNITS).await;
    let url = world.url("/api/status/tower");
    let plain = http_get(&url, &[]).await.json();
    let headers = [
        ("if-none-match", "*"),
        ("if-modified-since", "Fri, 01 Jan 2100 00:00:00 GMT"),
        ("range", "bytes=0-3"),
        ("accept", "text/html"),
        ("accept-encoding", "gzip, br"),
        ("cache-control", "no-cache"),
        ("content-type", "application/json"),
    ];
    let answer = http_request("GET", &(url + "?t=1&mode=loud"), &headers, b"{").await;
    judge(&answer, "with everything");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.header("content-encoding"), None);
    assert_eq!(answer.json()["version"], plain["version"]);
    world.shutdown().await;
}

#[tokio::test]
async fn a_crowd_before_a_cold_project_is_one_request() {
    let world = World::start().await;
    let client_api = world.project("tower", UNITS).await;
    let gate = client_api.hold();

    let crowd = crowd(&world, "tower", CROWD);
    client_api.wait_for_requests(1).await.unwrap();
    gate.release();

    for answer in crowd.join_all().await {
        assert_eq!(answer.json()["count"], 2);
    }
    assert_eq!(client_api.request_count(), 1);
    world.shutdown().await;
}

#[tokio::test]
async fn a_crowd_before_expired_data_is_one_request() {
    let world = World::with(|settings| {
        settings.source.cache_ttl_seconds = Duration::from_secs(1);
    })
    .await;
    let client_api = world.project("tower", UNITS).await;
    let old = world.status("tower").await.json()["as_of"].clone();
    let gate = client_api.hold();
    client_api.set("A101", "sold");

    let mut crowd = JoinSet::new();
    for _ in 0..CROWD / 3 {
        let (url, old) = (world.url("/api/status/tower"), old.clone());
        crowd.spawn(async move {
            loop {
                let body = http_get(&url, &[]).await.json();
                if body["as_of"] != old {
                    return body;
                }
            }
        });
    }
    client_api.wait_for_requests(2).await.unwrap();
    gate.release();

    for body in crowd.join_all().await {
        assert_eq!(body["statuses"]["A101"], "sold");
    }
    assert_eq!(client_api.concurrent_max(), 1);
    assert_eq!(client_api.request_count(), 2);
    world.shutdown().await;
}

#[tokio::test]
async fn a_get_of_a_watched_project_never_asks_in_its_poller_s_place() {
    let world = World::with(|settings| {
        settings.source.cache_ttl_seconds = Duration::from_millis(1);
    })
    .await;
    let long = |row: ProjectRow| row.interval(300);
    let client_api = world.project_with("tower", UNITS, long).await;
    let mut stream = world.stream("tower").await;
    stream.skip_to("status_update").await;

    for _ in 0..10 {
        assert_eq!(world.status("tower").await.json()["state"], "live");
    }

    assert_eq!(client_api.request_count(), 1);
    stream.close();
    world.shutdown().await;
}

#[tokio::test]
async fn the_first_failed_cycle_makes_good_data_stale_however_fresh() {
    let world = World::start().await;
    let client_api = world.project("tower", UNITS).await;
    let live = world.status("tower").await.json();

    client_api.set_fault(Fault::status(500));
    world.refresh("tower").await;

    let stale = world.status("tower").await.json();
    assert_eq!(stale["state"], "stale");
    for member in ["project", "statuses", "count", "as_of", "version"] {
        assert_eq!(stale[member], live[member], "{member}");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn an_expired_get_of_a_failing_api_shows_the_last_good_data() {
    let world = World::with(|settings| {
        settings.source.cache_ttl_seconds = Duration::from_millis(100);
    })
    .await;
    let client_api = world.project("tower", UNITS).await;
    let live = world.status("tower").await.json();

    client_api.set_fault(Fault::status(503));
    let stale = wait_for_state(&world, "tower", "stale").await;

    assert_eq!(stale["statuses"], live["statuses"]);
    assert_eq!(stale["as_of"], live["as_of"]);
    world.shutdown().await;
}

#[tokio::test]
async fn data_of_twice_the_fresh_age_is_stale_while_the_first_cycle_still_tries() {
    let world = World::with(|settings| {
        settings.source.cache_ttl_seconds = Duration::from_millis(100);
    })
    .await;
    let patient = |row: ProjectRow| row.timeout(1).retries(10);
    let client_api = world.project_with("tower", UNITS, patient).await;
    assert_eq!(world.status("tower").await.json()["state"], "live");

    client_api.set_fault(Fault::Silence);
    wait_for_state(&world, "tower", "stale").await;

    let upstream = &world.ops_project("tower").await["upstream"];
    assert_eq!(upstream["failures"], 0, "no cycle has ended");
    world.shutdown().await;
}

#[tokio::test]
async fn a_project_that_was_never_read_is_empty_and_unknown() {
    let world = World::start().await;
    let client_api = world.project("tower", UNITS).await;
    client_api.set_fault(Fault::status(500));

    let answer = world.status("tower").await;

    judge(&answer, "unknown");
    assert_unknown(&answer);
    world.shutdown().await;
}

#[tokio::test]
async fn where_there_is_nobody_to_ask_the_state_is_unknown_without_a_request() {
    let world = World::start().await;
    let client_api = world.client_api.project("any");
    let row = |slug: &str| {
        let base = world.client_api.base_url();
        ProjectRow::named(slug).upstream(base, client_api.endpoint())
    };
    let mut rows = vec![row("no-integration").without_integration()];
    for (slug, base, endpoint) in [
        ("no-base-url", None, Some("/any/units")),
        ("blank-base-url", Some("  "), Some("/any/units")),
        (
            "no-endpoint",
            Some(world.client_api.base_url()).as_deref(),
            None,
        ),
        (
            "blank-endpoint",
            Some(world.client_api.base_url()).as_deref(),
            Some(""),
        ),
    ] {
        let mut row = row(slug);
        row.api_base_url = base.map(str::to_owned);
        row.status_endpoint = endpoint.map(str::to_owned);
        rows.push(row);
    }
    for row in rows {
        let slug = row.slug.clone();
        world.database.insert_project(row).await;

        assert_unknown(&world.status(&slug).await);

        let shown = world.ops_project(&slug).await;
        assert_eq!(shown["state"], "unknown", "{slug}");
        assert!(shown["last_error"].is_string(), "{slug} is not listed");
        assert_eq!(shown["upstream"]["requests"], 0, "{slug}");
    }
    assert_eq!(client_api.request_count(), 0);
    world.shutdown().await;
}

#[tokio::test]
async fn a_get_waits_for_one_timeout_and_the_retries_go_on_without_it() {
    let world = World::start().await;
    let patient = |row: ProjectRow| row.timeout(1).retries(10);
    let client_api = world.project_with("tower", UNITS, patient).await;
    client_api.set_fault(Fault::Silence);

    // The whole cycle takes longer than a client of the test kit waits.
    assert_unknown(&world.status("tower").await);
    assert_eq!(world.ops_project("tower").await["upstream"]["failures"], 0);

    client_api.clear_fault();
    wait_until("a retry brings the data", PATIENCE, async || {
        world.ops_project("tower").await["state"] == "live"
    })
    .await;
    assert_eq!(world.status("tower").await.json()["count"], 2);
    world.shutdown().await;
}

#[tokio::test]
async fn a_source_that_is_being_spared_is_not_asked_by_gets() {
    let world = World::start().await;
    let rare = |row: ProjectRow| row.interval(300);
    let client_api = world.project_with("tower", UNITS, rare).await;
    client_api.set_fault(Fault::status(500));

    for _ in 0..10 {
        assert_unknown(&world.status("tower").await);
    }

    assert_eq!(client_api.request_count(), 1);
    world.shutdown().await;
}

#[tokio::test]
async fn unknown_and_inactive_projects_are_404_until_they_are_there() {
    let world = World::start().await;
    world
        .database
        .insert_project(ProjectRow::named("asleep").inactive())
        .await;

    for slug in ["nobody", "asleep"] {
        for path in prefixes(slug) {
            let answer = http_get(&world.url(&path), &[]).await;
            judge_problem(&answer, 404, "project_not_found", &path);
            assert_eq!(answer.json()["detail"], "Project not found");
        }
    }
    for slug in ["nobody", "asleep"] {
        world.project(slug, UNITS).await;
        assert_eq!(world.status(slug).await.status(), 200, "{slug}");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn what_cannot_be_a_slug_is_404_without_asking_the_database() {
    let (world, proxy) = World::with_cuttable_database(|_, _| {}).await;
    proxy.cut();
    let too_long = "a".repeat(101);
    for slug in [
        "t",
        "T",
        "Tower",
        "1tower",
        "-tower",
        "to_wer",
        "tower.",
        "to%20wer",
        "tower%00",
        "tower%0d%0aset-cookie:%20a=b",
        "t%C3%B3wer",
        "%ff%fe",
        "%2e%2e",
        "..",
        "to%2fwer",
        "'%20OR%201=1--",
        "tower%",
        "%7b%7d",
        &too_long,
    ] {
        for path in prefixes(slug) {
            let answer = http_get(&world.url(&path), &[]).await;
            judge(&answer, &path);
            assert_eq!(answer.status(), 404, "{path}: {}", answer.text());
            let stream = http_get(&world.url(&format!("{path}/stream")), &[]).await;
            assert_eq!(stream.status(), 404, "{path}/stream");
        }
    }
    let possible = "a".repeat(100);
    let answer = world.status(&possible).await;
    judge_problem(&answer, 503, "database_unavailable", "a possible slug");
    world.shutdown().await;
}

#[tokio::test]
async fn an_escaped_slug_is_the_slug() {
    let world = World::start().await;
    world.project("tower", UNITS).await;
    let answer = http_get(&world.url("/api/public/%74ower/status"), &[]).await;
    assert_eq!(answer.json()["project"], "tower");
    world.shutdown().await;
}

#[tokio::test]
async fn a_preflight_allows_every_page_what_the_endpoint_offers() {
    let world = World::start().await;
    for prefix in prefixes("tower") {
        for (path, methods) in [
            (prefix.clone(), "GET, HEAD, OPTIONS"),
            (format!("{prefix}/stream"), "GET, HEAD, OPTIONS"),
            (format!("{prefix}/refresh"), "POST, OPTIONS"),
        ] {
            let asked = [
                ("origin", "https://viewer.example"),
                ("access-control-request-method", "GET"),
                ("access-control-request-headers", "last-event-id"),
            ];
            let answer = http_request("OPTIONS", &world.url(&path), &asked, b"").await;
            judge(&answer, &path);
            assert_eq!(answer.status(), 204, "{path}");
            for (name, value) in [
                ("access-control-allow-methods", methods),
                (
                    "access-control-allow-headers",
                    "Content-Type, Cache-Control, Last-Event-ID",
                ),
                ("access-control-max-age", "86400"),
            ] {
                assert_eq!(answer.header(name), Some(value), "{path}: {name}");
            }
        }
    }
    world.shutdown().await;
}

/// Every method on every path: the status, and the methods that a 405 allows.
#[tokio::test]
async fn every_method_on_every_path_is_answered_uncached_and_in_place() {
    const METHODS: [&str; 9] = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW",
    ];
    let world = World::start().await;
    world.project("tower", UNITS).await;
    for (slug, known) in [("tower", true), ("nobody", false), ("No_Slug", false)] {
        for prefix in prefixes(slug) {
            for (tail, allowed) in [
                ("", "GET, HEAD, OPTIONS"),
                ("/stream", "GET, HEAD, OPTIONS"),
                ("/refresh", "POST, OPTIONS"),
            ] {
                for method in METHODS {
                    // A stream that is open has tests of its own.
                    if (method, tail, known) == ("GET", "/stream", true) {
                        continue;
                    }
                    let path = format!("{prefix}{tail}");
                    let what = format!("{method} {path}");
                    let answer = http_request(method, &world.url(&path), &[], b"").await;
                    judge(&answer, &what);
                    let offered = allowed.split(", ").any(|allowed| allowed == method);
                    let expected = match (offered, method) {
                        (false, _) => 405,
                        (true, "OPTIONS") => 204,
                        (true, _) if !known => 404,
                        // The alias's refresh comes too soon after the canonical one.
                        (true, "POST") if path.starts_with("/api/status") => 429,
                        (true, _) => 200,
                    };
                    assert_eq!(answer.status(), expected, "{what}");
                    let allow = (expected == 405).then_some(allowed);
                    assert_eq!(answer.header("allow"), allow, "{what}");
                    assert_eq!(method == "HEAD", answer.body.is_empty() && expected != 204);
                }
            }
        }
    }
    world.shutdown().await;
}

#[tokio::test]
async fn paths_that_are_none_are_404_and_lead_nowhere() {
    let world = World::start().await;
    world.project("tower", UNITS).await;
    for path in [
        "/nothing",
        "/api",
        "/api/public/tower",
        "/api/public/tower/status/",
        "/api/public//tower/status",
        "/api/public/tower/status/refresh/",
        "/api/public/tower/status/stream/",
        "/api/public/tower/status/other",
        "/api/status/tower/",
        "/api/status/",
        "/API/public/tower/status",
    ] {
        for method in ["GET", "POST"] {
            let what = format!("{method} {path}");
            let answer = http_request(method, &world.url(path), &[], b"").await;
            judge_problem(&answer, 404, "not_found", &what);
        }
    }
    world.shutdown().await;
}

#[tokio::test]
async fn a_mode_that_is_none_is_422_whoever_serves_the_stream() {
    let world = World::start().await;
    world.project("tower", UNITS).await;
    let url = world.stream_url("tower") + "?mode=loud";
    for headers in [&[][..], &[("te", "trailers")]] {
        let answer = http_get(&url, headers).await;
        judge_problem(&answer, 422, "invalid_fields", "mode=loud");
        assert_eq!(answer.json()["errors"][0]["field"], "mode");
    }
    world.shutdown().await;
}

fn crowd(world: &World, slug: &str, size: usize) -> JoinSet<Answer> {
    let url = world.url(&format!("/api/public/{slug}/status"));
    let mut crowd = JoinSet::new();
    for _ in 0..size {
        let url = url.clone();
        crowd.spawn(async move { http_get(&url, &[]).await });
    }
    crowd
}

/// GETs until one shows this state.
async fn wait_for_state(world: &World, slug: &str, state: &str) -> Value {
    let mut body = Value::Null;
    wait_until(&format!("{slug} is {state}"), PATIENCE, async || {
        body = world.status(slug).await.json();
        body["state"] == state
    })
    .await;
    body
}

fn assert_unknown(answer: &Answer) {
    assert_eq!(answer.status(), 200);
    let body = answer.json();
    assert_eq!(body["statuses"], json!({}));
    assert_eq!(body["count"], 0);
    assert_eq!(body["state"], "unknown");
    assert_eq!(body["as_of"], Value::Null);
    assert_eq!(body["age_seconds"], Value::Null);
}
