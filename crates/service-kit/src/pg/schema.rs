//! Watches that the database is there and that its schema is the one that this build needs.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection, PgPool};
use tokio_util::sync::CancellationToken;

use super::migrator;
use crate::{backoff::Backoff, lifecycle::Latch, random::Random};

/// How often a good schema is looked at again: an absent Postgres is then told within this time.
const INTERVAL: Duration = Duration::from_secs(10);

/// How long one look may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Version, checksum, success.
type Row = (i64, Vec<u8>, bool);

/// SQLSTATE of a query on a table that does not exist: nobody has ever migrated this database.
const UNDEFINED_TABLE: &str = "42P01";

/// Holds `latch` until every migration of this build is applied, and again whenever Postgres is away. Ends with
/// `stopping`, whatever it waits for. Migrations that only the database knows are no obstacle: old code runs on an
/// expanded schema.
pub async fn watch_schema(pool: PgPool, latch: Latch, random: Random, stopping: CancellationToken) {
    stopping
        .run_until_cancelled(watch(pool, latch, random))
        .await;
}

async fn watch(pool: PgPool, latch: Latch, random: Random) {
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
        tokio::time::sleep(wait).await;
    }
}

/// What is wrong with the schema, in a sentence for operators.
async fn complaint(pool: &PgPool) -> Option<String> {
    let Ok(rows) = tokio::time::timeout(PATIENCE, applied(pool)).await else {
        return Some("Postgres cannot be asked: no answer".to_owned());
    };
    match rows {
        Ok(rows) => first_missing(&rows),
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(UNDEFINED_TABLE) => {
            first_missing(&[])
        }
        Err(error) => Some(format!("Postgres cannot be asked: {error}")),
    }
}

/// Asks on a connection of its own: the pool would hide the cause behind its own timeout, and a pool that is merely
/// busy must not make the process look unready.
async fn applied(pool: &PgPool) -> Result<Vec<Row>, sqlx::Error> {
    let mut connection = PgConnection::connect_with(&pool.connect_options()).await?;
    let rows = sqlx::query_as("SELECT version, checksum, success FROM _sqlx_migrations")
        .fetch_all(&mut connection)
        .await?;
    connection.close().await?;
    Ok(rows)
}

fn first_missing(rows: &[Row]) -> Option<String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Row> {
        let row =
            |wanted: &sqlx::migrate::Migration| (wanted.version, wanted.checksum.to_vec(), true);
        migrator().iter().map(row).collect()
    }

    #[test]
    fn a_complete_schema_gives_no_complaint_and_neither_does_a_newer_one() {
        let mut rows = all();
        assert_eq!(first_missing(&rows), None);
        rows.push((i64::MAX, Vec::new(), true));
        assert_eq!(first_missing(&rows), None);
    }

    #[test]
    fn the_first_missing_migration_is_named() {
        let first = migrator().iter().next().unwrap();
        let told = first_missing(&[]).unwrap();
        assert!(told.contains(&first.version.to_string()), "{told}");
        assert!(
            told.contains(&*first.description) && told.ends_with("is missing"),
            "{told}"
        );
    }

    #[test]
    fn a_migration_that_failed_or_differs_is_named() {
        let mut rows = all();
        rows[0].2 = false;
        assert!(first_missing(&rows).unwrap().ends_with("failed half-way"));
        rows[0] = (rows[0].0, b"another".to_vec(), true);
        assert!(
            first_missing(&rows)
                .unwrap()
                .ends_with("differs from the one in this build")
        );
    }
}
