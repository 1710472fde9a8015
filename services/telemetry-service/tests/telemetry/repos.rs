//! What is read beside readings: alerts, devices, tickets.

use std::collections::HashSet;

use chrono::TimeDelta;
use serde_json::{Value, json};
use telemetry_service::infra::alert_repo::{AlertFilter, AlertRepo};
use telemetry_service::infra::device_repo::DeviceRepo;
use telemetry_service::infra::ticket_repo::TicketRepo;
use test_kit::Database;

use crate::ground::{number, pool, refusal, run, service_pool};
use crate::suite::{device, tenant};

fn filter(status: &str, alert_type: Option<&str>) -> AlertFilter {
    AlertFilter {
        status: status.to_owned(),
        alert_type: alert_type.map(str::to_owned),
    }
}

#[tokio::test]
async fn open_alerts_are_the_newest_hundred_and_how_many_there_are() {
    let database = Database::fresh().await;
    let many = "INSERT INTO fleet_alert (tenant_id, device_id, site_id, alert_type, fingerprint, severity, confidence,
                                         summary, status, created_at)
                SELECT 'a', 'one', 's', 'HOT', n, n % 5, 0.5, 'it is hot',
                       CASE WHEN n % 3 = 0 THEN 'CLOSED' WHEN n % 3 = 1 THEN 'ACKNOWLEDGED' ELSE 'OPEN' END,
                       '2026-01-01Z'::timestamptz + n * interval '1 s'
                  FROM generate_series(1, 330) n";
    run(&pool(&database.devices_url()), many).await;
    let alerts = AlertRepo::new(service_pool(&database));
    let open = alerts.open(&tenant("a")).await.unwrap();
    assert_eq!((open.total, open.alerts.len()), (110, 100));
    assert!(
        open.alerts
            .is_sorted_by(|newer, older| newer.created_at > older.created_at)
    );
    let first = serde_json::to_value(&open.alerts[0]).unwrap();
    let expected = json!({
        "alert_id": open.alerts[0].alert_id, "tenant_id": "a", "device_id": "one", "site_id": "s", "alert_type": "HOT",
        "severity": 4, "confidence": 0.5, "summary": "it is hot", "status": "OPEN", "created_at": "2026-01-01T00:05:29Z"
    });
    assert_eq!(first, expected);
}

#[tokio::test]
async fn a_confidence_that_is_no_number_is_none_and_the_list_the_same_at_each_look() {
    let database = Database::fresh().await;
    let odd = "INSERT INTO fleet_alert (tenant_id, alert_type, fingerprint, severity, confidence)
        VALUES ('a', 'HOT', 'f1', 1, 'NaN'), ('a', 'HOT', 'f2', 1, 'Infinity')";
    run(&pool(&database.devices_url()), odd).await;
    let (alerts, a) = (AlertRepo::new(service_pool(&database)), tenant("a"));
    let open = alerts.open(&a).await.unwrap();
    assert_eq!(open, alerts.open(&a).await.unwrap());
    assert!(open.alerts.iter().all(|it| it.confidence.is_none()));
}

#[tokio::test]
async fn pages_of_alerts_are_by_status_and_type_and_tell_more() {
    let database = Database::fresh().await;
    let some = "INSERT INTO fleet_alert (tenant_id, alert_type, fingerprint, severity, status, details, closed_at) VALUES
        ('a', 'HOT', 'f1', 1, 'OPEN', '{\"t\": 90}', NULL), ('a', 'COLD', 'f2', 1, 'OPEN', '{}', NULL),
        ('a', 'HOT', 'f3', 1, 'OPEN', '{}', NULL), ('a', 'HOT', 'f4', 1, 'CLOSED', '{}', '2026-01-01Z')";
    run(&pool(&database.devices_url()), some).await;
    let (alerts, a) = (AlertRepo::new(service_pool(&database)), tenant("a"));
    let prints = async |filter: AlertFilter, limit, offset| {
        let page = alerts.list(&a, &filter, limit, offset).await.unwrap();
        page.into_iter()
            .map(|it| it.fingerprint)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        prints(filter("OPEN", None), 10, 0).await,
        ["f3", "f2", "f1"]
    );
    assert_eq!(prints(filter("OPEN", None), 1, 1).await, ["f2"]);
    assert_eq!(
        prints(filter("OPEN", Some("HOT")), 10, 0).await,
        ["f3", "f1"]
    );
    assert_eq!(prints(filter("CLOSED", None), 10, 0).await, ["f4"]);
    assert_eq!(
        prints(filter("OPEN", Some("' OR true --")), 10, 0).await,
        [""; 0]
    );

    let closed = alerts
        .list(&a, &filter("CLOSED", None), 1, 0)
        .await
        .unwrap();
    let one = alerts.one(&a, closed[0].alert.alert_id).await.unwrap();
    assert_eq!(one.as_ref(), closed.first());
    let told = serde_json::to_value(&one).unwrap();
    assert_eq!(told["closed_at"], "2026-01-01T00:00:00Z");
    assert_eq!(
        (&told["details"], &told["status"]),
        (&json!({}), &json!("CLOSED"))
    );
    assert_eq!(alerts.one(&a, i64::MAX).await.unwrap(), None);
}

#[tokio::test]
async fn a_cause_has_one_alert_until_it_is_closed_whichever_way_writers_upsert() {
    let database = Database::fresh().await;
    let writer = pool(&database.devices_url());
    let open = "INSERT INTO fleet_alert (tenant_id, alert_type, fingerprint, severity) VALUES ('a', 'HOT', 'f', 1)";
    run(&writer, open).await;
    assert_eq!(refusal(&writer, open).await, "23505");
    for condition in [
        "status = 'OPEN'",
        "status IN ('OPEN', 'ACKNOWLEDGED')",
        "status <> 'CLOSED'",
    ] {
        let upsert = format!(
            "{open} ON CONFLICT (tenant_id, fingerprint) WHERE {condition} DO UPDATE SET severity = fleet_alert.severity + 1"
        );
        run(&writer, &upsert).await;
    }
    run(&writer, "UPDATE fleet_alert SET status = 'ACKNOWLEDGED'").await;
    assert_eq!(refusal(&writer, open).await, "23505");
    run(&writer, "UPDATE fleet_alert SET status = 'CLOSED'").await;
    run(&writer, open).await;
    assert_eq!(
        number(&writer, "SELECT sum(severity) FROM fleet_alert").await,
        5
    );
}

#[tokio::test]
async fn devices_come_in_pages_by_id_with_their_state() {
    let database = Database::fresh().await;
    let some = "INSERT INTO device_state (tenant_id, device_id, site_id, status, last_seen_at, state)
                SELECT 'a', 'dev-' || lpad(n::text, 2, '0'), 's', 'ONLINE', '2026-01-01Z', '{\"battery\": 80}'
                  FROM generate_series(1, 12) n";
    run(&pool(&database.devices_url()), some).await;
    let (devices, a) = (DeviceRepo::new(service_pool(&database)), tenant("a"));
    let page = devices.list(&a, 5, 10).await.unwrap();
    let ids: Vec<_> = page.iter().map(|it| it.device_id.as_str()).collect();
    assert_eq!(ids, ["dev-11", "dev-12"]);
    let expected = json!({
        "tenant_id": "a", "device_id": "dev-07", "site_id": "s", "status": "ONLINE", "last_heartbeat_at": null,
        "last_telemetry_at": null, "last_seen_at": "2026-01-01T00:00:00Z", "state": {"battery": 80}
    });
    let one = devices.one(&a, &device("dev-07")).await.unwrap();
    assert_eq!(serde_json::to_value(one).unwrap(), expected);
}

#[tokio::test]
async fn times_that_no_client_could_be_told_are_refused_when_they_are_written() {
    let database = Database::fresh().await;
    let writer = pool(&database.devices_url());
    for time in ["infinity", "-infinity", "12000-01-01Z", "0044-03-15Z BC"] {
        for insert in [
            format!(
                "INSERT INTO telemetry (time, tenant_id, device_id) VALUES ('{time}', 'a', 'x')"
            ),
            format!(
                "INSERT INTO device_state (tenant_id, device_id, last_seen_at) VALUES ('a', 'x', '{time}')"
            ),
            format!(
                "INSERT INTO fleet_alert (tenant_id, alert_type, fingerprint, severity, closed_at)
                 VALUES ('a', 'x', 'x', 1, '{time}')"
            ),
        ] {
            assert_eq!(refusal(&writer, &insert).await, "23514", "{insert}");
        }
    }
}

#[tokio::test]
async fn a_ticket_is_good_once_and_until_it_expires() {
    let database = Database::fresh().await;
    let tickets = TicketRepo::new(service_pool(&database));
    let (good, late) = ([1; 32], [2; 32]);
    let claims = json!({"tenant_id": "a"});
    tickets
        .put(&late, &claims, TimeDelta::seconds(-60))
        .await
        .unwrap();
    assert_eq!(tickets.take(&late).await.unwrap(), None);
    tickets
        .put(&late, &claims, TimeDelta::seconds(-60))
        .await
        .unwrap();
    tickets
        .put(&good, &claims, TimeDelta::seconds(60))
        .await
        .unwrap();
    assert_eq!(
        number(database.owner_pool(), "SELECT count(*) FROM ws_ticket").await,
        1,
        "expired ones go"
    );

    let taken = tokio::join!(
        tickets.take(&good),
        tickets.take(&good),
        tickets.take(&good)
    );
    let taken: Vec<Value> = [taken.0, taken.1, taken.2]
        .into_iter()
        .filter_map(Result::unwrap)
        .collect();
    assert_eq!(taken, [claims], "one of those who come at once");
    assert_eq!(tickets.take(&[3; 32]).await.unwrap(), None);
}

#[tokio::test]
async fn tickets_that_are_put_in_at_once_are_all_there() {
    let database = Database::fresh().await;
    let tickets = TicketRepo::new(service_pool(&database));
    let put = (0..40_u8).map(|number| {
        let tickets = tickets.clone();
        async move {
            let life = if number % 2 == 0 { 60 } else { -60 };
            let life = TimeDelta::seconds(life);
            tickets
                .put(&[number; 32], &json!({"n": number}), life)
                .await
                .unwrap();
        }
    });
    futures_util::future::join_all(put).await;
    let mut left = HashSet::new();
    for number in 0..40_u8 {
        left.extend(
            tickets
                .take(&[number; 32])
                .await
                .unwrap()
                .map(|claims| claims["n"].to_string()),
        );
    }
    assert_eq!(left.len(), 20);
}
