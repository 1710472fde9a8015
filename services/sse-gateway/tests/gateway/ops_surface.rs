//! What operators rely on: the documents say what there is, all of it, and nothing that is not.

use std::collections::{BTreeMap, BTreeSet};

use service_kit::settings::ServiceSettings as _;
use sse_gateway::settings::Settings;
use test_kit::{http_get, printed_metrics, quoted, table_rows, told_metrics, told_settings};

use crate::backend::Act;
use crate::world::World;

const OPERATIONS: &str = include_str!("../../../../docs/OPERATIONS.md");
const API: &str = include_str!("../../../../docs/API.md");

#[tokio::test]
async fn the_metrics_of_the_document_are_the_metrics_that_are_printed() {
    let world = World::start().await;
    let (stream, token) = world.stream("/s").await;
    world.send(&token, "x", "1").await;
    world.backend.on_connect(Act::status(403));
    world.get("/no").await;
    drop(stream);
    world.all_told().await;

    let told = told_metrics(OPERATIONS, "## sse-gateway: metrics");
    let printed = http_get(&format!("http://{}/metrics", world.ops), &[]).await;
    assert_eq!(told, printed_metrics(printed.text()));
    assert!(!printed.text().contains(&token), "a token is no label");
    world.shutdown().await;
}

#[test]
fn the_settings_of_the_document_are_the_settings_with_their_defaults() {
    let told = told_settings(OPERATIONS, "## sse-gateway: settings");
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

#[test]
fn every_setting_is_known_to_the_other_services() {
    for field in Settings::groups().iter().flat_map(|group| group.fields) {
        assert!(
            service_kit::settings::KNOWN_ELSEWHERE.contains(&field.key),
            "{}",
            field.key
        );
    }
}

#[tokio::test]
async fn the_endpoints_of_the_document_are_the_endpoints_that_answer() {
    let told: BTreeSet<String> = table_rows(API, "## SSE gateway")
        .filter(|cells| cells.len() == 2)
        .map(|cells| quoted(cells[0]).remove(0))
        .filter(|cell| cell.contains(" /"))
        .collect();
    let known = [
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/{path}", 403),
        ("POST", "/internal/send", 400),
        ("GET", "/internal/connections", 200),
        ("OPTIONS", "/{path}", 204),
    ];
    let names = known.map(|(method, path, _)| format!("{method} {path}"));
    assert_eq!(told, names.into_iter().collect());
    let world = World::start().await;
    world.backend.on_connect(Act::status(403));
    for (method, path, status) in known {
        let url = world.url(&path.replace("{path}", "any"));
        let answer = test_kit::http_request(method, &url, &[], b"").await;
        assert_eq!(answer.status(), status, "{method} {path}");
    }
    world.shutdown().await;
}
