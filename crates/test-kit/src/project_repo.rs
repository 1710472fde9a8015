//! Rows of projects and their integrations as tests write them, NULLs included.

use serde_json::Value;
use sqlx::PgPool;

/// A project and its integration. The defaults suit a test: no credentials, a short interval, no
/// retries, everything else NULL.
#[derive(Debug, Clone)]
pub struct ProjectRow {
    /// `projects.slug`; the name is the same.
    pub slug: String,
    /// `projects.is_active`.
    pub is_active: bool,
    /// Whether there is a row in `integration_configs` at all.
    pub integration: bool,
    /// `api_base_url`.
    pub api_base_url: Option<String>,
    /// `status_endpoint`.
    pub status_endpoint: Option<String>,
    /// `auth_type`.
    pub auth_type: Option<String>,
    /// `auth_credentials`, as stored: a Fernet token or a JSON object.
    pub auth_credentials: Option<String>,
    /// `status_mapping`.
    pub mapping: Option<Value>,
    /// `unmapped_status`.
    pub unmapped_status: Option<String>,
    /// `update_method`.
    pub update_method: Option<String>,
    /// `polling_interval_seconds`.
    pub interval_seconds: Option<i32>,
    /// `timeout_seconds`.
    pub timeout_seconds: Option<i32>,
    /// `retry_count`.
    pub retries: Option<i32>,
}

impl ProjectRow {
    /// An active project of that slug.
    pub fn named(slug: impl Into<String>) -> Self {
        Self {
            slug: slug.into(),
            is_active: true,
            integration: true,
            api_base_url: None,
            status_endpoint: None,
            auth_type: Some("none".to_owned()),
            auth_credentials: None,
            mapping: None,
            unmapped_status: None,
            update_method: Some("polling".to_owned()),
            interval_seconds: Some(1),
            timeout_seconds: Some(5),
            retries: Some(0),
        }
    }

    /// Where its client API is asked.
    pub fn upstream(mut self, base_url: impl Into<String>, endpoint: impl Into<String>) -> Self {
        self.api_base_url = Some(base_url.into());
        self.status_endpoint = Some(endpoint.into());
        self
    }

    /// `is_active = false`.
    pub fn inactive(mut self) -> Self {
        self.is_active = false;
        self
    }

    /// No row in `integration_configs`.
    pub fn without_integration(mut self) -> Self {
        self.integration = false;
        self
    }

    /// How it is asked, with the credentials as stored.
    pub fn auth(mut self, auth_type: impl Into<String>, credentials: impl Into<String>) -> Self {
        self.auth_type = Some(auth_type.into());
        self.auth_credentials = Some(credentials.into());
        self
    }

    /// The mapping laid over the built-in one.
    pub fn mapping(mut self, mapping: Value) -> Self {
        self.mapping = Some(mapping);
        self
    }

    /// What unmapped words become.
    pub fn unmapped_status(mut self, status: impl Into<String>) -> Self {
        self.unmapped_status = Some(status.into());
        self
    }

    /// Seconds between two fetches; `None` is NULL.
    pub fn interval(mut self, seconds: impl Into<Option<i32>>) -> Self {
        self.interval_seconds = seconds.into();
        self
    }

    /// Seconds that a fetch may take; `None` is NULL.
    pub fn timeout(mut self, seconds: impl Into<Option<i32>>) -> Self {
        self.timeout_seconds = seconds.into();
        self
    }

    /// Further attempts of a failed fetch; `None` is NULL.
    pub fn retries(mut self, count: impl Into<Option<i32>>) -> Self {
        self.retries = count.into();
        self
    }

    /// NULL in every nullable column, address and endpoint apart: a row of another program.
    pub fn all_null(mut self) -> Self {
        self.auth_type = None;
        self.auth_credentials = None;
        self.mapping = None;
        self.unmapped_status = None;
        self.update_method = None;
        self.interval(None).timeout(None).retries(None)
    }
}

/// Writes the rows; those of the same slug are overwritten.
pub(crate) async fn save(pool: &PgPool, row: &ProjectRow) -> sqlx::Result<()> {
    let mut transaction = pool.begin().await?;
    let project = sqlx::query_scalar::<_, sqlx::types::Uuid>(
        "INSERT INTO projects (slug, name, is_active) VALUES ($1, $1, $2)
         ON CONFLICT (slug) DO UPDATE SET is_active = excluded.is_active, updated_at = now()
         RETURNING id",
    );
    let project = project.bind(&row.slug).bind(row.is_active);
    let project = project.fetch_one(&mut *transaction).await?;
    let old = sqlx::query("DELETE FROM integration_configs WHERE project_id = $1");
    old.bind(project).execute(&mut *transaction).await?;
    if row.integration {
        let integration = sqlx::query(
            "INSERT INTO integration_configs
                 (project_id, api_base_url, status_endpoint, auth_type, auth_credentials,
                  status_mapping, unmapped_status, update_method, polling_interval_seconds,
                  timeout_seconds, retry_count)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        );
        let integration = integration
            .bind(project)
            .bind(&row.api_base_url)
            .bind(&row.status_endpoint)
            .bind(&row.auth_type)
            .bind(&row.auth_credentials)
            .bind(&row.mapping)
            .bind(&row.unmapped_status)
            .bind(&row.update_method)
            .bind(row.interval_seconds)
            .bind(row.timeout_seconds)
            .bind(row.retries);
        integration.execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

/// Takes the project away, its integration with it.
pub(crate) async fn delete(pool: &PgPool, slug: &str) -> sqlx::Result<()> {
    let gone = sqlx::query("DELETE FROM projects WHERE slug = $1").bind(slug);
    gone.execute(pool).await.map(drop)
}
