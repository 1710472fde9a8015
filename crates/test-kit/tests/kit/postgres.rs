//! A private Postgres dies and comes back.

use sqlx::Connection;
use sqlx::postgres::PgConnection;
use test_kit::{Database, PATIENCE, PrivatePostgres, ProjectRow, wait_until};

#[tokio::test]
async fn a_killed_postgres_comes_back_at_the_same_address_with_its_rows() {
    let mut server = PrivatePostgres::start().await;
    let database = Database::on(&server.url()).await;
    database.insert_project(ProjectRow::named("tower")).await;
    let mut open = PgConnection::connect(&database.owner_url()).await.unwrap();
    server.kill9();
    wait_until("the open connection dies", PATIENCE, async || {
        open.ping().await.is_err()
    })
    .await;
    assert!(PgConnection::connect(&server.url()).await.is_err());
    server.restart().await;
    let mut again = PgConnection::connect(&database.owner_url()).await.unwrap();
    let projects = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM projects");
    assert_eq!(projects.fetch_one(&mut again).await.unwrap(), 1);
}
