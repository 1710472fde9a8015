//! Watches that the database is there and that its schema is the one that this build needs.

use std::time::Duration;

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::migrator;
use crate::{backoff::Backoff, lifecycle::Latch, random::Random};

/// How often a good schema is looked at again: an absent Postgres is then told within this time.
const INTERVAL: Duration = Duration::from_secs(10);

/// SQLSTATE of a query on a table that does not exist: nobody has ever migrated this database.
const UNDEFINED_TABLE: &str = "42P01";

/// Holds `latch` until every migration of this build is applied, and again whenever Postgres is away. Ends with
/// `stopping`. Migrations that only the database knows are no obstacle: old code runs on an expanded schema.
pub async fn watch_schema(pool: PgPool, latch: Latch, random: Random, stopping: CancellationToken) {
    let mut backoff = Backoff::new(Duration::from_millis(250));
    loop {
        let wait = match complaint(&pool).await {
            None => {
                latch.ready();
                backoff.reset();
                random.jitter(INTERVAL, 0.1)
            }
            Some(detail) => {
                latch.not_ready(detail);
                backoff.next(&random)
            }
        };
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// What is wrong with the schema, in a sentence for operators.
async fn complaint(pool: &PgPool) -> Option<String> {
    let rows: Result<Vec<(i64, Vec<u8>, bool)>, _> =
        sqlx::query_as("SELECT version, checksum, success FROM _sqlx_migrations")
            .fetch_all(pool)
            .await;
    match rows {
        Ok(rows) => first_missing(&rows),
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(UNDEFINED_TABLE) => {
            first_missing(&[])
        }
        Err(error) => Some(format!("Postgres cannot be asked: {error}")),
    }
}

fn first_missing(rows: &[(i64, Vec<u8>, bool)]) -> Option<String> {
    let wanted = migrator().iter();
    let mut wanted = wanted.filter(|wanted| !wanted.migration_type.is_down_migration());
    wanted.find_map(|wanted| {
        let name = format!("migration {:04} ({})", wanted.version, wanted.description);
        match rows.iter().find(|(version, ..)| *version == wanted.version) {
            None => Some(format!("{name} is missing")),
            Some((.., false)) => Some(format!("{name} failed half-way")),
            Some((_, checksum, _)) if checksum[..] != wanted.checksum[..] => {
                Some(format!("{name} differs from the one in this build"))
            }
            Some(_) => None,
        }
    })
}
