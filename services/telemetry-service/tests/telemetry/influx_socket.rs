//! Readings of an `InfluxDB` on a socket: there is no database that says when something is new, and it may be away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use telemetry_service::settings::{InfluxApi, Settings, StoreKind};

use crate::influx_fake::{Fake3, Server, TOKEN};
use crate::suite::Row;
use crate::world::{World, subscribe, subscribe_alerts};

/// The second reading of a device is a second after its first.
fn row(seq: i64) -> Row {
    Row {
        tenant: "a".to_owned(),
        device: "dev-0001".to_owned(),
        time: chrono::DateTime::<Utc>::UNIX_EPOCH + TimeDelta::seconds(seq),
        seq: Some(seq),
        metrics: json!({"t": seq}),
    }
}

fn is_device(state: &'static str) -> impl Fn(&Value) -> bool {
    move |it| it["channel"] == "device" && it["state"] == state
}

#[tokio::test]
async fn while_influxdb_is_away_its_readings_are_stale_and_the_alerts_are_not() {
    let (fake, away) = (Fake3::default(), Arc::new(AtomicBool::new(false)));
    fake.write(vec![row(1)]);
    let (answering, is_away) = (fake.clone(), Arc::clone(&away));
    let server = Server::start(move |heard| {
        if is_away.load(Ordering::Relaxed) {
            return (503, "try later".to_owned());
        }
        answering.answer(heard)
    })
    .await;
    let url = server.url();
    let world = World::with(move |settings: &mut Settings| {
        settings.store.telemetry_store = StoreKind::Influxdb;
        settings.store.influxdb_api = InfluxApi::V3;
        settings.store.influxdb_url = Some(url.parse().unwrap());
        settings.store.influxdb_token = Some(TOKEN.into());
        settings.feed.ws_poll_seconds = Duration::from_millis(200);
    })
    .await;
    let mut socket = world.socket("a").await;
    socket.send(&subscribe("dev-0001")).await;
    assert_eq!(socket.json_of("telemetry").await["data"]["seq"], 1);
    socket.send(&subscribe_alerts()).await;
    assert_eq!(socket.json_of("alerts").await["total"], 0);
    fake.write(vec![row(2)]);
    assert_eq!(
        socket.json_of("telemetry").await["data"]["seq"],
        2,
        "a poll finds it"
    );

    away.store(true, Ordering::Relaxed);
    let came = socket.json().await;
    assert!(is_device("stale")(&came), "{came}");
    fake.write(vec![row(3)]);
    world.alert("a", "meanwhile", 1).await;
    let came = socket.json().await;
    assert_eq!(
        (&came["type"], &came["total"]),
        (&json!("alerts"), &json!(1))
    );

    away.store(false, Ordering::Relaxed);
    let came = socket.json().await;
    assert!(is_device("live")(&came), "{came}");
    assert_eq!(socket.json_of("telemetry").await["data"]["seq"], 3);
    assert_eq!(world.count("telemetry_sockets_open").await, 1);
    socket.leave().await;
    world.shutdown().await;
}
