//! The demo rows in a real database.

use demo_world::{Auth, Character, ClientApi, LivingWorld, seed};
use farol_core::status::{Mapping, Status, normalize, parse_units};
use serde_json::Value;
use service_kit::secrets::Vault;
use service_kit::settings::Secret;
use sqlx::Row as _;
use test_kit::Database;

use crate::client::ask;

const KEY: &str = "a key of this test";

#[tokio::test]
async fn the_seed_can_be_repeated_and_seals_the_credentials() {
    let database = Database::fresh().await;
    for upstream in ["http://127.0.0.1:1", "http://127.0.0.1:8300/"] {
        assert_eq!(
            seed(&database.owner_url(), KEY, upstream).await.unwrap(),
            Character::ALL.len()
        );
    }
    let rows = sqlx::query(
        "SELECT slug, is_active, api_base_url, status_endpoint, auth_type, auth_credentials
         FROM projects JOIN integration_configs ON project_id = projects.id ORDER BY slug",
    );
    let rows = rows.fetch_all(database.owner_pool()).await.unwrap();
    let slugs: Vec<String> = rows.iter().map(|row| row.get("slug")).collect();
    assert_eq!(slugs, ["garden-court", "harbour-tower", "hillside-lofts"]);
    assert!(
        rows.iter()
            .all(|row| row.get::<String, _>("api_base_url") == "http://127.0.0.1:8300")
    );
    assert_eq!(
        rows[0].get::<String, _>("status_endpoint"),
        "/garden-court/units"
    );
    assert_eq!(rows[1].get::<Option<String>, _>("auth_credentials"), None);
    let vault = Vault::new(&Secret::new(KEY.into()));
    let opened = vault.open(rows[0].get("auth_credentials")).unwrap();
    assert_eq!(
        (opened.get("token"), opened.is_plain()),
        (Some("garden-demo-token"), false)
    );
}

#[tokio::test]
async fn every_word_of_the_first_day_is_known_to_the_seeded_mapping() {
    let database = Database::fresh().await;
    seed(&database.owner_url(), KEY, "http://x").await.unwrap();
    let api = ClientApi::start().unwrap();
    // Ended at once: its first day stays as it was opened.
    drop(LivingWorld::open(&api, 7));
    for character in Character::ALL {
        let mapping = sqlx::query_scalar::<_, Value>(
            "SELECT status_mapping FROM integration_configs JOIN projects ON projects.id = project_id
             WHERE slug = $1",
        );
        let mapping = mapping
            .bind(character.slug)
            .fetch_one(database.owner_pool())
            .await
            .unwrap();
        let (mapping, complaints) = Mapping::overlaid(&mapping, Status::Hidden);
        assert!(complaints.is_empty(), "{complaints:?}");
        let (header, value) = match character.auth() {
            Auth::Bearer { token } => ("Authorization".to_owned(), format!("Bearer {token}")),
            Auth::ApiKey { header, key } => (header, key),
            other => ("X-Nothing".to_owned(), format!("{other:?}")),
        };
        let project = api.project(character.slug);
        let heard = ask(&project, &[(&header, &value)]).await;
        let (snapshot, complaints) =
            normalize(parse_units(&heard.body, &mapping).unwrap(), &mapping);
        assert_eq!(snapshot.len(), project.units().len(), "{}", character.slug);
        assert!(
            complaints.unmapped.is_empty() && complaints.skipped == 0,
            "{complaints:?}"
        );
    }
}

#[tokio::test]
async fn the_one_that_nobody_connected_has_one_word_that_nobody_knows() {
    let api = ClientApi::start().unwrap();
    drop(LivingWorld::open(&api, 7));
    let project = api.project(Character::UNCONNECTED.slug);
    assert_eq!(ask(&project, &[]).await.status(), 401);
    let heard = ask(&project, &[("X-Quay-Key", "quay-demo-key")]).await;
    let mapping = Mapping::builtin(Status::Hidden);
    let (snapshot, complaints) = normalize(parse_units(&heard.body, &mapping).unwrap(), &mapping);
    assert_eq!(snapshot.len(), 24);
    let unmapped: Vec<&str> = complaints
        .unmapped
        .iter()
        .map(|it| it.value.as_str())
        .collect();
    assert_eq!(unmapped, ["Deposit paid"]);
}
