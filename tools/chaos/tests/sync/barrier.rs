//! Stops a service between two statements: a trigger that waits for a lock which the scenario holds.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use test_kit::{Database, PATIENCE, wait_until};

/// The lock of the barrier; each scenario has a database of its own.
const LOCK: i64 = 4_706_230_114_999;

/// A closed barrier in front of some writes.
pub struct Barrier {
    holder: PgConnection,
}

impl Barrier {
    /// Nobody passes a write of `table` of this kind (`INSERT`, `UPDATE`) that meets `condition` (SQL over NEW).
    pub async fn before(database: &Database, table: &str, write: &str, condition: &str) -> Self {
        let mut holder = PgConnection::connect(&database.owner_url()).await.unwrap();
        let made = format!(
            "SELECT pg_advisory_lock({LOCK});
             CREATE FUNCTION barrier() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN PERFORM pg_advisory_xact_lock({LOCK}); RETURN NEW; END $$;
             CREATE TRIGGER barrier BEFORE {write} ON {table} FOR EACH ROW
                 WHEN ({condition}) EXECUTE FUNCTION barrier()"
        );
        holder.execute(AssertSqlSafe(made)).await.unwrap();
        Self { holder }
    }

    /// Waits until somebody stands before it.
    pub async fn met(&mut self) {
        let waiting = format!(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
               AND (classid::bigint << 32 | objid::bigint) = {LOCK}"
        );
        let holder = &mut self.holder;
        wait_until("somebody stands before the barrier", PATIENCE, async || {
            let count = sqlx::query_scalar::<_, i64>(AssertSqlSafe(waiting.clone()));
            count.fetch_one(&mut *holder).await.unwrap() > 0
        })
        .await;
    }

    /// Takes it away. Who stands before it is thrown out with his connection: his client is dead.
    pub async fn away_with_the_dead(mut self) {
        let thrown_out = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_locks
             WHERE locktype = 'advisory' AND NOT granted
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
               AND (classid::bigint << 32 | objid::bigint) = {LOCK}"
        );
        self.holder
            .execute(AssertSqlSafe(thrown_out))
            .await
            .unwrap();
        self.holder
            .execute("DROP FUNCTION barrier() CASCADE")
            .await
            .unwrap();
        self.holder.close().await.unwrap();
    }
}
