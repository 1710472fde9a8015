//! The demo rows in a real database.

use demo_world::{Character, seed};
use service_kit::secrets::Vault;
use service_kit::settings::Secret;
use sqlx::Row as _;
use test_kit::Database;

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
