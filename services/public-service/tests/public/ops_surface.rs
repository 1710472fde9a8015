//! What operators rely on: the documents say what there is, all of it, and
//! nothing that is not; and none of it is reachable by viewers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use demo_world::Fault;
use public_service::settings::Settings;
use serde_json::{Value, json};
use service_kit::settings::ServiceSettings as _;
use test_kit::{
    PATIENCE, http_get, http_request, printed_metrics, quoted, table_rows, told_metrics,
    told_settings, wait_until,
};

use crate::answers::{judge_problem, members, time};
use crate::world::World;

const API: &str = include_str!("../../../../docs/API.md");
const OPERATIONS: &str = include_str!("../../../../docs/OPERATIONS.md");

#[tokio::test]
async fn the_metrics_of_the_document_are_the_metrics_that_are_printed() {
    let world = World::start().await;
    let printed = http_get(&world.ops_url("/metrics"), &[]).await;
    let type_header = printed.header("content-type").unwrap_or_default();
    assert!(type_header.starts_with("text/plain"), "{type_header}");

    let told = told_metrics(OPERATIONS, "## Metrics");

    assert_eq!(told, printed_metrics(printed.text()));
    world.shutdown().await;
}

#[tokio::test]
async fn after_use_no_metric_has_a_label_that_the_document_lacks() {
    let world = World::start().await;
    world.project("tower", &[("A101", "sold")]).await;
    let mut stream = world.stream("tower").await;
    stream.skip_to("status_update").await;
    world.refresh("tower").await;
    stream.close();
    world.streams_are(0).await;

    let told = told_metrics(OPERATIONS, "## Metrics");
    let printed = http_get(&world.ops_url("/metrics"), &[]).await;
    assert_eq!(told, printed_metrics(printed.text()));
    assert!(!printed.text().contains("tower"), "a slug is no label");
    world.shutdown().await;
}

#[test]
fn the_settings_of_the_document_are_the_settings_with_their_defaults() {
    let told = told_settings(OPERATIONS, "## Settings");
    let mut read = BTreeMap::new();
    for field in Settings::groups().iter().flat_map(|group| group.fields) {
        let default = match (field.default_under(Settings::OVERRIDES), field.key) {
            (None, _) => "required",
            (Some(_), "shutdown_seconds") => "drain + 5",
            (Some(default), _) => default,
        };
        read.insert(field.env(), default.to_owned());
    }
    assert_eq!(told, read);
}

#[tokio::test]
async fn the_endpoints_of_the_document_are_the_endpoints_that_answer() {
    const STATUS: [(&str, &str); 10] = [
        ("GET", "/api/public/{slug}/status"),
        ("HEAD", "/api/public/{slug}/status"),
        ("GET", "/api/public/{slug}/status/stream"),
        ("HEAD", "/api/public/{slug}/status/stream"),
        ("POST", "/api/public/{slug}/status/refresh"),
        ("GET", "/api/status/{slug}"),
        ("HEAD", "/api/status/{slug}"),
        ("GET", "/api/status/{slug}/stream"),
        ("HEAD", "/api/status/{slug}/stream"),
        ("POST", "/api/status/{slug}/refresh"),
    ];
    const PAGES: [(&str, &str); 4] = [
        ("GET", "/viewer/{slug}"),
        ("GET", "/viewer-assets/{name}"),
        ("GET", "/"),
        ("GET", "/viewer-index.json"),
    ];
    const OPS: [(&str, &str); 5] = [
        ("GET", "/metrics"),
        ("GET", "/health/live"),
        ("GET", "/health/ready"),
        ("GET", "/status"),
        ("GET", "/openapi.json"),
    ];
    let told: BTreeSet<String> = table_rows(API, "## Endpoints")
        .map(|cells| quoted(cells[0]).remove(0))
        .collect();
    let known = STATUS.iter().chain(&PAGES).chain(&OPS);
    let known: BTreeSet<String> = known
        .map(|(method, path)| format!("{method} {path}"))
        .collect();
    assert_eq!(told, known);

    let world = World::with(|settings| {
        settings.page.viewer_index = true;
        settings.limit.refresh_min_seconds = std::time::Duration::ZERO;
    })
    .await;
    world.project("tower", &[("A101", "sold")]).await;
    ready(&world).await;
    for (method, path) in STATUS.iter().chain(&PAGES).chain(&OPS) {
        let filled = path
            .replace("{slug}", "tower")
            .replace("{name}", "viewer.js");
        let url = if OPS.contains(&(method, path)) {
            world.ops_url(&filled)
        } else {
            world.url(&filled)
        };
        if *method == "GET" && path.ends_with("/stream") {
            test_kit::SseClient::connect(&url, &[]).await.close();
        } else {
            let answer = http_request(method, &url, &[], b"").await;
            assert_eq!(answer.status(), 200, "{method} {path}");
        }
    }
    world.shutdown().await;
}

#[tokio::test]
async fn the_index_is_there_only_where_it_is_wanted() {
    let world = World::start().await;
    for path in ["/", "/viewer-index.json"] {
        let answer = http_get(&world.url(path), &[]).await;
        judge_problem(&answer, 404, "not_found", path);
    }
    world.shutdown().await;
}

#[tokio::test]
async fn the_status_of_the_service_has_the_members_of_the_contract() {
    let world = World::start().await;
    let client_api = world.project("tower", &[("A101", "no word")]).await;
    world.status("tower").await;

    let idle = world.ops_project("tower").await;
    assert_eq!(idle["next_attempt_at"], Value::Null, "nobody watches");
    let stream = world.stream("tower").await;
    client_api.wait_for_requests(2).await.unwrap();
    let mut status = Value::Null;
    wait_until("a poll is planned", PATIENCE, async || {
        status = world.ops_status().await;
        status["projects"][0]["next_attempt_at"].is_string()
    })
    .await;

    assert_eq!(
        members(&status),
        BTreeSet::from(["projects", "streams", "uptime_seconds"])
    );
    assert_eq!(status["streams"], 1);
    assert!(status["uptime_seconds"].is_u64());
    let project = &status["projects"][0];
    let expected = "slug state as_of subscribers version units last_error next_attempt_at upstream \
                    unmapped skipped duplicates circuit_open settings_complaints";
    assert_eq!(members(project), expected.split_whitespace().collect());
    assert_eq!(project["slug"], "tower");
    assert_eq!(project["state"], "live");
    assert_eq!(project["subscribers"], 1);
    assert_eq!(project["units"], 1);
    assert_eq!(project["last_error"], Value::Null);
    time(&project["as_of"]);
    time(&project["next_attempt_at"]);
    let upstream = &project["upstream"];
    assert_eq!(
        members(upstream),
        BTreeSet::from(["requests", "not_modified", "failures"])
    );
    let unmapped = &project["unmapped"][0];
    let expected = BTreeSet::from(["value", "count", "example", "first_seen", "last_seen"]);
    assert_eq!(members(unmapped), expected);
    assert_eq!(unmapped["value"], "no word");
    stream.close();
    world.shutdown().await;
}

#[tokio::test]
async fn projects_are_counted_by_the_state_of_their_data() {
    let world = World::start().await;
    let fine = world.project("fine", &[("A101", "sold")]).await;
    world.status("fine").await;
    let failing = world.project("failing", &[("A101", "sold")]).await;
    failing.set_fault(Fault::status(500));
    world.status("failing").await;
    let counted = async |live: u64, stale: u64, unknown: u64| {
        let what = format!("{live} live, {stale} stale, {unknown} unknown");
        let count = async |state| {
            world
                .count(&format!("public_projects{{state=\"{state}\"}}"))
                .await
        };
        wait_until(&what, PATIENCE, async || {
            (
                count("live").await,
                count("stale").await,
                count("unknown").await,
            ) == (live, stale, unknown)
        })
        .await;
    };

    counted(1, 0, 1).await;
    fine.set_fault(Fault::status(500));
    world.refresh("fine").await;
    counted(0, 1, 1).await;
    world.database.delete_project("failing").await;
    counted(0, 1, 0).await;
    world.shutdown().await;
}

#[tokio::test]
async fn health_has_the_shape_of_the_contract() {
    let world = World::start().await;
    ready(&world).await;

    let live = http_get(&world.ops_url("/health/live"), &[]).await;
    assert_eq!(live.status(), 200);
    assert_eq!(live.header("content-type"), Some("application/json"));
    assert_eq!(live.json(), json!({"status": "live", "checks": {}}));

    let ready = http_get(&world.ops_url("/health/ready"), &[]).await.json();
    assert_eq!(ready["status"], "ready");
    let database = &ready["checks"]["database"];
    assert_eq!(members(database), BTreeSet::from(["status", "since"]));
    assert_eq!(database["status"], "ready");
    time(&database["since"]);
    world.shutdown().await;
}

#[tokio::test]
async fn without_its_database_the_service_lives_and_is_not_ready() {
    let world = World::with(|settings| {
        // Port 9 is nobody's.
        let url = "postgres://ana:s3cret-of-database@127.0.0.1:9/farol".to_owned();
        settings.database.database_url = url.into();
    })
    .await;
    let mut ready = Value::Null;
    wait_until("the reason is told", PATIENCE, async || {
        let answer = http_get(&world.ops_url("/health/ready"), &[]).await;
        assert_eq!(answer.status(), 503);
        ready = answer.json();
        ready["checks"]["database"]["detail"] != "starting"
    })
    .await;
    assert_eq!(ready["status"], "not_ready");
    let database = &ready["checks"]["database"];
    assert_eq!(
        members(database),
        BTreeSet::from(["status", "since", "detail"])
    );
    assert_eq!(database["status"], "not_ready");
    assert!(!ready.to_string().contains("s3cret"), "{ready}");
    let live = http_get(&world.ops_url("/health/live"), &[]).await;
    assert_eq!(live.status(), 200);
    world.shutdown().await;
}

#[tokio::test]
async fn neither_listener_serves_what_is_the_other_one_s() {
    let world = World::start().await;
    world.project("tower", &[("A101", "sold")]).await;
    for path in [
        "/metrics",
        "/health/live",
        "/health/ready",
        "/health",
        "/openapi.json",
        "/status",
        "//status",
    ] {
        for headers in [&[][..], &[("x-forwarded-for", "127.0.0.1")]] {
            let answer = http_get(&world.url(path), headers).await;
            judge_problem(&answer, 404, "not_found", path);
        }
    }
    for path in [
        "/api/public/tower/status",
        "/api/status/tower",
        "/viewer/tower",
        "/",
    ] {
        let answer = http_get(&world.ops_url(path), &[]).await;
        assert_eq!(answer.status(), 404, "{path}");
    }
    world.shutdown().await;
}

async fn ready(world: &World) {
    wait_until("the service is ready", PATIENCE, async || {
        http_get(&world.ops_url("/health/ready"), &[])
            .await
            .status()
            == 200
    })
    .await;
}

#[tokio::test]
async fn data_that_nobody_looks_at_does_not_stay_live_for_ever() {
    let world = World::with(|settings| {
        settings.source.cache_ttl_seconds = Duration::from_millis(100);
    })
    .await;
    world.project("tower", &[("A101", "sold")]).await;
    assert_eq!(world.status("tower").await.json()["state"], "live");

    world
        .count_reaches(r#"public_projects{state="stale"}"#, 1)
        .await;

    assert_eq!(world.ops_project("tower").await["state"], "stale");
    world.shutdown().await;
}
