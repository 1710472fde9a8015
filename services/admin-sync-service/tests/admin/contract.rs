//! /openapi.json says what is answered: every status, and the shape of every body.

use std::collections::BTreeSet;

use serde_json::json;
use test_kit::{Contract, PATIENCE, http_request, judge_committed, wait_until};

use crate::bodies::{backfill, id_of, ok};
use crate::connecting::Connecting;
use crate::force::cuttable;
use crate::neighbours::{looking, services};
use crate::ops_listeners::OpsListener;
use crate::world::{AUTHORIZATION, World};

const API: &str = include_str!("../../../../docs/API.md");
const COMMITTED: &str = include_str!("../../../../docs/openapi/admin-sync-service.json");

async fn contract(world: &World) -> Contract {
    Contract::new(ok(&world.get("/openapi.json").await))
}

#[tokio::test]
async fn the_committed_contract_is_the_one_that_is_served() {
    let world = World::start().await;
    let served = world.get("/openapi.json").await;
    judge_committed("admin-sync-service", COMMITTED, served.text());
    world.shutdown().await;
}

#[tokio::test]
async fn the_contract_names_the_routes_and_no_others() {
    let world = World::start().await;
    let contract = contract(&world).await;
    let told = contract.operations();
    let expected = [
        "delete /api/projects/{slug}",
        "delete /api/projects/{slug}/integration/credentials",
        "delete /api/tasks/{task_id}",
        "delete /console/session",
        "get /api/audit",
        "get /api/projects",
        "get /api/projects/{slug}",
        "get /api/projects/{slug}/integration",
        "get /api/system",
        "get /api/system/dead-letters",
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
        "post /api/system/dead-letters/drop",
        "post /api/system/dead-letters/requeue",
        "post /api/system/dead-letters/{key}/drop",
        "post /api/system/dead-letters/{key}/requeue",
        "post /api/tasks/{task_id}/cancel",
        "post /console/session",
        "post /sync/estimate",
        "post /sync/executions/{id}/cancel",
        "post /sync/executions/{id}/retry",
        "post /sync/force",
        "put /api/projects/{slug}",
        "put /api/projects/{slug}/integration",
    ];
    assert_eq!(told, expected.map(str::to_owned).into());
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
    for operation in &told {
        let statuses = contract.statuses(operation);
        for status in ["200", "202"] {
            assert_ne!(statuses.get(status), Some(&false), "{operation}: {status}");
        }
        for status in ["401", "429", "503"] {
            assert!(statuses.contains_key(status), "{operation}: {status}");
        }
    }
    world.shutdown().await;
}

#[tokio::test]
async fn every_answer_is_as_the_contract_says() {
    let world = World::start().await;
    world.ready().await;
    let contract = contract(&world).await;
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
    for body in [backfill(10), json!({}), json!({"mode": "no"})] {
        let answer = world.post("/sync/estimate", &body).await;
        contract.judge("POST", "/sync/estimate", &answer);
    }
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
    let contract = contract(&world).await;
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
    let contract = contract(&world).await;
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
    let contract = contract(&world).await;
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

#[tokio::test]
async fn the_answers_about_the_system_are_as_the_contract_says() {
    let listener = OpsListener::ready("1", &json!([])).await;
    let world = looking(|it| it.neighbour.public_ops_url = vec![listener.url()]).await;
    world.ready().await;
    let contract = contract(&world).await;
    let (list, dead) = ("/api/system/dead-letters", format!("{}.dead", world.queue));
    services(&world, "it is ready", |all| all[0]["state"] == "ready").await;
    for body in ["a", "b", "c", "d"] {
        world.rabbit.publish(&dead, body).await;
    }
    let told = world.get(list).await;
    contract.judge("GET", list, &told);
    contract.judge("GET", list, &world.get(&format!("{list}?limit=0")).await);
    for (place, verb) in ["requeue", "drop"].into_iter().enumerate() {
        let one = format!("{list}/{{key}}/{verb}");
        let key = told.json()["messages"][place]["key"].clone();
        let path = format!("{list}/{}/{verb}", key.as_str().unwrap());
        for _ in 0..2 {
            contract.judge("POST", &one, &world.post(&path, &json!({})).await);
        }
        let all = format!("{list}/{verb}");
        contract.judge("POST", &all, &world.post(&all, &json!({})).await);
    }
    wait_until("there is an incident, or was", PATIENCE, async || {
        let system = world.get("/api/system").await;
        contract.judge("GET", "/api/system", &system);
        system.json()["dead_letters"] == 0
    })
    .await;
    world.rabbit.publish(&dead, "e").await;
    wait_until("there is an incident", PATIENCE, async || {
        let system = world.get("/api/system").await;
        contract.judge("GET", "/api/system", &system);
        system.json()["incidents"][0]["kind"] == "dead_letters"
    })
    .await;
    world.shutdown().await;
}

#[tokio::test]
async fn the_answers_about_projects_are_as_the_contract_says() {
    let there = Connecting::start().await;
    let contract = contract(&there.world).await;
    let (all, one) = ("/api/projects", "/api/projects/{slug}");
    let integration = "/api/projects/{slug}/integration";
    let units = [("A101", "livre"), ("A102", "sold")];
    let key = json!({"auth_type": "api_key", "auth_credentials": {"api_key": "k"}, "unmapped_status": "hidden"});
    there.connected("tower", &units, key).await;
    let new = json!({"slug": "bare", "name": "Bare"});
    for body in [new.clone(), new, json!({}), json!([])] {
        contract.judge("POST", all, &there.world.post(all, &body).await);
    }
    contract.judge("GET", all, &there.world.get(all).await);
    for slug in ["tower", "bare", "nobody"] {
        let path = one.replace("{slug}", slug);
        contract.judge("GET", one, &there.world.get(&path).await);
        contract.judge(
            "GET",
            integration,
            &there.world.get(&format!("{path}/integration")).await,
        );
        for body in [
            json!({"retry_count": 1}),
            json!({"description": "x"}),
            json!({"x": 1}),
        ] {
            let body = body.to_string();
            contract.judge("PUT", one, &there.send("PUT", &path, &[], &body).await);
            let within = format!("{path}/integration");
            contract.judge(
                "PUT",
                integration,
                &there.send("PUT", &within, &[], &body).await,
            );
            let stale = [("if-match", "\"stale\"")];
            contract.judge(
                "PUT",
                integration,
                &there.send("PUT", &within, &stale, &body).await,
            );
        }
        for overrides in [
            json!({}),
            json!({"api_base_url": "http://127.0.0.1:1"}),
            json!({"x": 1}),
        ] {
            let tried = there
                .world
                .post(&format!("{path}/integration/test"), &overrides)
                .await;
            contract.judge("POST", "/api/projects/{slug}/integration/test", &tried);
        }
        for query in ["?client_status=livre", ""] {
            let path = format!("{path}/integration/map-status{query}");
            let mapped = there.world.post(&path, &json!({})).await;
            contract.judge(
                "POST",
                "/api/projects/{slug}/integration/map-status",
                &mapped,
            );
        }
    }
    for query in ["", "?limit=1", "?limit=0"] {
        contract.judge(
            "GET",
            "/api/audit",
            &there.world.get(&format!("/api/audit{query}")).await,
        );
    }
    let text = there.world.post_with(all, &[], &vec![b'x'; 2 << 20]).await;
    contract.judge("POST", all, &text);
    let nobody = there.send("DELETE", "/api/projects/nobody", &[], "").await;
    contract.judge("DELETE", one, &nobody);
    there.shutdown().await;
}
