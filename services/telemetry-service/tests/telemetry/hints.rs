//! What the database says by itself: one hint per statement and tenant, and a lost connection is noticed.

use sqlx::PgPool;
use telemetry_service::infra::hint_repo::{Hint, HintListener, HintRepo};
use telemetry_service::model::SourceError;
use test_kit::{Database, PATIENCE, wait_until};
use tokio::time::timeout;

use crate::ground::{number, pool, run, service_pool};
use crate::suite::tenant;

async fn ground() -> (Database, PgPool, HintListener) {
    let database = Database::fresh().await;
    let writer = pool(&database.devices_url());
    let hints = HintRepo::new(service_pool(&database));
    let listener = hints.listen().await.unwrap();
    (database, writer, listener)
}

/// Everything that is hinted at by `statements`, in order.
async fn hints(writer: &PgPool, listener: &mut HintListener, statements: &str) -> Vec<Hint> {
    run(writer, statements).await;
    let end = Hint::Alerts(tenant("the-end"));
    run(writer, "SELECT pg_notify('farol_alert', 'the-end')").await;
    let mut heard = Vec::new();
    loop {
        let hint = timeout(PATIENCE, listener.next())
            .await
            .expect("a hint")
            .unwrap();
        if hint == end {
            return heard;
        }
        heard.push(hint);
    }
}

fn telemetry(name: &str) -> Hint {
    Hint::Telemetry(tenant(name))
}

fn alerts(name: &str) -> Hint {
    Hint::Alerts(tenant(name))
}

#[tokio::test]
async fn a_statement_hints_once_at_each_tenant_whatever_the_number_of_rows() {
    let (database, writer, mut listener) = ground().await;
    let many = "INSERT INTO telemetry (time, tenant_id, device_id)
                SELECT now() + n * interval '1 day', t, 'one' FROM unnest('{a,b}'::text[]) t, generate_series(-50, 50) n";
    let mut heard = hints(&writer, &mut listener, many).await;
    heard.sort_by_key(|hint| format!("{hint:?}"));
    assert_eq!(heard, [telemetry("a"), telemetry("b")]);

    // The server itself folds what is the same within a transaction; that nothing is done per row is in the catalogue.
    let per_row = "SELECT count(*) FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
                    WHERE p.proname LIKE 'farol\\_notify%' AND (t.tgtype & 1) = 1";
    assert_eq!(number(database.owner_pool(), per_row).await, 0);
    let nothing =
        "INSERT INTO telemetry (time, tenant_id, device_id) SELECT now(), 'a', 'one' WHERE false";
    assert_eq!(hints(&writer, &mut listener, nothing).await, []);
}

#[tokio::test]
async fn an_alert_that_is_opened_changed_closed_or_deleted_is_hinted_at() {
    let (_database, writer, mut listener) = ground().await;
    for statement in [
        "INSERT INTO fleet_alert (tenant_id, alert_type, fingerprint, severity) VALUES ('a', 'HOT', 'f', 1)",
        "UPDATE fleet_alert SET severity = 5",
        "UPDATE fleet_alert SET status = 'ACKNOWLEDGED'",
        "UPDATE fleet_alert SET status = 'CLOSED', closed_at = now()",
        "DELETE FROM fleet_alert",
    ] {
        assert_eq!(
            hints(&writer, &mut listener, statement).await,
            [alerts("a")],
            "{statement}"
        );
    }
}

#[tokio::test]
async fn an_alert_that_changes_hands_is_hinted_at_to_both() {
    let (_database, writer, mut listener) = ground().await;
    let open = "INSERT INTO fleet_alert (tenant_id, alert_type, fingerprint, severity) VALUES ('a', 'HOT', 'f', 1)";
    run(&writer, open).await;
    assert_eq!(
        hints(&writer, &mut listener, "SELECT 1").await,
        [alerts("a")]
    );
    let mut heard = hints(
        &writer,
        &mut listener,
        "UPDATE fleet_alert SET tenant_id = 'b'",
    )
    .await;
    heard.sort_by_key(|hint| format!("{hint:?}"));
    assert_eq!(heard, [alerts("a"), alerts("b")]);
}

#[tokio::test]
async fn a_hint_that_names_no_tenant_is_passed_over() {
    let (_database, writer, mut listener) = ground().await;
    let odd = "SELECT pg_notify('farol_alert', p) FROM unnest(ARRAY['', 'a b', repeat('x', 129), '; DROP TABLE x']) p;
               SELECT pg_notify('another_channel', 'a');
               SELECT pg_notify('farol_telemetry', 'a')";
    assert_eq!(hints(&writer, &mut listener, odd).await, [telemetry("a")]);
}

#[tokio::test]
async fn a_connection_that_is_lost_is_an_error_and_the_next_one_hears_again() {
    let (database, writer, mut listener) = ground().await;
    let end = "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity
                WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    wait_until("the listener is cut off", PATIENCE, async || {
        number(database.owner_pool(), end).await == 1
    })
    .await;
    let lost = timeout(PATIENCE, listener.next()).await.expect("an end");
    assert!(matches!(lost, Err(SourceError::Unavailable(_))), "{lost:?}");

    let mut again = HintRepo::new(service_pool(&database))
        .listen()
        .await
        .unwrap();
    let insert = "INSERT INTO telemetry (time, tenant_id, device_id) VALUES (now(), 'a', 'one')";
    assert_eq!(hints(&writer, &mut again, insert).await, [telemetry("a")]);
}
