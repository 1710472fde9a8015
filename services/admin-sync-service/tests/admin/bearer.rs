//! The other way in: tokens of an issuer that the settings name, for its admins.

use admin_sync_service::settings::{AdminAuth, Settings};
use serde_json::{Value, json};
use service_kit::clock::Clock;
use service_kit::jwt::JwtSettings;
use test_kit::{Answer, KeyServer, hs256_token, http_get, http_request};

use crate::bodies::{id_of, ok, problem};
use crate::world::{AUTHORIZATION, World};

const SECRET: &str = "a secret of thirty-two bytes: 32!";

/// A service that believes `server` beside its one user.
async fn believing(server: &KeyServer, change: impl FnOnce(&mut Settings)) -> World {
    let url = server.url().parse().unwrap();
    World::with(|settings| {
        settings.jwt = JwtSettings {
            keycloak_public_url: Some("http://id.test".parse().unwrap()),
            keycloak_internal_url: Some(url),
            ..JwtSettings::default()
        };
        change(settings);
    })
    .await
}

/// What an admin's token claims, but for `change`.
fn claims(change: &Value) -> Value {
    let mut claims = json!({
        "exp": Clock::system().now().timestamp() + 600,
        "iss": "http://id.test/realms/pulse",
        "aud": "pulse-ui",
        "sub": "maria",
        "realm_access": {"roles": ["offline_access", "admin"]},
    });
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

async fn get_with(world: &World, token: &str) -> Answer {
    let header = format!("Bearer {token}");
    http_get(&world.url("/sync/status"), &[("authorization", &header)]).await
}

async fn force_with(world: &World, token: &str) -> Answer {
    let header = format!("Bearer {token}");
    let url = world.url("/sync/force?overlap=queue");
    http_request("POST", &url, &[("authorization", &header)], b"").await
}

/// As whoever has the wrong password, and told of both ways.
fn refused(answer: &Answer) {
    let body = problem(answer, 401, "unauthorized");
    assert_eq!(body["detail"], "Invalid credentials");
    let challenges = answer.head.all("www-authenticate");
    let schemes = challenges.iter().map(|it| it.split(' ').next().unwrap());
    assert_eq!(schemes.collect::<Vec<_>>(), ["Basic", "Bearer"]);
}

#[tokio::test]
async fn a_token_of_an_admin_opens_the_door_beside_the_password() {
    let server = KeyServer::start().await;
    let world = believing(&server, |_| {}).await;
    for change in [
        json!({}),
        json!({"role": "admin", "realm_access": null}),
        json!({"aud": ["account", "pulse-ui"], "tenant_id": "demo-a"}),
    ] {
        ok(&get_with(&world, &server.sign(&claims(&change))).await);
    }
    ok(&world.get("/sync/status").await);
    assert_eq!(server.requests(), 1);
    world.shutdown().await;
}

#[tokio::test]
async fn what_a_token_did_is_told_under_its_subject() {
    let server = KeyServer::start().await;
    let world = believing(&server, |_| {}).await;
    for (subject, told) in [
        (json!("maria"), "maria"),
        (json!("ma\0ri\na"), "maria"),
        (json!(null), "bearer"),
    ] {
        let token = server.sign(&claims(&json!({ "sub": subject })));
        let id = id_of(&ok(&force_with(&world, &token).await));
        let run = ok(&world.get(&format!("/sync/executions/{id}")).await);
        assert_eq!(run["requested_by"], told);
        assert_eq!(run["events"][0]["actor"], told, "{run}");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn a_token_that_does_not_hold_is_refused_like_a_wrong_password() {
    let server = KeyServer::start().await;
    let world = believing(&server, |settings| {
        settings.access.auth_failures_per_minute = 1000;
    })
    .await;
    refused(&http_get(&world.url("/sync/status"), &[]).await);
    let good = server.sign(&claims(&json!({})));
    let (stem, _) = good.rsplit_once('.').unwrap();
    for token in [
        server.sign(&claims(&json!({"exp": 1_700_000_000}))),
        server.sign(&claims(&json!({"aud": "account"}))),
        server.sign(&claims(&json!({"iss": "http://id.test/realms/other"}))),
        hs256_token(&server.public_pem(), &claims(&json!({}))),
        format!(
            "{stem}.{}",
            server.sign(&json!({})).rsplit_once('.').unwrap().1
        ),
        "YW5hOnMzY3JldC1vZi1hbmE=".to_owned(),
        String::new(),
    ] {
        refused(&get_with(&world, &token).await);
        refused(&force_with(&world, &token).await);
    }
    assert_eq!(world.runs().await, 0);
    world.shutdown().await;
}

#[tokio::test]
async fn a_good_token_of_somebody_else_is_forbidden_and_no_guess() {
    let server = KeyServer::start().await;
    let world = believing(&server, |settings| {
        settings.access.auth_failures_per_minute = 1;
    })
    .await;
    for roles in [
        json!([]),
        json!(["customer_admin"]),
        json!(["Admin", "administrator"]),
    ] {
        let change = json!({"realm_access": {"roles": roles}, "role": "customer_viewer"});
        let answer = get_with(&world, &server.sign(&claims(&change))).await;
        let body = problem(&answer, 403, "not_admin");
        assert_eq!(body["detail"], "The token has no role admin");
    }
    ok(&world.get("/sync/status").await);
    world.shutdown().await;
}

#[tokio::test]
async fn wrong_tokens_and_wrong_passwords_are_one_count() {
    let server = KeyServer::start().await;
    let world = believing(&server, |settings| {
        settings.access.auth_failures_per_minute = 2;
    })
    .await;
    refused(&get_with(&world, "no token").await);
    let wrong = [("authorization", "Basic YW5hOndyb25n")];
    refused(&http_get(&world.url("/sync/status"), &wrong).await);
    let good = server.sign(&claims(&json!({})));
    problem(
        &get_with(&world, &good).await,
        429,
        "too_many_failed_logins",
    );
    problem(
        &world.get("/sync/status").await,
        429,
        "too_many_failed_logins",
    );
    world.shutdown().await;
}

#[tokio::test]
async fn while_the_key_server_is_away_a_token_is_to_be_tried_again_and_no_guess() {
    let server = KeyServer::start().await;
    server.go_away();
    let world = believing(&server, |settings| {
        settings.access.auth_failures_per_minute = 1;
    })
    .await;
    let token = server.sign(&claims(&json!({})));
    for _ in 0..3 {
        let answer = get_with(&world, &token).await;
        problem(&answer, 503, "keys_unavailable");
        assert_eq!(answer.header("retry-after"), Some("10"));
        assert_eq!(answer.header("www-authenticate"), None);
    }
    ok(&world.get("/sync/status").await);
    let failed = "admin_jwks_fetches_total{outcome=\"unreachable\"}";
    assert!((world.service.metric(failed).await - 1.0).abs() < 0.5);
    world.shutdown().await;
}

#[tokio::test]
async fn tokens_of_a_shared_secret_may_be_the_only_way_in() {
    let world = World::with(|settings| {
        settings.access.admin_username = None;
        settings.access.admin_password = None;
        settings.jwt.jwt_hs256_secret = Some(SECRET.into());
    })
    .await;
    ok(&get_with(&world, &hs256_token(SECRET, &claims(&json!({})))).await);
    for headers in [&[][..], &[AUTHORIZATION]] {
        let answer = http_get(&world.url("/sync/status"), headers).await;
        problem(&answer, 401, "unauthorized");
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.starts_with("Bearer "), "{challenge}");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn with_the_door_off_no_token_is_looked_at() {
    let server = KeyServer::start().await;
    let world = believing(&server, |settings| {
        settings.access.admin_auth = AdminAuth::Off;
    })
    .await;
    ok(&get_with(&world, "no token").await);
    assert_eq!(server.requests(), 0);
    world.shutdown().await;
}
