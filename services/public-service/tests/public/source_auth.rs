//! Credentials: sent as each kind demands, opened with the key of the settings,
//! and never left out of a request that needs them.

use demo_world::{Auth, ClientApi, Fault};
use serde_json::{Map, Value, json};
use service_kit::secrets::Vault;
use service_kit::settings::Secret;
use test_kit::ProjectRow;

use crate::status_refresh::unlimited;
use crate::world::World;

const KEY: &str = "the-key-of-these-tests";
const UNITS: &[(&str, &str)] = &[("A101", "sold")];

async fn world() -> World {
    World::with(|settings| {
        settings.integration.secret_key = Some(KEY.to_owned().into());
        unlimited(settings);
    })
    .await
}

/// Credentials as a row holds them.
pub fn sealed(key: &str, credentials: &Value) -> String {
    let key: Secret = key.to_owned().into();
    let map: Map<String, Value> = credentials.as_object().cloned().unwrap_or_default();
    Vault::new(&key).seal(&map)
}

#[tokio::test]
async fn each_kind_of_credentials_lets_us_in() {
    let world = world().await;
    for (slug, kind, credentials, wanted) in [
        ("nothing", "none", json!({}), Auth::None),
        (
            "token",
            "bearer",
            json!({"token": "t0ken-of-bearer"}),
            Auth::bearer("t0ken-of-bearer"),
        ),
        (
            "key",
            "api_key",
            json!({"api_key": "k3y-of-default"}),
            Auth::api_key("X-API-Key", "k3y-of-default"),
        ),
        (
            "key-elsewhere",
            "api_key",
            json!({"api_key": "k3y-of-header", "api_key_header": "X-Client"}),
            Auth::api_key("X-Client", "k3y-of-header"),
        ),
        (
            "pair",
            "basic",
            json!({"username": "ana", "password": "pão: com manteiga"}),
            Auth::basic("ana", "pão: com manteiga"),
        ),
        (
            "pair-without-password",
            "basic",
            json!({"username": "ana", "password": ""}),
            Auth::basic("ana", ""),
        ),
    ] {
        let change = |row: ProjectRow| row.auth(kind, sealed(KEY, &credentials));
        let client_api = world.project_with(slug, UNITS, change).await;
        client_api.require_auth(wanted);

        let body = world.status(slug).await.json();

        assert_eq!(body["state"], "live", "{slug}");
        assert_eq!(client_api.auth_failures(), 0, "{slug}");
        let shown = world.ops_project(slug).await;
        assert_eq!(shown["settings_complaints"], json!([]), "{slug}");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn a_request_says_who_asks_and_what_for_and_no_more() {
    let world = world().await;
    let client_api = world.project("tower", UNITS).await;
    world.status("tower").await;

    let request = client_api.requests().remove(0);
    assert_eq!(request.method, "GET");
    assert_eq!(request.path, "/tower/units");
    let agent = request.header("user-agent").unwrap_or_default();
    assert!(agent.starts_with("farol/"), "{agent}");
    assert_eq!(request.header("accept"), Some("application/json"));
    for absent in [
        "authorization",
        "x-api-key",
        "cookie",
        "referer",
        "x-forwarded-for",
    ] {
        assert_eq!(request.header(absent), None, "{absent}");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn credentials_that_cannot_be_used_are_never_a_request_without_them() {
    let world = world().await;
    let good = |credentials: Value| Some(sealed(KEY, &credentials));
    for (slug, kind, stored) in [
        (
            "other-key",
            "bearer",
            Some(sealed("another key", &json!({"token": "t"}))),
        ),
        ("none-stored", "bearer", None),
        ("blank", "bearer", Some("  ".to_owned())),
        ("junk", "bearer", Some("gAAAAAjunk".to_owned())),
        ("plain-list", "basic", Some("[\"ana\"]".to_owned())),
        ("no-token", "bearer", good(json!({"Token": "t"}))),
        ("empty-token", "bearer", good(json!({"token": ""}))),
        ("token-of-number", "bearer", good(json!({"token": 7}))),
        ("no-key", "api_key", good(json!({"token": "t"}))),
        ("no-user", "basic", good(json!({"password": "p"}))),
        ("unknown-kind", "oauth2", good(json!({"token": "t"}))),
        (
            "line-break",
            "bearer",
            good(json!({"token": "a\r\nX-Evil: 1"})),
        ),
        (
            "no-header-name",
            "api_key",
            good(json!({"api_key": "k", "api_key_header": "not a name"})),
        ),
    ] {
        let change = |mut row: ProjectRow| {
            row.auth_type = Some(kind.to_owned());
            row.auth_credentials = stored;
            row
        };
        let client_api = world.project_with(slug, UNITS, change).await;

        assert_eq!(
            world.status(slug).await.json()["state"],
            "unknown",
            "{slug}"
        );
        let refreshed = world.refresh(slug).await.json();
        assert_eq!(refreshed["refreshed"], false, "{slug}");

        assert_eq!(client_api.request_count(), 0, "{slug}");
        let shown = world.ops_project(slug).await;
        let error = shown["last_error"].as_str().unwrap_or_default();
        assert!(
            error.contains("credentials cannot be used"),
            "{slug}: {error:?}"
        );
    }
    world.shutdown().await;
}

#[tokio::test]
async fn credentials_without_a_key_in_the_settings_are_no_request() {
    let world = World::start().await;
    let change = |row: ProjectRow| row.auth("bearer", sealed(KEY, &json!({"token": "t"})));
    let client_api = world.project_with("tower", UNITS, change).await;
    assert_eq!(world.status("tower").await.json()["state"], "unknown");
    assert_eq!(client_api.request_count(), 0);
    world.shutdown().await;
}

#[tokio::test]
async fn plain_credentials_are_used_and_complained_of() {
    let world = world().await;
    let change = |row: ProjectRow| row.auth("bearer", r#"{"token": "in-the-open"}"#);
    let client_api = world.project_with("tower", UNITS, change).await;
    client_api.require_auth(Auth::bearer("in-the-open"));

    assert_eq!(world.status("tower").await.json()["state"], "live");

    let shown = world.ops_project("tower").await;
    let complaints = shown["settings_complaints"].to_string();
    assert!(complaints.contains("unencrypted"), "{complaints}");
    assert!(!complaints.contains("in-the-open"), "{complaints}");
    world.shutdown().await;
}

#[tokio::test]
async fn credentials_do_not_follow_a_redirect_to_another_host() {
    let world = world().await;
    let elsewhere = ClientApi::start().unwrap();
    let trap = elsewhere.project("trap");
    trap.set_units([("A101", "available")]);
    let change = |row: ProjectRow| row.auth("bearer", sealed(KEY, &json!({"token": "t"})));
    let client_api = world.project_with("tower", UNITS, change).await;
    client_api.set_fault(Fault::Redirect {
        location: trap.url(),
    });

    assert_eq!(world.status("tower").await.json()["state"], "unknown");

    assert_eq!(client_api.request_count(), 1);
    assert_eq!(trap.request_count(), 0);
    world.shutdown().await;
}
