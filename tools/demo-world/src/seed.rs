//! Brings the demo projects into a database, as an administrator would have entered them.

use service_kit::secrets::Vault;
use service_kit::settings::Secret;
use sqlx::postgres::PgPoolOptions;

use crate::cast::Character;
use crate::demo_repo::{self, DemoRow};

/// Upserts the demo projects, asked at `upstream_url`, with credentials sealed under `secret_key`.
/// Doing it again changes nothing but the seal.
///
/// # Errors
/// When the database cannot be reached or refuses the rows.
pub async fn seed(
    database_url: &str,
    secret_key: impl Into<Box<str>>,
    upstream_url: &str,
) -> Result<usize, sqlx::Error> {
    let vault = Vault::new(&Secret::new(secret_key.into()));
    let rows = Character::ALL.map(|character| row(&character, upstream_url, &vault));
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect(database_url)
        .await?;
    demo_repo::upsert(&pool, &rows).await?;
    pool.close().await;
    Ok(rows.len())
}

fn row(character: &Character, upstream_url: &str, vault: &Vault) -> DemoRow {
    let (auth_type, credentials) = character.credentials();
    DemoRow {
        slug: character.slug,
        title: character.title,
        description: character.description,
        api_base_url: upstream_url.trim_end_matches('/').to_owned(),
        status_endpoint: character.endpoint(),
        auth_type,
        sealed_credentials: credentials.map(|credentials| vault.seal(&credentials)),
        mapping: character.mapping(),
        interval_seconds: character.interval_seconds,
        timeout_seconds: character.timeout_seconds,
        retries: character.retries,
    }
}
