//! The suite of stores over Postgres, and what Postgres alone promises.

use std::sync::Arc;

use serde_json::json;
use sqlx::PgPool;
use telemetry_service::infra::telemetry_pg_repo::PgTelemetry;
use telemetry_service::model::SourceError;
use telemetry_service::store::TelemetryStore as _;
use test_kit::{Database, PrivatePostgres};

use crate::ground::{pool, run, service_pool};
use crate::suite::{Row, Source, device, row, tenant};

crate::over_a_store!(postgres);

/// Written as whoever writes for all tenants, read as the service.
async fn postgres() -> Source {
    let database = Database::fresh().await;
    let writer = pool(&database.devices_url());
    Source {
        store: Arc::new(PgTelemetry::new(service_pool(&database))),
        write: Box::new(move |rows| {
            let writer = writer.clone();
            Box::pin(async move { write(&writer, &rows).await })
        }),
        _keep: Box::new(database),
    }
}

async fn write(pool: &PgPool, rows: &[Row]) {
    for row in rows {
        let insert = "INSERT INTO telemetry (time, tenant_id, device_id, seq, msg_type, metrics)
                      VALUES ($1, $2, $3, $4, 'data', $5)";
        let insert = sqlx::query(insert).bind(row.time).bind(&row.tenant);
        let insert = insert.bind(&row.device).bind(row.seq).bind(&row.metrics);
        insert.execute(pool).await.unwrap();
    }
}

#[tokio::test]
async fn of_rows_of_one_instant_the_higher_counter_is_newer_whenever_it_came() {
    let source = postgres().await;
    for seq in [Some(2), Some(1), None] {
        let mut row = row("a", "one", 0, json!({"seq": seq}));
        row.seq = seq;
        (source.write)(vec![row]).await;
    }
    let found = source
        .store
        .latest(&tenant("a"), &[device("one")])
        .await
        .unwrap();
    assert_eq!(found[0].1.seq, Some(2));
    let read = source
        .store
        .newest(&tenant("a"), &device("one"), 9)
        .await
        .unwrap();
    assert_eq!(
        read.iter().map(|it| it.seq).collect::<Vec<_>>(),
        [Some(2), Some(1), None]
    );
}

#[tokio::test]
async fn a_row_that_nobody_can_read_hides_no_other() {
    let database = Database::fresh().await;
    let store = PgTelemetry::new(service_pool(&database));
    // jsonb keeps numbers of any size.
    let rows = "INSERT INTO telemetry (time, tenant_id, device_id, metrics)
                VALUES ('2026-01-01Z', 'a', 'good', '{\"n\": 1}'),
                       ('2026-01-01Z', 'a', 'odd', jsonb_build_object('n', 10::numeric ^ 400))";
    run(&pool(&database.devices_url()), rows).await;

    let asked = ["good", "odd"].map(device);
    let found = store.latest(&tenant("a"), &asked).await.unwrap();
    let told: Vec<_> = found
        .iter()
        .map(|(device, it)| (device.as_str(), it.metrics.len()))
        .collect();
    assert_eq!(told, [("good", 1), ("odd", 0)]);
}

#[tokio::test]
async fn readings_that_are_too_large_for_one_answer_are_an_error_and_fewer_are_not() {
    let database = Database::fresh().await;
    let store = PgTelemetry::new(service_pool(&database));
    let large = "INSERT INTO telemetry (time, tenant_id, device_id, metrics)
                 SELECT now() - n * interval '1 s', 'a', 'one', jsonb_build_object('t', repeat('x', 60000))
                   FROM generate_series(1, 300) n";
    run(&pool(&database.devices_url()), large).await;
    let (a, one) = (tenant("a"), device("one"));
    let all = store.newest(&a, &one, 300).await;
    assert!(matches!(all, Err(SourceError::TooLarge)), "{all:?}");
    assert_eq!(store.newest(&a, &one, 200).await.unwrap().len(), 200);
}

#[tokio::test]
async fn a_database_that_is_away_is_an_error_and_never_no_data() {
    let mut server = PrivatePostgres::start().await;
    let database = Database::on(&server.url()).await;
    let store = PgTelemetry::new(service_pool(&database));
    let (a, one) = (tenant("a"), [device("one")]);
    assert!(store.latest(&a, &one).await.unwrap().is_empty());

    server.kill9();
    let away = store.latest(&a, &one).await;
    assert!(matches!(away, Err(SourceError::Unavailable(_))), "{away:?}");

    server.restart().await;
    assert!(
        store.latest(&a, &one).await.unwrap().is_empty(),
        "it comes back by itself"
    );
}

#[tokio::test]
async fn a_query_that_is_refused_leaves_the_connection_usable() {
    let database = Database::fresh().await;
    let single = sqlx::postgres::PgPoolOptions::new().max_connections(1);
    let store = PgTelemetry::new(single.connect_lazy(&database.telemetry_url()).unwrap());
    let (a, one) = (tenant("a"), [device("one")]);
    run(
        database.owner_pool(),
        "REVOKE SELECT ON telemetry FROM farol_tenant",
    )
    .await;
    let refused = store.latest(&a, &one).await;
    assert!(
        matches!(refused, Err(SourceError::Refused(_))),
        "{refused:?}"
    );
    run(
        database.owner_pool(),
        "GRANT SELECT ON telemetry TO farol_tenant",
    )
    .await;
    assert!(store.latest(&a, &one).await.unwrap().is_empty());
}
