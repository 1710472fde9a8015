//! SQL that writes the demo projects and their integrations.

use serde_json::Value;
use sqlx::PgPool;
use sqlx::types::Uuid;

/// What is written of one project.
#[derive(Debug)]
pub(crate) struct DemoRow {
    pub(crate) slug: &'static str,
    pub(crate) title: &'static str,
    pub(crate) description: &'static str,
    pub(crate) api_base_url: String,
    pub(crate) status_endpoint: String,
    pub(crate) auth_type: &'static str,
    pub(crate) sealed_credentials: Option<String>,
    pub(crate) mapping: Value,
    pub(crate) interval_seconds: i32,
    pub(crate) timeout_seconds: i32,
    pub(crate) retries: i32,
}

/// Writes all rows or none; rows of the same slugs are brought to these values.
pub(crate) async fn upsert(pool: &PgPool, rows: &[DemoRow]) -> sqlx::Result<()> {
    let mut transaction = pool.begin().await?;
    for row in rows {
        let project = sqlx::query_scalar::<_, Uuid>(
            "INSERT INTO projects (slug, name, description, is_active)
             VALUES ($1, $2, $3, true)
             ON CONFLICT (slug) DO UPDATE
             SET name = excluded.name, description = excluded.description, is_active = true,
                 updated_at = now()
             RETURNING id",
        );
        let project = project.bind(row.slug).bind(row.title).bind(row.description);
        let project = project.fetch_one(&mut *transaction).await?;
        let integration = sqlx::query(
            "INSERT INTO integration_configs
                 (project_id, api_base_url, status_endpoint, auth_type, auth_credentials,
                  status_mapping, polling_interval_seconds, timeout_seconds, retry_count)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (project_id) DO UPDATE
             SET api_base_url = excluded.api_base_url, status_endpoint = excluded.status_endpoint,
                 auth_type = excluded.auth_type, auth_credentials = excluded.auth_credentials,
                 status_mapping = excluded.status_mapping,
                 polling_interval_seconds = excluded.polling_interval_seconds,
                 timeout_seconds = excluded.timeout_seconds, retry_count = excluded.retry_count,
                 updated_at = now()",
        );
        let integration = integration
            .bind(project)
            .bind(&row.api_base_url)
            .bind(&row.status_endpoint)
            .bind(row.auth_type)
            .bind(&row.sealed_credentials)
            .bind(&row.mapping)
            .bind(row.interval_seconds)
            .bind(row.timeout_seconds)
            .bind(row.retries);
        integration.execute(&mut *transaction).await?;
    }
    transaction.commit().await
}
