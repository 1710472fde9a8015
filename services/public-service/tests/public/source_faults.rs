//! Every fault of the demo world against a project that has good data: what
//! viewers see, what operators are told, and what leaves the inside (nothing).

use demo_world::{Fault, INSIDE_MARK, ProjectHandle, RetryAfter};
use serde_json::{Value, json};
use test_kit::{Answer, PATIENCE, ProjectRow, http_get, wait_until};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::status_refresh::unlimited;
use crate::world::World;

const UNITS: &[(&str, &str)] = &[("A101", "available"), ("A102", "sold"), ("A103", "hold")];

/// A project that was read once and then meets `fault`.
struct Struck {
    client_api: ProjectHandle,
    good: Value,
    answer: Answer,
    shown: Value,
    outcomes: u64,
}

async fn strike(world: &World, slug: &str, fault: Fault, outcome: &str) -> Struck {
    // Only what is never answered is worth a short wait.
    let timeout = if outcome == "timeout" { 1 } else { 20 };
    let rare = |row: ProjectRow| row.timeout(timeout).interval(300);
    let client_api = world.project_with(slug, UNITS, rare).await;
    let good = world.status(slug).await.json();
    assert_eq!(good["state"], "live", "{slug}");
    let counter = format!(r#"public_upstream_requests_total{{outcome="{outcome}"}}"#);
    let before = world.count(&counter).await;
    client_api.set_fault(fault);
    let answer = world.refresh(slug).await;
    // One that ran into the time limit is answered while its cycle still ends.
    wait_until("the cycle has ended", PATIENCE, async || {
        let ended = &world.ops_project(slug).await["upstream"]["failures"];
        answer.json()["refreshed"] == true || *ended == 1
    })
    .await;
    let outcomes = world.count(&counter).await - before;
    Struck {
        client_api,
        good,
        answer,
        shown: world.ops_project(slug).await,
        outcomes,
    }
}

/// Neither viewers nor operators are shown what a failing API says.
async fn assert_nothing_leaks(world: &World, slug: &str, struck: &Struck) {
    let get = world.status(slug).await;
    let metrics = http_get(&world.ops_url("/metrics"), &[]).await;
    for text in [
        struck.answer.text(),
        get.text(),
        metrics.text(),
        &world.ops_status().await.to_string(),
    ] {
        assert!(!text.contains(INSIDE_MARK), "{slug}: {text}");
        assert!(!text.contains("db01.internal"), "{slug}: {text}");
    }
}

#[tokio::test]
async fn every_failure_leaves_the_last_good_data_stale_and_is_told_to_operators_only() {
    let world = World::with(unlimited).await;
    for (slug, fault, outcome, told) in failures() {
        let struck = strike(&world, slug, fault, outcome).await;

        assert_eq!(struck.answer.status(), 200, "{slug}");
        assert_eq!(struck.answer.json()["refreshed"], false, "{slug}");
        let body = world.status(slug).await.json();
        assert_eq!(body["state"], "stale", "{slug}");
        for member in ["statuses", "as_of", "version"] {
            assert_eq!(body[member], struck.good[member], "{slug}: {member}");
        }
        let error = struck.shown["last_error"].as_str().unwrap_or_default();
        assert!(error.contains(told), "{slug}: {error:?}");
        assert_eq!(struck.shown["state"], "stale", "{slug}");
        assert_eq!(struck.shown["upstream"]["failures"], 1, "{slug}");
        assert_eq!(struck.outcomes, 1, "{slug} as {outcome}");
        assert_nothing_leaks(&world, slug, &struck).await;

        struck.client_api.clear_fault();
        // Not before the end of the pause that the source asked for, if it did.
        wait_until(&format!("{slug} heals"), PATIENCE, async || {
            world.refresh(slug).await.json()["state"] == "live"
        })
        .await;
        assert_eq!(world.ops_project(slug).await["last_error"], Value::Null);
    }
    world.shutdown().await;
}

/// Slug, fault, outcome in metrics, a part of `last_error`.
fn failures() -> Vec<(&'static str, Fault, &'static str, &'static str)> {
    let status = Fault::status;
    vec![
        ("status-400", status(400), "refused", "400"),
        ("status-401", status(401), "refused", "401"),
        ("status-403", status(403), "refused", "403"),
        ("status-404", status(404), "refused", "404"),
        ("status-410", status(410), "refused", "410"),
        ("status-418", status(418), "refused", "418"),
        ("status-429", status(429), "too_many_requests", "429"),
        (
            "status-429-wait",
            Fault::too_many_requests(RetryAfter::Seconds(1)),
            "too_many_requests",
            "429",
        ),
        (
            "status-429-odd",
            Fault::too_many_requests(RetryAfter::Verbatim("-1 or so".into())),
            "too_many_requests",
            "429",
        ),
        ("status-500", status(500), "server_error", "500"),
        ("status-502", status(502), "server_error", "502"),
        ("status-503", status(503), "server_error", "503"),
        ("status-599", status(599), "server_error", "599"),
        ("silence", Fault::Silence, "timeout", "time limit"),
        (
            "latency",
            Fault::Latency { ms: 30_000 },
            "timeout",
            "time limit",
        ),
        ("drip", Fault::Drip { ms: 100 }, "timeout", "time limit"),
        ("truncated", Fault::Truncated, "connection", "connection"),
        ("reset", Fault::Reset, "connection", "connection"),
        (
            "reset-mid-body",
            Fault::ResetMidBody,
            "connection",
            "connection",
        ),
        ("html-page", Fault::HtmlPage, "bad_body", "not JSON"),
        (
            "wrong-shape",
            Fault::WrongShape,
            "bad_body",
            "not a list or map",
        ),
        (
            "empty-object",
            Fault::EmptyObject,
            "bad_body",
            "not a list or map",
        ),
        ("not-json", Fault::NotJson, "bad_body", "not JSON"),
        (
            "huge-announced",
            Fault::Huge {
                bytes: 11 * 1024 * 1024,
                announced: true,
            },
            "bad_body",
            "unusable body",
        ),
        (
            "huge-chunked",
            Fault::Huge {
                bytes: 11 * 1024 * 1024,
                announced: false,
            },
            "bad_body",
            "unusable body",
        ),
        (
            "too-many-units",
            Fault::ManyUnits { count: 100_001 },
            "bad_body",
            "100000",
        ),
        (
            "redirect-elsewhere",
            Fault::Redirect {
                location: format!("http://192.0.2.1/{INSIDE_MARK}"),
            },
            "address",
            "address",
        ),
        (
            "redirect-to-file",
            Fault::Redirect {
                location: format!("file:///etc/{INSIDE_MARK}"),
            },
            "refused",
            "302",
        ),
    ]
}

#[tokio::test]
async fn what_is_merely_odd_is_read() {
    let world = World::with(unlimited).await;
    world.project("neighbour", UNITS).await;
    for (slug, fault) in [
        ("late", Fault::Latency { ms: 50 }),
        ("flapping", Fault::Flapping),
        ("duplicates", Fault::Duplicates),
        ("bad-units", Fault::BadUnits),
        ("unmapped", Fault::Unmapped { word: "odd".into() }),
        (
            "padded",
            Fault::Huge {
                bytes: 9 * 1024 * 1024,
                announced: false,
            },
        ),
        ("dripping", Fault::Drip { ms: 0 }),
        (
            "redirect-within",
            Fault::Redirect {
                location: "/neighbour/units".into(),
            },
        ),
    ] {
        let struck = strike(&world, slug, fault, "ok").await;
        let body = struck.answer.json();
        assert_eq!(body["refreshed"], true, "{slug}: {}", struck.shown);
        assert_eq!(body["state"], "live", "{slug}");
        assert_eq!(body["count"], 3, "{slug}");
        assert_eq!(struck.outcomes, 1, "{slug}");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn the_most_units_that_are_read_are_a_hundred_thousand() {
    let world = World::start().await;
    // A crowded machine reads so much more slowly than a refresh waits by default.
    let client_api = world.project_with("city", &[], |row| row.timeout(60)).await;
    client_api.set_fault(Fault::ManyUnits { count: 100_000 });
    assert_eq!(world.refresh("city").await.json()["count"], 100_000);
    world.shutdown().await;
}

#[tokio::test]
async fn an_unasked_304_is_no_data() {
    let world = World::start().await;
    let (address, mut server) = always("HTTP/1.1 304 Not Modified\r\n\r\n").await;
    let row = ProjectRow::named("tower").upstream(format!("http://{address}"), "/units");
    world.database.insert_project(row).await;

    let body = world.status("tower").await.json();

    assert_eq!(body["state"], "unknown");
    assert_eq!(body["as_of"], Value::Null);
    let shown = world.ops_project("tower").await;
    assert!(shown["last_error"].to_string().contains("304"), "{shown}");
    server.shutdown().await;
    world.shutdown().await;
}

#[tokio::test]
async fn a_success_without_a_body_is_no_empty_project() {
    let world = World::start().await;
    let (address, mut server) = always("HTTP/1.1 204 No Content\r\n\r\n").await;
    let row = ProjectRow::named("tower").upstream(format!("http://{address}"), "/units");
    world.database.insert_project(row).await;

    assert_eq!(world.status("tower").await.json()["state"], "unknown");

    server.shutdown().await;
    world.shutdown().await;
}

#[tokio::test]
async fn where_nobody_listens_the_project_is_unknown() {
    let world = World::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let row = ProjectRow::named("tower").upstream(format!("http://{address}"), "/units");
    world.database.insert_project(row).await;

    assert_eq!(world.status("tower").await.json()["statuses"], json!({}));

    let shown = world.ops_project("tower").await;
    assert!(
        shown["last_error"]
            .to_string()
            .contains("connection failed"),
        "{shown}"
    );
    world.shutdown().await;
}

/// A server that answers every connection's first request with the same bytes.
async fn always(answer: &'static str) -> (std::net::SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = JoinSet::new();
    server.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (address, server)
}
