//! A database of one's own: migrated, separate, dropped.

use serde_json::json;
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};
use test_kit::{Database, ProjectRow};

async fn count(connection: &mut PgConnection, statement: &'static str) -> i64 {
    sqlx::query_scalar(statement)
        .fetch_one(connection)
        .await
        .unwrap()
}

#[tokio::test]
async fn two_databases_are_migrated_and_separate() {
    let (one, other) = tokio::join!(Database::fresh(), Database::fresh());
    one.insert_project(ProjectRow::named("tower").upstream("http://127.0.0.1:1", "/u"))
        .await;
    let projects =
        "SELECT count(*) FROM projects JOIN integration_configs ON project_id = projects.id";
    let mut first = PgConnection::connect(&one.owner_url()).await.unwrap();
    let mut second = PgConnection::connect(&other.owner_url()).await.unwrap();
    assert_eq!(count(&mut first, projects).await, 1);
    assert_eq!(count(&mut second, projects).await, 0);
}

#[tokio::test]
async fn the_public_login_reads_and_cannot_write() {
    let database = Database::fresh().await;
    database.insert_project(ProjectRow::named("tower")).await;
    let mut public = PgConnection::connect(&database.public_url()).await.unwrap();
    assert_eq!(
        count(&mut public, "SELECT count(id) FROM projects").await,
        1
    );
    let refused = public.execute("DELETE FROM projects").await.unwrap_err();
    assert_eq!(
        refused.as_database_error().unwrap().code().unwrap(),
        "42501"
    );
}

#[tokio::test]
async fn rows_are_written_with_their_nulls_and_overwritten() {
    let database = Database::fresh().await;
    let nulls = "SELECT count(*) FROM integration_configs WHERE api_base_url = 'http://x'
         AND num_nulls(auth_type, auth_credentials, status_mapping, unmapped_status,
             update_method, polling_interval_seconds, timeout_seconds, retry_count) = 8";
    let row = ProjectRow::named("tower").upstream("http://x", "/u");
    database.insert_project(row.clone().all_null()).await;
    let mut owner = PgConnection::connect(&database.owner_url()).await.unwrap();
    assert_eq!(count(&mut owner, nulls).await, 1);
    let row = row
        .mapping(json!({"sold": ["gone"]}))
        .inactive()
        .interval(7);
    database.update_project(row.clone()).await;
    let mapped =
        "SELECT count(*) FROM integration_configs JOIN projects ON projects.id = project_id
         WHERE NOT is_active AND polling_interval_seconds = 7 AND status_mapping ? 'sold'";
    assert_eq!(count(&mut owner, mapped).await, 1);
    database.update_project(row.without_integration()).await;
    assert_eq!(
        count(&mut owner, "SELECT count(*) FROM integration_configs").await,
        0
    );
    database.delete_project("tower").await;
    assert_eq!(count(&mut owner, "SELECT count(*) FROM projects").await, 0);
}

#[tokio::test]
async fn a_dropped_database_is_gone_and_a_crashed_runs_database_is_swept() {
    let database = Database::fresh().await;
    let witness = Database::fresh().await;
    let left = format!(
        "farol_test_1000000000_{}",
        &witness.name()[witness.name().len() - 12..]
    );
    let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {left}"));
    witness.owner_pool().execute(create).await.unwrap();
    let name = database.name().to_owned();
    drop(database);
    let _sweeps = Database::fresh().await;
    let known = sqlx::query_scalar::<_, String>("SELECT datname::text FROM pg_database");
    let known = known.fetch_all(witness.owner_pool()).await.unwrap();
    assert!(
        !known.contains(&name) && !known.contains(&left),
        "{known:?}"
    );
    assert!(known.iter().any(|known| known == witness.name()));
}
