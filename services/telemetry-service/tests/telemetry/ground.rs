//! The ground of tests of the data side: a database of one's own, and pools on it as its several users.

use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgPool, PgPoolOptions};
use test_kit::Database;

/// A pool of a login user.
pub fn pool(url: &str) -> PgPool {
    let options = PgPoolOptions::new().max_connections(4);
    options.connect_lazy(url).unwrap()
}

/// As the service connects.
pub fn service_pool(database: &Database) -> PgPool {
    pool(&database.telemetry_url())
}

/// Statements of a test's own, one after the other.
pub async fn run(pool: &PgPool, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(pool)
        .await
        .unwrap();
}

/// The SQLSTATE that statements are refused with; they run one after the other as one transaction, which is undone.
pub async fn refusal(pool: &PgPool, sql: &str) -> String {
    let mut transaction = pool.begin().await.unwrap();
    let refused = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(&mut *transaction)
        .await;
    let Err(error) = refused else {
        panic!("not refused: {sql}")
    };
    let refused = error
        .as_database_error()
        .expect("the database answers")
        .code();
    refused.unwrap_or_default().into_owned()
}

/// One number.
pub async fn number(pool: &PgPool, sql: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
        .fetch_one(pool)
        .await
        .unwrap()
}

/// No privilege.
pub const NOT_ALLOWED: &str = "42501";
