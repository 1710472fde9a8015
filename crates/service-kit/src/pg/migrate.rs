//! The migrations of the whole project, compiled in, and their application.

use sqlx::{
    Connection as _, PgConnection,
    migrate::{Migrate as _, MigrateError, Migration, Migrator},
};

use crate::settings::{ExposeSecret as _, Secret};

static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

/// The migrations in `migrations/`, as they were when this program was built.
pub fn migrator() -> &'static Migrator {
    &MIGRATOR
}

/// Applies what is missing and gives it back. Safe to run twice and by several processes at once: the second one
/// waits for the first and finds nothing to do.
///
/// # Errors
/// Where the database cannot be reached, a migration fails, or an applied one differs from this build's.
pub async fn migrate(database_url: &Secret) -> Result<Vec<&'static Migration>, MigrateError> {
    let mut connection = PgConnection::connect(database_url.expose_secret()).await?;
    // The migrator takes this lock as well; Postgres counts how often a session holds it. Ours spans the two
    // looks at the table, so that what another process applies meanwhile is not reported as our work.
    connection.lock().await?;
    let before = applied(&mut connection).await?;
    migrator().run_direct(None, &mut connection, false).await?;
    let after = applied(&mut connection).await?;
    connection.unlock().await?;
    connection.close().await?;
    let fresh = |migration: &&Migration| {
        after.contains(&migration.version) && !before.contains(&migration.version)
    };
    Ok(migrator().iter().filter(fresh).collect())
}

async fn applied(connection: &mut PgConnection) -> Result<Vec<i64>, MigrateError> {
    let table = &migrator().table_name;
    connection.ensure_migrations_table(table).await?;
    let applied = connection.list_applied_migrations(table).await?;
    Ok(applied.into_iter().map(|row| row.version).collect())
}
