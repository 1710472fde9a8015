//! /openapi.json says what is answered: every status, and the shape of every body.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use test_kit::{Answer, http_request};

use crate::bodies::{backfill, id_of, ok};
use crate::force::cuttable;
use crate::world::{AUTHORIZATION, World};

const API: &str = include_str!("../../../../docs/API.md");

/// The contract of a running service.
struct Contract(Value);

impl Contract {
    async fn of(world: &World) -> Self {
        let contract = ok(&world.get("/openapi.json").await);
        assert_eq!(contract["openapi"], "3.1.0");
        Self(contract)
    }

    /// The contract has this status for this operation, with a body of that shape.
    fn judge(&self, method: &str, path: &str, answer: &Answer) {
        let place = format!("{method} {path} {}: {}", answer.status(), answer.text());
        let operation = &self.0["paths"][path][method.to_lowercase()];
        assert!(operation.is_object(), "no operation: {place}");
        let response = &operation["responses"][answer.status().to_string()];
        let response = self.resolved(response);
        let media_type = answer.header("content-type").unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default();
        let content = &response["content"][media_type];
        assert!(content.is_object(), "no {media_type:?} for {place}");
        if media_type.ends_with("json") {
            let complaint = self.complaint(&content["schema"], &answer.json(), "$");
            assert_eq!(complaint, None, "{place}");
        }
    }

    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(reference) => {
                let found = self.0.pointer(reference.trim_start_matches('#'));
                self.resolved(found.unwrap_or_else(|| panic!("no {reference}")))
            }
            None => schema,
        }
    }

    /// What is wrong with `value`, as far as this document's schemas go.
    fn complaint(&self, schema: &Value, value: &Value, at: &str) -> Option<String> {
        let schema = self.resolved(schema);
        let list = |name: &str| schema[name].as_array().cloned().unwrap_or_default();
        let any = list("oneOf");
        if !any.is_empty()
            && any
                .iter()
                .all(|one| self.complaint(one, value, at).is_some())
        {
            return Some(format!("{at}: {value} is none of {any:?}"));
        }
        if let Some(found) = list("allOf")
            .iter()
            .find_map(|one| self.complaint(one, value, at))
        {
            return Some(found);
        }
        if !list("enum").is_empty() && !list("enum").contains(value) {
            return Some(format!("{at}: {value} is not one of {}", schema["enum"]));
        }
        let types: Vec<String> = match &schema["type"] {
            Value::String(one) => vec![one.clone()],
            Value::Array(some) => some
                .iter()
                .map(|one| one.as_str().unwrap().to_owned())
                .collect(),
            _ => Vec::new(),
        };
        if !types.is_empty() && !types.iter().any(|name| is(value, name)) {
            return Some(format!("{at}: {value} is no {types:?}"));
        }
        let missing = list("required")
            .into_iter()
            .find(|name| value.get(name.as_str().unwrap()).is_none());
        if let Some(missing) = missing.filter(|_| value.is_object()) {
            return Some(format!("{at}: no {missing} in {value}"));
        }
        let mut properties = schema["properties"].as_object().into_iter().flatten();
        let found = properties.find_map(|(name, schema)| {
            self.complaint(schema, value.get(name)?, &format!("{at}.{name}"))
        });
        let items = || {
            value
                .as_array()?
                .iter()
                .find_map(|item| self.complaint(&schema["items"], item, at))
        };
        found.or_else(items)
    }
}

fn is(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => panic!("what is {name}?"),
    }
}

#[tokio::test]
async fn the_contract_names_the_routes_and_no_others() {
    let world = World::start().await;
    let Contract(contract) = Contract::of(&world).await;
    let told: BTreeSet<String> = contract["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            item.as_object()
                .unwrap()
                .keys()
                .map(move |method| format!("{method} {path}"))
        })
        .collect();
    let expected = [
        "delete /api/projects/{slug}",
        "delete /api/projects/{slug}/integration/credentials",
        "delete /api/tasks/{task_id}",
        "delete /console/session",
        "get /api/audit",
        "get /api/projects",
        "get /api/projects/{slug}",
        "get /api/projects/{slug}/integration",
        "get /api/tasks/{task_id}/status",
        "get /console",
        "get /console-assets/{name}",
        "get /console/session",
        "get /console/{page}",
        "get /docs",
        "get /docs/{name}",
        "get /openapi.json",
        "get /sync/coverage",
        "get /sync/dashboard",
        "get /sync/executions/{id}",
        "get /sync/history",
        "get /sync/status",
        "post /api/deployments/version",
        "post /api/projects",
        "post /api/projects/{slug}/integration/map-status",
        "post /api/projects/{slug}/integration/test",
        "post /api/sse/callback",
        "post /api/tasks/{task_id}/cancel",
        "post /console/session",
        "post /sync/executions/{id}/cancel",
        "post /sync/executions/{id}/retry",
        "post /sync/force",
        "put /api/projects/{slug}",
        "put /api/projects/{slug}/integration",
    ];
    assert_eq!(told, expected.map(str::to_owned).into());
    let items = contract["paths"].as_object().unwrap().values();
    let operations: Vec<&Value> = items
        .flat_map(|it| it.as_object().unwrap().values())
        .collect();
    let ids: BTreeSet<&str> = operations
        .iter()
        .map(|it| it["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(
        ids.len(),
        operations.len(),
        "generated clients name their methods by them: {ids:?}"
    );
    let (_, document) = API.split_once("\n## Sync administration\n").unwrap();
    let (document, _) = document.split_once("\n## ").unwrap();
    let rows = document
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let rows = rows.map(|(route, _)| route.split(['?', '[']).next().unwrap());
    let documented = rows.filter_map(|route| route.split_once(" /"));
    let documented: BTreeSet<String> = documented
        .map(|(method, path)| format!("{} /{path}", method.to_lowercase()))
        .collect();
    assert_eq!(documented, told, "docs/API.md");
    for operation in contract["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|item| item.as_object().unwrap().values())
    {
        for status in ["200", "202"]
            .iter()
            .filter(|status| operation["responses"][**status].is_object())
        {
            assert!(
                operation["responses"][*status]["content"].is_object(),
                "{operation}"
            );
        }
        for status in ["401", "429", "503"] {
            assert!(
                operation["responses"][status].is_object(),
                "{status} {operation}"
            );
        }
    }
    world.shutdown().await;
}

#[tokio::test]
async fn every_answer_is_as_the_contract_says() {
    let world = World::start().await;
    world.ready().await;
    let contract = Contract::of(&world).await;
    let reads = [
        "/sync/status",
        "/sync/history",
        "/sync/dashboard",
        "/sync/coverage",
        "/openapi.json",
        "/docs",
    ];
    for path in reads {
        contract.judge("GET", path, &world.get(path).await);
    }
    let forced = world.post("/sync/force", &backfill(10)).await;
    contract.judge("POST", "/sync/force", &forced);
    let id = id_of(&forced.json());
    world
        .sql("INSERT INTO sync_source VALUES ('pncp', 'ok', now(), 'closed', 1.0, now())")
        .await;
    world
        .sql(&format!(
            "INSERT INTO sync_segments (execution_id, endpoint, modalidade, day_from, day_to, cut_from, cut_to, state)
             VALUES ({id}, 'publicacao', 6, '2025-07-10', '2025-07-10', '2025-07-10T03:00Z', '2025-07-11T03:00Z',
                     'running')"
        ))
        .await;
    for path in reads {
        contract.judge("GET", path, &world.get(path).await);
    }
    let one = |id: i32| format!("/sync/executions/{id}");
    contract.judge("GET", "/sync/executions/{id}", &world.get(&one(id)).await);
    for (body, key) in [
        (backfill(10), "a"),
        (json!({"mode": "backfill"}), "b"),
        (json!({"mode": "no"}), "c"),
    ] {
        let body = body.to_string();
        let answer = world
            .post_with("/sync/force", &[("idempotency-key", key)], body.as_bytes())
            .await;
        contract.judge("POST", "/sync/force", &answer);
    }
    for headers in [
        [AUTHORIZATION, ("content-type", "text/plain")],
        [AUTHORIZATION, ("content-type", "application/json")],
    ] {
        let answer =
            http_request("POST", &world.url("/sync/force"), &headers, b"mode=update").await;
        contract.judge("POST", "/sync/force", &answer);
    }
    for verb in ["cancel", "retry"] {
        let path = format!("/sync/executions/{{id}}/{verb}");
        for id in [id, id, i32::MAX] {
            let answer = world
                .post(&format!("/sync/executions/{id}/{verb}"), &json!({}))
                .await;
            contract.judge("POST", &path, &answer);
        }
    }
    contract.judge(
        "GET",
        "/sync/executions/{id}",
        &world.get(&one(i32::MAX)).await,
    );
    contract.judge("GET", "/docs/{name}", &world.get("/docs/docs.js").await);
    contract.judge("GET", "/docs/{name}", &world.get("/docs/docs.css").await);
    contract.judge("GET", "/docs/{name}", &world.get("/docs/other").await);
    for name in ["main.js", "console.css", "other"] {
        let answer = world.get(&format!("/console-assets/{name}")).await;
        contract.judge("GET", "/console-assets/{name}", &answer);
    }
    contract.judge("GET", "/console", &world.get("/console").await);
    contract.judge("GET", "/console/{page}", &world.get("/console/a/b").await);
    for path in [
        "/sync/history?limit=0",
        "/sync/dashboard?days=0",
        "/sync/coverage?from=x",
    ] {
        let template = path.split('?').next().unwrap();
        contract.judge("GET", template, &world.get(path).await);
    }
    world.shutdown().await;
}

#[tokio::test]
async fn the_answers_about_streams_are_as_the_contract_says() {
    let world = World::start().await;
    world.ready().await;
    let contract = Contract::of(&world).await;
    let run = world.request().await;
    let row = world.row(run).await;
    let known = row["task_id"].as_str().unwrap().to_owned();
    for id in [&*known, "no-task"] {
        let task = format!("/api/tasks/{id}");
        let status = world.get(&format!("{task}/status")).await;
        contract.judge("GET", "/api/tasks/{task_id}/status", &status);
        let hide = async || http_request("DELETE", &world.url(&task), &[AUTHORIZATION], b"").await;
        contract.judge("DELETE", "/api/tasks/{task_id}", &hide().await);
        for _ in 0..2 {
            let cancel = world.post(&format!("{task}/cancel"), &json!({})).await;
            contract.judge("POST", "/api/tasks/{task_id}/cancel", &cancel);
        }
        let status = world.get(&format!("{task}/status")).await;
        contract.judge("GET", "/api/tasks/{task_id}/status", &status);
        contract.judge("DELETE", "/api/tasks/{task_id}", &hide().await);
    }
    let request = json!({"url": "/api/sse/tasks?task_id=1", "headers": {}});
    for body in [
        json!({"action": "connect", "token": "t", "request": request}),
        json!({"action": "disconnect", "token": "t", "request": request}),
        json!({"action": "connect", "token": "t", "request": request}),
        json!({"action": "dance"}),
    ] {
        let answer = world.post("/api/sse/callback", &body).await;
        contract.judge("POST", "/api/sse/callback", &answer);
    }
    for body in [json!({"version": "2", "request_id": "p"}), json!({})] {
        let answer = world.post("/api/deployments/version", &body).await;
        contract.judge("POST", "/api/deployments/version", &answer);
    }
    world.shutdown().await;
}

#[tokio::test]
async fn the_answers_about_sessions_are_as_the_contract_says() {
    let world = World::start().await;
    let contract = Contract::of(&world).await;
    let url = world.url("/console/session");
    let ours = ("x-requested-with", "farol-console");
    let wrong = ("authorization", "Basic YW5hOndyb25n");
    for headers in [
        &[][..],
        &[AUTHORIZATION],
        &[AUTHORIZATION, ours],
        &[wrong, ours],
    ] {
        for method in ["GET", "POST"] {
            let answer = http_request(method, &url, headers, b"").await;
            contract.judge(method, "/console/session", &answer);
        }
    }
    let refused = http_request("DELETE", &url, &[], b"").await;
    contract.judge("DELETE", "/console/session", &refused);
    world.shutdown().await;
}

#[tokio::test]
async fn a_refusal_at_the_door_and_an_absent_database_are_in_the_contract_too() {
    let (world, proxy) = cuttable().await;
    let contract = Contract::of(&world).await;
    let bare = http_request("POST", &world.url("/sync/force"), &[], b"").await;
    contract.judge("POST", "/sync/force", &bare);
    let foreign = world
        .post_with("/sync/force", &[("sec-fetch-site", "cross-site")], b"")
        .await;
    contract.judge("POST", "/sync/force", &foreign);
    proxy.cut();
    for path in [
        "/sync/status",
        "/sync/history",
        "/sync/dashboard",
        "/sync/coverage",
    ] {
        contract.judge("GET", path, &world.get(path).await);
    }
    contract.judge(
        "POST",
        "/sync/force",
        &world.post("/sync/force", &json!({})).await,
    );
    let task = "/api/tasks/5b0c1c43-6d4a-4d22-9b1e-000000000000/status";
    let away = world.get(task).await;
    contract.judge("GET", "/api/tasks/{task_id}/status", &away);
    assert_eq!(
        (away.status(), away.header("retry-after")),
        (503, Some("5"))
    );
    assert_eq!(
        away.json(),
        json!({"error": "The database cannot answer right now"})
    );
    proxy.restore();
    world.shutdown().await;
}
