//! How the service starts and ends, as a process.

use std::collections::HashMap;

use futures_util::future::join_all;
use serde_json::json;
use test_kit::{Database, PATIENCE, ServiceProcess, WsClient, http_get, wait_until};

use crate::world::{SECRET, subscribe, subscribe_alerts, token_of};

fn start(database: &Database, more: &[(&str, &str)]) -> ServiceProcess {
    let url = database.telemetry_url();
    let mut environment = vec![
        ("DATABASE_URL", url.as_str()),
        ("PORT", "0"),
        ("OPS_PORT", "0"),
        ("DB_POOL_SIZE", "3"),
        ("JWT_HS256_SECRET", SECRET),
        ("WS_POLL_SECONDS", "1"),
        ("LOG_LEVEL", "trace"),
    ];
    environment.extend(more);
    ServiceProcess::spawn("telemetry-service", &environment)
}

#[tokio::test]
async fn sigterm_lets_every_socket_go_with_1001_at_its_own_moment_and_exits_0() {
    let database = Database::fresh().await;
    let mut service = start(&database, &[("DRAIN_SECONDS", "3"), ("LOG_LEVEL", "info")]);
    let (address, ops) = (
        service.address("public").await,
        service.address("ops").await,
    );
    let url = format!("http://{address}/api/v2/ws?token={}", token_of("a"));
    let mut sockets = Vec::new();
    for _ in 0..40 {
        let mut socket = WsClient::connect(&url, &[]).await;
        socket.send(&subscribe_alerts()).await;
        assert_eq!(socket.json_of("alerts").await["total"], 0);
        sockets.push(socket);
    }
    service.sigterm();
    wait_until("not ready", PATIENCE, async || {
        http_get(&format!("http://{ops}/health/ready"), &[])
            .await
            .status()
            == 503
    })
    .await;
    let ends = join_all(sockets.into_iter().map(async |socket| {
        let end = socket.closed().await;
        assert_eq!(end.0, 1001);
        tokio::time::Instant::now()
    }));
    let ends = ends.await;
    let first = ends.iter().min().unwrap();
    let spread: HashMap<u128, usize> = ends.iter().fold(HashMap::new(), |mut spread, end| {
        *spread.entry((*end - *first).as_millis() / 250).or_default() += 1;
        spread
    });
    assert!(spread.len() > 3, "not all at once: {spread:?}");
    assert_eq!(service.wait_exit().await, Some(0), "{}", service.output());
}

#[tokio::test]
async fn without_somebody_to_believe_it_does_not_start_and_says_what_is_missing() {
    let environment = [("DATABASE_URL", "postgres://somebody@localhost/nowhere")];
    let mut service = ServiceProcess::spawn("telemetry-service", &environment);
    assert_eq!(service.wait_exit().await, Some(2));
    let output = service.output();
    for name in ["KEYCLOAK_PUBLIC_URL", "JWT_JWKS_URL", "JWT_HS256_SECRET"] {
        assert!(output.contains(name), "{output}");
    }
}

#[tokio::test]
async fn no_token_ticket_or_secret_is_ever_logged() {
    let database = Database::fresh().await;
    let mut service = start(&database, &[("DRAIN_SECONDS", "0")]);
    let (address, ops) = (
        service.address("public").await,
        service.address("ops").await,
    );
    let http = format!("http://{address}");
    let token = token_of("a");
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let ticket = http_get(&format!("{http}/api/v2/ws-ticket"), &headers)
        .await
        .json();
    let ticket = ticket["ticket"].as_str().unwrap().to_owned();
    for query in [
        format!("?token={token}"),
        format!("?ticket={ticket}"),
        "?token=forged.token.value".to_owned(),
    ] {
        let mut socket = WsClient::connect(&format!("{http}/api/v2/ws{query}"), &[]).await;
        if !query.contains("forged") {
            socket.send(&subscribe("dev-0001")).await;
            socket.json_of("subscribed").await;
            let renew = json!({"action": "authenticate", "token": token});
            assert_eq!(socket.asked(&renew).await["type"], "authenticated");
            socket.leave().await;
        }
    }
    http_get(&format!("{http}/api/v2/devices"), &headers).await;
    let status = http_get(&format!("http://{ops}/status"), &[]).await;
    let metrics = http_get(&format!("http://{ops}/metrics"), &[]).await;
    service.sigterm();
    assert_eq!(service.wait_exit().await, Some(0), "{}", service.output());
    let told = format!("{}{}{}", service.output(), status.text(), metrics.text());
    assert!(
        told.contains("a socket ends"),
        "the log is as talkative as it gets"
    );
    let signature = token.rsplit('.').next().unwrap();
    for secret in [signature, ticket.as_str(), SECRET, "forged.token.value"] {
        assert!(!told.contains(secret), "{secret} is told");
    }
}
