//! Who changed what. Events are written by the transaction of what they tell of, and only ever added.

use sqlx::{PgConnection, PgPool, Row as _, postgres::PgRow};
use tokio::time::timeout_at;

use super::connection_repo::{Connection, RepoError};
use crate::projects::{Event, EventView};

/// Reads events. Clones share the pool.
#[derive(Clone, Debug)]
pub struct AuditRepo {
    pool: PgPool,
}

impl AuditRepo {
    /// Over this pool.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Up to `most` events of `project`, or of all, before the one with this number; newest first.
    ///
    /// # Errors
    /// Of the database.
    pub async fn newest(
        &self,
        project: Option<&str>,
        before: Option<i64>,
        most: i64,
    ) -> Result<Vec<EventView>, RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let deadline = connection.deadline();
        let events = sqlx::query(
            "SELECT id, at, actor, action, slug, request_id, detail FROM admin_events
              WHERE ($1::text IS NULL OR slug = $1) AND ($2::bigint IS NULL OR id < $2)
              ORDER BY id DESC LIMIT $3",
        );
        let events = events.bind(project).bind(before).bind(most);
        let answer = timeout_at(deadline, events.fetch_all(&mut *connection)).await;
        let rows = connection.settle(answer)?;
        let events: sqlx::Result<_> = rows.iter().map(view).collect();
        Ok(events?)
    }

    /// Writes an event about something that changes no row.
    ///
    /// # Errors
    /// Of the database.
    pub async fn note(&self, event: &Event) -> Result<(), RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let answer = timeout_at(connection.deadline(), write(&mut connection, event)).await;
        connection.settle(answer)
    }
}

fn view(row: &PgRow) -> sqlx::Result<EventView> {
    Ok(EventView {
        id: row.try_get("id")?,
        at: row.try_get("at")?,
        actor: row.try_get("actor")?,
        action: row.try_get("action")?,
        project: row.try_get("slug")?,
        request_id: row.try_get("request_id")?,
        detail: row.try_get("detail")?,
    })
}

/// Writes an event in the transaction of what it tells of.
pub(super) async fn write(transaction: &mut PgConnection, event: &Event) -> sqlx::Result<()> {
    let insert = sqlx::query(
        "INSERT INTO admin_events (actor, action, slug, request_id, detail) VALUES ($1, $2, $3, $4, $5)",
    );
    let insert = insert.bind(&event.who.actor).bind(event.action);
    let insert = insert.bind(&event.slug).bind(&event.who.request_id);
    let insert = insert.bind(&event.detail);
    insert.execute(transaction).await.map(drop)
}
