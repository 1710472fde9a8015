//! Integrations: how client APIs are asked. Each change is one transaction with the event that tells of it, and who
//! changes a project's integration has its project for himself meanwhile.

use client_api::StoredIntegration;
use farol_core::status::Slug;
use sqlx::postgres::PgRow;
use sqlx::{Acquire as _, AssertSqlSafe, PgConnection, PgPool, Row as _};
use tokio::time::timeout_at;
use uuid::Uuid;

use super::connection_repo::{Connection, RepoError};
use super::{audit_repo, project_repo};
use crate::projects::{Event, IntegrationRow, ProjectError, Revised};

/// Reads and changes integrations. Clones share the pool.
#[derive(Clone, Debug)]
pub struct IntegrationRepo {
    pool: PgPool,
}

const COLUMNS: &str = "
    i.id, i.api_base_url, i.status_endpoint, i.auth_type, i.auth_credentials, i.status_mapping::text,
    i.unmapped_status, i.update_method, i.polling_interval_seconds, i.timeout_seconds, i.retry_count,
    i.last_sync_at, i.sync_status, i.sync_error, i.created_at, i.updated_at";

/// What a change comes to: the row, or why there is none.
type Outcome = Result<Option<IntegrationRow>, ProjectError>;

impl IntegrationRepo {
    /// Over this pool.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The integration of a project, if it has one; the outer `None`: there is no such project.
    ///
    /// # Errors
    /// Of the database.
    pub async fn find(&self, slug: &Slug) -> Result<Option<Option<IntegrationRow>>, RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let deadline = connection.deadline();
        let query = format!(
            "SELECT i.project_id IS NOT NULL AS integrated, {COLUMNS}
               FROM projects p LEFT JOIN integration_configs i ON i.project_id = p.id WHERE p.slug = $1"
        );
        let query = sqlx::query(AssertSqlSafe(query)).bind(slug.as_str());
        let answer = timeout_at(deadline, query.fetch_optional(&mut *connection)).await;
        let Some(row) = connection.settle(answer)? else {
            return Ok(None);
        };
        let integrated: bool = row.try_get("integrated")?;
        Ok(Some(integrated.then(|| integration(&row)).transpose()?))
    }

    /// Writes what `revise` makes of the row, with its event, while nobody else can change it; where it makes nothing,
    /// nothing is written.
    ///
    /// # Errors
    /// Those of `revise`, [`ProjectError::NotFound`], and of the database: then nothing is written, unless it vanished
    /// while it committed.
    pub async fn revise(
        &self,
        slug: &Slug,
        revise: impl FnOnce(
            Option<&IntegrationRow>,
        ) -> Result<Option<Revised<StoredIntegration>>, ProjectError>,
    ) -> Outcome {
        let mut connection = Connection::of(&self.pool).await?;
        let deadline = connection.deadline();
        let answer = timeout_at(deadline, change(&mut connection, slug, revise)).await;
        connection.settle(answer)?
    }

    /// Writes an event about something that changes no row.
    ///
    /// # Errors
    /// Of the database.
    pub async fn note(&self, event: &Event) -> Result<(), RepoError> {
        audit_repo::AuditRepo::new(self.pool.clone())
            .note(event)
            .await
    }
}

async fn change(
    connection: &mut PgConnection,
    slug: &Slug,
    revise: impl FnOnce(
        Option<&IntegrationRow>,
    ) -> Result<Option<Revised<StoredIntegration>>, ProjectError>,
) -> sqlx::Result<Outcome> {
    let mut transaction = connection.begin().await?;
    let Some(project) = project_repo::lock(&mut transaction, slug).await? else {
        return Ok(Err(ProjectError::NotFound));
    };
    let before = find(&mut transaction, project).await?;
    let revised = match revise(before.as_ref()) {
        Ok(Some(revised)) => revised,
        Ok(None) => return Ok(Ok(before)),
        Err(refused) => return Ok(Err(refused)),
    };
    save(&mut transaction, project, &revised.row).await?;
    audit_repo::write(&mut transaction, &revised.event).await?;
    let row = find(&mut transaction, project).await?;
    transaction.commit().await?;
    Ok(Ok(row))
}

async fn find(
    connection: &mut PgConnection,
    project: Uuid,
) -> sqlx::Result<Option<IntegrationRow>> {
    let query = format!("SELECT {COLUMNS} FROM integration_configs i WHERE i.project_id = $1");
    let query = sqlx::query(AssertSqlSafe(query)).bind(project);
    let row = query.fetch_optional(connection).await?;
    row.as_ref().map(integration).transpose()
}

async fn save(
    transaction: &mut PgConnection,
    project: Uuid,
    stored: &StoredIntegration,
) -> sqlx::Result<()> {
    let save = sqlx::query(
        "INSERT INTO integration_configs
                (project_id, api_base_url, status_endpoint, auth_type, auth_credentials, status_mapping,
                 unmapped_status, update_method, polling_interval_seconds, timeout_seconds, retry_count)
         VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7, $8, $9, $10, $11)
         ON CONFLICT (project_id) DO UPDATE SET
                api_base_url = EXCLUDED.api_base_url, status_endpoint = EXCLUDED.status_endpoint,
                auth_type = EXCLUDED.auth_type, auth_credentials = EXCLUDED.auth_credentials,
                status_mapping = EXCLUDED.status_mapping, unmapped_status = EXCLUDED.unmapped_status,
                update_method = EXCLUDED.update_method,
                polling_interval_seconds = EXCLUDED.polling_interval_seconds,
                timeout_seconds = EXCLUDED.timeout_seconds, retry_count = EXCLUDED.retry_count,
                updated_at = now()",
    );
    let save = save.bind(project).bind(&stored.api_base_url);
    let save = save.bind(&stored.status_endpoint).bind(&stored.auth_type);
    let save = save
        .bind(&stored.auth_credentials)
        .bind(&stored.status_mapping);
    let save = save
        .bind(&stored.unmapped_status)
        .bind(&stored.update_method);
    let save = save.bind(stored.polling_interval_seconds);
    let save = save.bind(stored.timeout_seconds).bind(stored.retry_count);
    save.execute(transaction).await.map(drop)
}

fn integration(row: &PgRow) -> sqlx::Result<IntegrationRow> {
    Ok(IntegrationRow {
        id: row.try_get("id")?,
        stored: StoredIntegration {
            api_base_url: row.try_get("api_base_url")?,
            status_endpoint: row.try_get("status_endpoint")?,
            auth_type: row.try_get("auth_type")?,
            auth_credentials: row.try_get("auth_credentials")?,
            status_mapping: row.try_get("status_mapping")?,
            unmapped_status: row.try_get("unmapped_status")?,
            update_method: row.try_get("update_method")?,
            polling_interval_seconds: row.try_get("polling_interval_seconds")?,
            timeout_seconds: row.try_get("timeout_seconds")?,
            retry_count: row.try_get("retry_count")?,
        },
        last_sync_at: row.try_get("last_sync_at")?,
        sync_status: row.try_get("sync_status")?,
        sync_error: row.try_get("sync_error")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}
