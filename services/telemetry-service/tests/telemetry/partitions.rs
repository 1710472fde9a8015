//! The parts of the table of readings: made ahead, by whoever comes first, and never at the price of a row.

use sqlx::PgPool;
use telemetry_service::infra::partition_repo::PartitionRepo;
use telemetry_service::infra::telemetry_pg_repo::PgTelemetry;
use telemetry_service::model::SourceError;
use telemetry_service::store::TelemetryStore as _;
use test_kit::Database;

use crate::ground::{NOT_ALLOWED, number, pool, refusal, run, service_pool};
use crate::suite::{device, tenant};

const PARTS: &str = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'telemetry'::regclass
                        AND inhrelid <> 'telemetry_default'::regclass";
const WAITING: &str = "SELECT count(*) FROM telemetry_default";
/// All parts but the default one.
const TAKE_DOWN: &str = "DO $$ DECLARE part regclass; BEGIN
    FOR part IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'telemetry'::regclass
                   AND inhrelid <> 'telemetry_default'::regclass LOOP
        EXECUTE format('DROP TABLE %s', part);
    END LOOP; END $$";

async fn ground() -> (Database, PgPool, PartitionRepo) {
    let database = Database::fresh().await;
    let owner = database.owner_pool().clone();
    let parts = PartitionRepo::new(service_pool(&database));
    (database, owner, parts)
}

#[tokio::test]
async fn the_days_to_come_are_made_once_and_asking_again_makes_nothing() {
    let (_database, owner, parts) = ground().await;
    run(&owner, TAKE_DOWN).await;
    assert_eq!(
        parts.ensure(7).await.unwrap(),
        9,
        "yesterday, today and seven more"
    );
    assert_eq!(parts.ensure(7).await.unwrap(), 0);
    assert_eq!(parts.ensure(8).await.unwrap(), 1);
    assert_eq!(number(&owner, PARTS).await, 10);
}

#[tokio::test]
async fn of_many_who_ask_at_once_each_part_is_made_by_one() {
    let (database, owner, parts) = ground().await;
    run(&owner, TAKE_DOWN).await;
    let other = PartitionRepo::new(service_pool(&database));
    let made = tokio::join!(
        parts.ensure(5),
        other.ensure(5),
        parts.ensure(5),
        other.ensure(5)
    );
    let made = [made.0, made.1, made.2, made.3].map(Result::unwrap);
    assert_eq!(made.iter().sum::<i32>(), 7, "{made:?}");
    assert_eq!(number(&owner, PARTS).await, 7);
}

#[tokio::test]
async fn days_without_sense_are_refused() {
    let (_database, _, parts) = ground().await;
    for days in [-1, 61, i32::MAX, i32::MIN] {
        let refused = parts.ensure(days).await;
        assert!(
            matches!(refused, Err(SourceError::Refused(_))),
            "{days}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn a_reading_that_no_day_waits_for_is_kept_found_and_moved_when_its_day_is_made() {
    let (database, owner, parts) = ground().await;
    let early = "INSERT INTO telemetry (time, tenant_id, device_id, metrics)
                 SELECT now() + n * interval '1 day', 'a', 'one', '{\"n\": 1}' FROM unnest('{20,40}'::int[]) n";
    run(&pool(&database.devices_url()), early).await;
    assert_eq!(number(&owner, WAITING).await, 2);

    let store = PgTelemetry::new(service_pool(&database));
    let found = async || store.newest(&tenant("a"), &device("one"), 9).await.unwrap();
    let before = found().await;
    assert_eq!(before.len(), 2);
    parts.ensure(20).await.unwrap();
    assert_eq!(number(&owner, WAITING).await, 1);
    assert_eq!(found().await, before);
}

#[tokio::test]
async fn whoever_reads_and_writes_other_days_does_not_wait_for_a_new_one() {
    let (database, owner, parts) = ground().await;
    let mut writing = owner.begin().await.unwrap();
    let insert = "INSERT INTO telemetry (time, tenant_id, device_id) VALUES (now(), 'a', 'one')";
    sqlx::query(insert).execute(&mut *writing).await.unwrap();
    // The writer's transaction is open, and yet the part is made; then the writer goes on.
    assert_eq!(parts.ensure(8).await.unwrap(), 1);
    sqlx::query(insert).execute(&mut *writing).await.unwrap();
    writing.commit().await.unwrap();
    drop(database);
}

#[tokio::test]
async fn old_days_are_dropped_by_the_owner_and_by_nobody_else() {
    let (database, owner, _) = ground().await;
    let old = "INSERT INTO telemetry (time, tenant_id, device_id)
               SELECT now() - n * interval '1 day', 'a', 'one' FROM unnest('{0,29,31,50}'::int[]) n";
    run(
        &owner,
        "SELECT farol_make_partition((now() AT TIME ZONE 'UTC')::date - 31)",
    )
    .await;
    run(
        &owner,
        "SELECT farol_make_partition((now() AT TIME ZONE 'UTC')::date - 29)",
    )
    .await;
    run(&owner, old).await;
    assert_eq!(number(&owner, WAITING).await, 1, "the one of 50 days ago");

    let drop_them = "SELECT farol_drop_partitions(30)::bigint";
    for url in [database.telemetry_url(), database.devices_url()] {
        assert_eq!(refusal(&pool(&url), drop_them).await, NOT_ALLOWED);
    }
    assert_eq!(number(&owner, drop_them).await, 1);
    assert_eq!(number(&owner, "SELECT count(*) FROM telemetry").await, 2);
    assert_eq!(number(&owner, WAITING).await, 0);
    let forced =
        "SELECT relforcerowsecurity::int::bigint FROM pg_class WHERE relname = 'telemetry_default'";
    assert_eq!(number(&owner, forced).await, 1);
    assert_eq!(
        refusal(&owner, "SELECT farol_drop_partitions(0)").await,
        "22023"
    );
}

#[tokio::test]
async fn the_newest_of_a_device_is_found_by_steps_in_indexes_also_as_a_tenant() {
    let (database, owner, _) = ground().await;
    let many = "INSERT INTO telemetry (time, tenant_id, device_id, seq)
                SELECT now() - n * interval '7 seconds', 't' || n % 5, 'd' || n % 20, n FROM generate_series(1, 20000) n";
    run(&owner, many).await;
    run(&owner, "ANALYZE telemetry").await;
    let mut reading = service_pool(&database).begin().await.unwrap();
    let enter =
        "SELECT set_config('role', 'farol_tenant', true), set_config('app.tenant_id', 't1', true)";
    sqlx::query(enter).execute(&mut *reading).await.unwrap();
    let plan =
        "EXPLAIN SELECT d.device_id, r.time FROM unnest('{d1,d2,d3,d4}'::text[]) AS d (device_id)
        CROSS JOIN LATERAL (SELECT time, seq, metrics FROM telemetry t
            WHERE t.tenant_id = 't1' AND t.device_id = d.device_id
            ORDER BY time DESC, seq DESC NULLS LAST LIMIT 1) AS r";
    let plan: Vec<String> = sqlx::query_scalar(plan)
        .fetch_all(&mut *reading)
        .await
        .unwrap();
    let plan = plan.join("\n");
    assert!(
        !plan.contains("Seq Scan") && !plan.contains("Bitmap"),
        "{plan}"
    );
    assert!(plan.contains("Incremental Sort"), "{plan}");
}
