//! /openapi.json of the ops listener says what is answered: every status, and the shape of every body and message.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use test_kit::{
    Answer, Contract, WsClient, WsMessage, http_get, http_request, judge_committed, quoted,
    table_rows,
};

use crate::rest_answers::{GUARDED, write};
use crate::world::{World, claims, signed, subscribe, subscribe_alerts, token_of};

const API: &str = include_str!("../../../../docs/API.md");
const COMMITTED: &str = include_str!("../../../../docs/openapi/telemetry-service.json");
const SOCKET: &str = "/api/v2/ws";

async fn contract(world: &World) -> Contract {
    let served = http_get(&world.ops_url("/openapi.json"), &[]).await;
    assert_eq!(served.header("content-type"), Some("application/json"));
    Contract::new(served.json())
}

/// The path of the contract that stands for this one.
fn template(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let mut parts: Vec<&str> = path.split('/').collect();
    for at in 1..parts.len() {
        match parts[at - 1] {
            "devices" | "alerts" => parts[at] = "{id}",
            "live-assets" => parts[at] = "{name}",
            _ => {}
        }
    }
    parts.join("/")
}

/// Asks by GET and, where the contract has it, by HEAD; both are judged.
async fn judge(contract: &Contract, world: &World, token: Option<&str>, path: &str) -> Answer {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let headers: Vec<_> = bearer
        .iter()
        .map(|it| ("authorization", it.as_str()))
        .collect();
    let template = template(path);
    let answer = http_get(&world.url(path), &headers).await;
    contract.judge("GET", &template, &answer);
    if contract.operations().contains(&format!("head {template}")) {
        let head = http_request("HEAD", &world.url(path), &headers, b"").await;
        contract.judge("HEAD", &template, &head);
    }
    answer
}

async fn furnish(world: &World) {
    let rows = "INSERT INTO device_state (tenant_id, device_id, status, last_seen_at, state)
            VALUES ('a', 'dev-0001', 'ONLINE', now(), '{\"v\": [1.5]}'), ('a', 'dev-0002', 'OFFLINE', NULL, 'null');
        INSERT INTO telemetry (time, tenant_id, device_id, seq, metrics)
            VALUES (now(), 'a', 'dev-0001', 1, '{\"t\": 1.5, \"on\": true, \"mode\": \"eco\", \"list\": [1], \"no\": null}');
        INSERT INTO fleet_alert (id, tenant_id, alert_type, fingerprint, severity) VALUES (1, 'a', 'HOT', 'f', 3);
        INSERT INTO fleet_alert (id, tenant_id, device_id, site_id, alert_type, fingerprint, severity, confidence, summary,
                                 details, status, closed_at)
            VALUES (2, 'a', 'dev-0001', 's', 'COLD', 'g', 1, 0.5, 'Cold', '{\"t\": 1}', 'CLOSED', now())";
    write(&world.database, rows).await;
}

#[tokio::test]
async fn the_committed_contract_is_the_one_that_is_served() {
    let world = World::start().await;
    let served = http_get(&world.ops_url("/openapi.json"), &[]).await;
    judge_committed("telemetry-service", COMMITTED, served.text());
    let public = http_get(&world.url("/openapi.json"), &[]).await;
    assert_eq!(
        public.status(),
        404,
        "the contract is for who runs the service"
    );
    world.shutdown().await;
}

#[tokio::test]
async fn the_contract_names_the_routes_and_no_others() {
    let world = World::start().await;
    let rows = table_rows(API, "## Telemetry").map(|cells| quoted(cells[0]).remove(0));
    let paths: Vec<String> = rows
        .filter_map(|cell| cell.strip_prefix("GET ").map(str::to_owned))
        .collect();
    let read = paths
        .iter()
        .filter(|it| it.starts_with("/api/") && *it != SOCKET);
    let heads = read.map(|path| format!("head {path}"));
    let gets = paths.iter().map(|path| format!("get {path}"));
    let told: BTreeSet<String> = gets.chain(heads).collect();
    assert_eq!(contract(&world).await.operations(), told, "docs/API.md");
    world.shutdown().await;
}

#[tokio::test]
async fn every_answer_is_as_the_contract_says_and_whatever_it_says_is_answered() {
    let (world, proxy) = World::with_cuttable_database(|settings| {
        settings.socket.allowed_origins = vec!["https://app.example.org".to_owned()];
    })
    .await;
    furnish(&world).await;
    let contract = contract(&world).await;
    let token = token_of("a");
    let stranger = signed(
        &json!({"role": "operator", "tenant_id": "a", "aud": "pulse-ui", "exp": claims("a", 600)["exp"]}),
    );
    for path in GUARDED {
        assert_eq!(
            judge(&contract, &world, Some(&token), path).await.status(),
            200,
            "{path}"
        );
        judge(&contract, &world, None, path).await;
        judge(&contract, &world, Some("nonsense"), path).await;
        judge(&contract, &world, Some(&stranger), path).await;
    }
    for path in [
        "/api/v2/devices?limit=0",
        "/api/v2/devices/nobody",
        "/api/v2/devices/a%20b/telemetry",
        "/api/v2/devices/nobody/telemetry",
        "/api/v2/devices/dev-0001/telemetry?start=x",
        "/api/v2/devices/dev-0001/telemetry?start=2026-01-02&end=2026-01-01",
        "/api/v2/devices/dev-0001/telemetry?limit=x",
        "/api/v2/devices/a%20b/telemetry/latest",
        "/api/v2/devices/dev-0001/telemetry/latest?count=11",
        "/api/v2/alerts?status=CLOSED&alert_type=COLD",
        "/api/v2/alerts?status=closed",
        "/api/v2/alerts/2",
        "/api/v2/alerts/3",
        "/api/v2/health",
        "/live",
        "/live-assets/live.js",
        "/live-assets/live.css",
        "/live-assets/other",
    ] {
        judge(&contract, &world, Some(&token), path).await;
    }
    judge_handshakes(&contract, &world).await;
    let busy = World::with(|settings| {
        settings.limit.tenant_requests_per_minute = 1;
        settings.limit.max_sockets_per_tenant = 1;
    })
    .await;
    for _ in 0..2 {
        for path in GUARDED {
            judge(&contract, &busy, Some(&token), path).await;
        }
    }
    proxy.cut();
    for path in GUARDED {
        judge(&contract, &world, Some(&token), path).await;
    }
    let unseen = contract.unseen();
    // What nobody foresaw cannot be brought about; 16 MiB of ten readings are a test of their own (`stores`).
    let missing = unseen
        .iter()
        .filter(|it| !it.ends_with(" 500") && !it.ends_with("/latest 400"));
    assert_eq!(missing.count(), 0, "promised and never seen: {unseen:?}");
    proxy.restore();
    busy.shutdown().await;
    world.shutdown().await;
}

async fn judge_handshakes(contract: &Contract, world: &World) {
    let body = Vec::new();
    let head = WsClient::knock(&world.ws_url(""), &[]).await;
    contract.judge("GET", SOCKET, &Answer { head, body });
    let upgrade = [
        ("upgrade", "websocket"),
        ("connection", "upgrade"),
        ("sec-websocket-version", "13"),
    ];
    let key = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let foreign = ("origin", "https://elsewhere.example.org");
    for (headers, status) in [
        (vec![], 426),
        (upgrade.to_vec(), 400),
        ([&upgrade[..], &[key, foreign]].concat(), 403),
    ] {
        let answer = http_get(&world.ws_url(""), &headers).await;
        assert_eq!(answer.status(), status);
        contract.judge("GET", SOCKET, &answer);
    }
}

/// What sockets are told, as the tables of docs/API.md have it; what is left out there is of no matter here.
fn documented() -> Vec<Value> {
    let (_, section) = API.split_once("\n## Telemetry\n").unwrap();
    let rows = section.lines().take_while(|line| !line.starts_with("## "));
    let cells = rows.filter(|line| line.starts_with('|')).flat_map(quoted);
    let messages = cells.filter(|cell| cell.starts_with("{\"type\""));
    let whole = |text: &str| text.replace("[…]", "[]").replace(":…", ":\"…\"");
    let parsed = |text: String| {
        let message = serde_json::from_str(&whole(&text));
        message.unwrap_or_else(|error| panic!("{text}: {error}"))
    };
    messages.map(parsed).collect()
}

/// The schema of a message by its `type`.
fn schema_of(message: &Value) -> &'static str {
    match message["type"].as_str().expect("a type") {
        "telemetry" | "alerts" | "state" => "SocketPush",
        _ => "SocketAnswer",
    }
}

fn kinds(contract: &Contract) -> BTreeSet<String> {
    let mut kinds = contract.kinds("SocketAnswer");
    kinds.extend(contract.kinds("SocketPush"));
    kinds
}

#[tokio::test]
async fn the_messages_of_the_document_are_those_of_the_contract_with_all_their_members() {
    let world = World::start().await;
    let contract = contract(&world).await;
    let (mut told, mut members) = (BTreeSet::new(), BTreeSet::new());
    for message in documented() {
        contract.judge_value(schema_of(&message), &message);
        told.insert(message["type"].as_str().unwrap().to_owned());
        members.extend(message.as_object().unwrap().keys().cloned());
    }
    assert_eq!(told, kinds(&contract));
    let mut described = contract.members("SocketAnswer");
    described.extend(contract.members("SocketPush"));
    assert_eq!(members, described.into_iter().map(str::to_owned).collect());
    let mut readings = documented().into_iter().map(|it| it["data"].clone());
    let reading = readings.find(Value::is_object).unwrap();
    let reading: BTreeSet<&str> = reading
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(reading, contract.members("PushedReading"));
    let (_, alert) = API.split_once("\nAn alert has `").unwrap();
    let (alert, _) = alert.split_once('`').unwrap();
    assert_eq!(
        alert.split(", ").collect::<BTreeSet<_>>(),
        contract.members("Alert")
    );
    world.shutdown().await;
}

#[tokio::test]
async fn every_message_of_a_socket_is_as_the_contract_says() {
    let (world, proxy) = World::with_cuttable_database(|_| {}).await;
    furnish(&world).await;
    let contract = contract(&world).await;
    let expiring = signed(&claims("a", 30));
    let mut socket = world.socket_with(&format!("?token={expiring}")).await;
    for message in [
        subscribe("dev-0001"),
        subscribe_alerts(),
        json!({"action": "ping"}),
        json!({"action": "authenticate", "token": token_of("a")}),
        json!({"action": "unsubscribe", "type": "device", "device_id": "dev-0002"}),
        json!({"action": "unsubscribe", "type": "alerts"}),
        subscribe_alerts(),
        json!({"action": "dance"}),
    ] {
        socket.send(&message).await;
    }
    let all = kinds(&contract);
    let mut seen = BTreeSet::new();
    while seen.len() < all.len() {
        if seen.len() == all.len() - 1 && !seen.contains("state") {
            proxy.cut();
        }
        let WsMessage::Text(text) = socket.next().await else {
            continue;
        };
        let message: Value = serde_json::from_str(&text).unwrap();
        contract.judge_value(schema_of(&message), &message);
        seen.insert(message["type"].as_str().unwrap().to_owned());
    }
    assert_eq!(seen, all);
    proxy.restore();
    socket.leave().await;
    world.shutdown().await;
}
