//! The migrations against real servers: whoever runs them and whatever the database already holds,
//! the same schema and the same rights come out. Not the Rust side, which is `service_kit::pg`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use service_kit::pg;
use service_kit::settings::Secret;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, PgPool};
use test_kit::{Database, PrivatePostgres};

/// What `farol_public` may read, and nothing more.
const PUBLIC_MAY_READ: &[(&str, &[&str])] = &[
    (
        "_sqlx_migrations",
        &[
            "checksum",
            "description",
            "execution_time",
            "installed_on",
            "success",
            "version",
        ],
    ),
    (
        "integration_configs",
        &[
            "api_base_url",
            "auth_credentials",
            "auth_type",
            "id",
            "polling_interval_seconds",
            "project_id",
            "retry_count",
            "status_endpoint",
            "status_mapping",
            "timeout_seconds",
            "unmapped_status",
            "update_method",
        ],
    ),
    ("projects", &["id", "is_active", "name", "slug"]),
];

/// As earlier programs of the contract made them: columns missing, NULLs allowed, odd values.
const EARLIER: &str = "
    DROP SCHEMA public CASCADE;
    CREATE SCHEMA public;
    CREATE TABLE projects (id uuid PRIMARY KEY, slug varchar(100) UNIQUE, name varchar(255), is_active boolean,
        tenant text);
    CREATE TABLE integration_configs (id uuid PRIMARY KEY, project_id uuid UNIQUE REFERENCES projects (id),
        api_base_url varchar(500), status_endpoint varchar(255), auth_type varchar(20), auth_credentials text,
        status_mapping jsonb, update_method varchar(20), polling_interval_seconds int, timeout_seconds int,
        retry_count int, last_sync_at timestamptz, sync_status varchar(20), sync_error varchar(500));
    INSERT INTO projects VALUES ('00000000-0000-0000-0000-000000000001', 'old', 'Old', NULL, 'theirs');
    INSERT INTO integration_configs (id, project_id, polling_interval_seconds)
        VALUES ('00000000-0000-0000-0000-000000000002', '00000000-0000-0000-0000-000000000001', 100000);
    CREATE TABLE sync_executions (id serial PRIMARY KEY, mode varchar(10) NOT NULL, window_start timestamptz,
        window_end timestamptz, status varchar(10) NOT NULL, records_processed int DEFAULT 0,
        duration_seconds numeric(10, 2) DEFAULT 0, error_message text, created_at timestamptz DEFAULT now(),
        updated_at timestamptz DEFAULT now());
    INSERT INTO sync_executions (mode, window_start, window_end, status, records_processed, created_at) VALUES
        ('update', NULL, NULL, 'success', NULL, NULL),
        ('backfill', '2025-07-02Z', '2025-07-01Z', 'error', 7, now()),
        ('update', now() - interval '1 hour', now(), 'running', 3, now())";

async fn migrate(url: &str) -> Vec<i64> {
    let applied = pg::migrate(&Secret::from(url)).await.unwrap();
    applied.iter().map(|migration| migration.version).collect()
}

fn all_versions() -> Vec<i64> {
    pg::migrator().iter().map(|it| it.version).collect()
}

async fn text(pool: &PgPool, sql: &'static str) -> Option<String> {
    sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
}

async fn run(connection: &mut PgConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_database_of_earlier_programs_keeps_its_rows_and_gains_what_it_lacks() {
    let database = Database::fresh().await;
    sqlx::raw_sql(EARLIER)
        .execute(database.owner_pool())
        .await
        .unwrap();
    assert_eq!(migrate(&database.owner_url()).await, all_versions());
    let kept = "SELECT tenant || polling_interval_seconds || coalesce(unmapped_status, ' NULL')
        FROM projects JOIN integration_configs ON project_id = projects.id";
    assert_eq!(
        text(database.owner_pool(), kept).await.as_deref(),
        Some("theirs100000 NULL")
    );
    let runs =
        "SELECT string_agg(state || ' ' || status || ' ' || records_processed, ', ' ORDER BY id)
        FROM sync_executions";
    assert_eq!(
        text(database.owner_pool(), runs).await.as_deref(),
        Some("success success 0, error error 7, lost error 3")
    );
    let counts = "SELECT running || ' ' || success || ' ' || error FROM sync_execution_counts";
    assert_eq!(
        text(database.owner_pool(), counts).await.as_deref(),
        Some("0 1 2")
    );
    let public: PgConnectOptions = database.public_url().parse().unwrap();
    let mut public = public.connect().await.unwrap();
    let slug: String = sqlx::query_scalar("SELECT slug FROM projects")
        .fetch_one(&mut public)
        .await
        .unwrap();
    assert_eq!(slug, "old");
    assert_eq!(
        migrate(&database.owner_url()).await,
        [0_i64; 0],
        "a second run finds nothing to do"
    );
}

#[tokio::test]
async fn the_public_role_may_read_what_a_fetch_needs_and_nothing_else() {
    let database = Database::fresh().await;
    let granted: Vec<(String, Vec<String>)> = sqlx::query_as(
        "SELECT table_name::text, array_agg(column_name::text ORDER BY column_name::text)
         FROM information_schema.column_privileges
         WHERE grantee = 'farol_public' AND privilege_type = 'SELECT' GROUP BY 1 ORDER BY 1",
    )
    .fetch_all(database.owner_pool())
    .await
    .unwrap();
    let granted: Vec<(&str, Vec<&str>)> = granted
        .iter()
        .map(|(table, columns)| (table.as_str(), columns.iter().map(String::as_str).collect()))
        .collect();
    let expected: Vec<(&str, Vec<&str>)> = PUBLIC_MAY_READ
        .iter()
        .map(|(table, columns)| (*table, columns.to_vec()))
        .collect();
    assert_eq!(granted, expected);
    let more = "SELECT string_agg(DISTINCT table_name || ' ' || privilege_type, ', ')
        FROM information_schema.column_privileges
        WHERE (grantee = 'farol_public' AND privilege_type <> 'SELECT') OR (grantee = 'PUBLIC' AND table_schema = 'public')";
    assert_eq!(text(database.owner_pool(), more).await, None);
}

#[tokio::test]
async fn the_public_role_is_refused_every_kind_of_write() {
    let database = Database::fresh().await;
    let public: PgConnectOptions = database.public_url().parse().unwrap();
    let mut public = public.connect().await.unwrap();
    for sql in [
        "INSERT INTO projects (slug, name) VALUES ('x', 'x')",
        "UPDATE projects SET is_active = false",
        "DELETE FROM integration_configs",
        "TRUNCATE projects CASCADE",
        "DROP TABLE projects",
        "CREATE TABLE mine ()",
        "UPDATE _sqlx_migrations SET success = false",
        "SELECT description FROM projects",
        "SELECT last_sync_at FROM integration_configs",
    ] {
        let error = sqlx::raw_sql(sql).execute(&mut public).await.unwrap_err();
        let code = error
            .as_database_error()
            .unwrap()
            .code()
            .unwrap()
            .into_owned();
        assert_eq!(code, "42501", "{sql}: {error}");
    }
}

#[tokio::test]
async fn an_owner_who_is_no_superuser_migrates_and_databases_that_start_together_do_not_collide() {
    let server = PrivatePostgres::start().await;
    let options: PgConnectOptions = server.url().parse().unwrap();
    let mut superuser = options.connect().await.unwrap();
    run(
        &mut superuser,
        "CREATE ROLE deployer LOGIN CREATEROLE".into(),
    )
    .await;
    let names = ["one", "two", "three", "four"];
    for name in names {
        run(
            &mut superuser,
            format!("CREATE DATABASE {name} OWNER deployer"),
        )
        .await;
    }
    superuser.close().await.unwrap();

    // The roles exist in none of them yet: all four race for pg_authid.
    let url = |name: &str| {
        options
            .clone()
            .username("deployer")
            .database(name)
            .to_url_lossy()
            .to_string()
    };
    let [one, two, three, four] = names.map(url);
    let applied = tokio::join!(
        migrate(&one),
        migrate(&two),
        migrate(&three),
        migrate(&four)
    );
    for versions in [applied.0, applied.1, applied.2, applied.3] {
        assert_eq!(versions, all_versions());
    }
}
