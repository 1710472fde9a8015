//! Projects, with what a list shows of their integrations. Each change is one transaction with the event that tells of
//! it.

use farol_core::status::Slug;
use sqlx::postgres::PgRow;
use sqlx::{Acquire as _, AssertSqlSafe, PgConnection, PgPool, Row as _};
use tokio::time::timeout_at;

use super::audit_repo;
use super::connection_repo::{Connection, RepoError};
use crate::projects::{Event, Listed, NewProject, ProjectRow, Revised, told_base};

/// Reads and changes projects. Clones share the pool.
#[derive(Clone, Debug)]
pub struct ProjectRepo {
    pool: PgPool,
}

/// Rows of other programs may hold NULL in any column that is not a key.
const SELECT: &str = "
    SELECT p.slug, coalesce(p.name, '') AS name, p.description, coalesce(p.is_active, false) AS is_active,
           p.created_at, p.updated_at, i.project_id IS NOT NULL AS integrated,
           i.api_base_url, coalesce(i.auth_type, 'none') AS auth_type,
           btrim(coalesce(i.auth_credentials, ''), E' \\t\\r\\n') NOT IN ('', '{}', 'null') AS has_credentials,
           i.last_sync_at, coalesce(i.sync_status, 'idle') AS sync_status, i.sync_error
      FROM projects p
      LEFT JOIN integration_configs i ON i.project_id = p.id";

impl ProjectRepo {
    /// Over this pool.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Up to `most` of all projects, by name.
    ///
    /// # Errors
    /// Of the database.
    pub async fn list(&self, most: usize) -> Result<Vec<ProjectRow>, RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let deadline = connection.deadline();
        let query = format!("{SELECT} ORDER BY lower(p.name), p.slug LIMIT $1");
        let query = sqlx::query(AssertSqlSafe(query)).bind(i64::try_from(most).unwrap_or(i64::MAX));
        let answer = timeout_at(deadline, query.fetch_all(&mut *connection)).await;
        let rows = connection.settle(answer)?;
        let rows: sqlx::Result<_> = rows.iter().map(project).collect();
        Ok(rows?)
    }

    /// The project of `slug`.
    ///
    /// # Errors
    /// Of the database.
    pub async fn find(&self, slug: &Slug) -> Result<Option<ProjectRow>, RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let answer = timeout_at(connection.deadline(), find(&mut connection, slug)).await;
        connection.settle(answer)
    }

    /// Writes a project and its event; `None` where another has the slug, also one that comes at the same moment.
    ///
    /// # Errors
    /// Of the database: then nothing is written, unless it vanished while it committed.
    pub async fn create(
        &self,
        new: &NewProject,
        event: &Event,
    ) -> Result<Option<ProjectRow>, RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let answer = timeout_at(connection.deadline(), create(&mut connection, new, event)).await;
        connection.settle(answer)
    }

    /// Writes what `revise` makes of the row, with its event, while nobody else can change it; where it makes nothing,
    /// nothing is written. `None`: there is no such project.
    ///
    /// # Errors
    /// Of the database: then nothing is written, unless it vanished while it committed.
    pub async fn revise(
        &self,
        slug: &Slug,
        revise: impl FnOnce(&ProjectRow) -> Option<Revised<ProjectRow>>,
    ) -> Result<Option<ProjectRow>, RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let deadline = connection.deadline();
        let answer = timeout_at(deadline, change(&mut connection, slug, revise)).await;
        connection.settle(answer)
    }
}

async fn find(connection: &mut PgConnection, slug: &Slug) -> sqlx::Result<Option<ProjectRow>> {
    let query = format!("{SELECT} WHERE p.slug = $1");
    let query = sqlx::query(AssertSqlSafe(query)).bind(slug.as_str());
    let row = query.fetch_optional(connection).await?;
    row.as_ref().map(project).transpose()
}

async fn create(
    connection: &mut PgConnection,
    new: &NewProject,
    event: &Event,
) -> sqlx::Result<Option<ProjectRow>> {
    let mut transaction = connection.begin().await?;
    let insert = sqlx::query(
        "INSERT INTO projects (slug, name, description, is_active) VALUES ($1, $2, $3, $4)
         ON CONFLICT (slug) DO NOTHING",
    );
    let insert = insert.bind(new.slug.as_str()).bind(&new.name);
    let insert = insert.bind(&new.description).bind(new.is_active);
    if insert.execute(&mut *transaction).await?.rows_affected() == 0 {
        return Ok(None);
    }
    audit_repo::write(&mut transaction, event).await?;
    let row = find(&mut transaction, &new.slug).await?;
    transaction.commit().await?;
    Ok(row)
}

async fn change(
    connection: &mut PgConnection,
    slug: &Slug,
    revise: impl FnOnce(&ProjectRow) -> Option<Revised<ProjectRow>>,
) -> sqlx::Result<Option<ProjectRow>> {
    let mut transaction = connection.begin().await?;
    if lock(&mut transaction, slug).await?.is_none() {
        return Ok(None);
    }
    let before = find(&mut transaction, slug).await?;
    let Some(revised) = before.as_ref().and_then(revise) else {
        return Ok(before);
    };
    let update = sqlx::query(
        "UPDATE projects SET name = $2, description = $3, is_active = $4, updated_at = now() WHERE slug = $1",
    );
    let update = update.bind(slug.as_str()).bind(&revised.row.name);
    let update = update
        .bind(&revised.row.description)
        .bind(revised.row.is_active);
    update.execute(&mut *transaction).await?;
    audit_repo::write(&mut transaction, &revised.event).await?;
    let row = find(&mut transaction, slug).await?;
    transaction.commit().await?;
    Ok(row)
}

/// The key of a project that nobody else can change, nor its integration, before the transaction ends.
pub(super) async fn lock(
    transaction: &mut PgConnection,
    slug: &Slug,
) -> sqlx::Result<Option<uuid::Uuid>> {
    let lock = sqlx::query_scalar("SELECT id FROM projects WHERE slug = $1 FOR UPDATE");
    lock.bind(slug.as_str()).fetch_optional(transaction).await
}

fn project(row: &PgRow) -> sqlx::Result<ProjectRow> {
    let integrated: bool = row.try_get("integrated")?;
    Ok(ProjectRow {
        slug: row.try_get("slug")?,
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        is_active: row.try_get("is_active")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        integration: integrated.then(|| listed(row)).transpose()?,
    })
}

fn listed(row: &PgRow) -> sqlx::Result<Listed> {
    Ok(Listed {
        api_base_url: row
            .try_get::<Option<String>, _>("api_base_url")?
            .map(|it| told_base(&it)),
        auth_type: row.try_get("auth_type")?,
        has_credentials: row.try_get("has_credentials")?,
        last_sync_at: row.try_get("last_sync_at")?,
        sync_status: row.try_get("sync_status")?,
        sync_error: row.try_get("sync_error")?,
    })
}
