//! What of the way to Postgres shows without a Postgres. The rest is tested where there are queries.

use std::time::Duration;

use service_kit::{
    clock::Clock,
    lifecycle::Lifecycle,
    pg::{PoolOptions, connect_lazy, is_unavailable, migrator, watch_schema},
    random::Random,
    settings::DatabaseSettings,
};
use test_kit::wait_until;

fn nobody_listens() -> DatabaseSettings {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    DatabaseSettings {
        database_url: format!("postgres://me:hunter2@127.0.0.1:{port}/farol").into(),
        db_pool_size: 2,
    }
}

fn options() -> PoolOptions {
    PoolOptions {
        read_only: true,
        application_name: "kit-test",
        statement_timeout: Duration::from_secs(5),
    }
}

#[tokio::test]
async fn a_pool_is_made_while_postgres_is_away_and_says_so_when_used() {
    let pool = connect_lazy(&nobody_listens(), options()).unwrap();
    let error = pool.acquire().await.unwrap_err();
    assert!(is_unavailable(&error), "{error:?}");
    assert!(!is_unavailable(&sqlx::Error::RowNotFound));
}

#[tokio::test]
async fn the_options_reach_the_server_with_the_connection() {
    let read_only = connect_lazy(&nobody_listens(), options()).unwrap();
    let read_write = connect_lazy(&nobody_listens(), PoolOptions::named("kit-test")).unwrap();
    assert_eq!(
        read_only.connect_options().get_options(),
        Some(
            "-c statement_timeout=5000 -c idle_in_transaction_session_timeout=10000 \
             -c default_transaction_read_only=on"
        )
    );
    assert_eq!(
        read_write.connect_options().get_options(),
        Some("-c statement_timeout=5000 -c idle_in_transaction_session_timeout=10000")
    );
    let connect = read_only.connect_options();
    assert_eq!(connect.get_application_name(), Some("kit-test"));
}

#[tokio::test]
async fn an_unusable_address_is_refused_without_quoting_it() {
    let settings = DatabaseSettings {
        database_url: "postgres://me:hunter2@host:notaport/farol".into(),
        db_pool_size: 1,
    };
    let error = connect_lazy(&settings, options()).unwrap_err();
    assert!(
        !format!("{error:?} {error}").contains("hunter2"),
        "{error:?}"
    );
}

#[tokio::test]
async fn the_schema_watch_holds_its_latch_while_postgres_is_away_and_ends_with_the_process() {
    let life = Lifecycle::new(Clock::system());
    let readiness = life.readiness();
    let latch = readiness.latch("schema");
    let pool = connect_lazy(&nobody_listens(), options()).unwrap();
    life.tasks().spawn_critical(
        "schema",
        watch_schema(pool, latch, Random::system(), life.stopping()),
    );
    let told = || serde_json::to_value(readiness.report()).unwrap()["checks"]["schema"].clone();
    wait_until("the absence is told", test_kit::PATIENCE, async || {
        let detail = told()["detail"].as_str().unwrap().to_owned();
        detail.starts_with("Postgres cannot be asked")
    })
    .await;
    assert!(!told().to_string().contains("hunter2"));
    life.trigger();
    let code = life.run_until_stopped(&crate::lifecycle::quick()).await;
    assert_eq!(code, std::process::ExitCode::SUCCESS);
}

#[test]
fn migrations_are_compiled_in_and_numbered_upwards() {
    let versions: Vec<i64> = migrator()
        .iter()
        .map(|migration| migration.version)
        .collect();
    assert!(!versions.is_empty() && versions.is_sorted());
}
