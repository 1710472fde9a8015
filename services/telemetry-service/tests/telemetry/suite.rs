//! What a telemetry store promises, whichever it is. Each promise is a function over a source; `over_a_store!` makes a
//! test of each.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use telemetry_service::model::{DeviceId, Reading, TenantId};
use telemetry_service::store::{Span, TelemetryStore};

/// A store and whoever fills it.
pub struct Source {
    /// As the service has it.
    pub store: Arc<dyn TelemetryStore>,
    /// As devices do.
    pub write: Box<dyn Fn(Vec<Row>) -> BoxFuture<'static, ()> + Send + Sync>,
    /// What has to live as long.
    pub _keep: Box<dyn std::any::Any + Send>,
}

/// A reading as a device sends it.
#[derive(Clone, Debug)]
pub struct Row {
    /// Whose.
    pub tenant: String,
    /// Of what.
    pub device: String,
    /// When.
    pub time: DateTime<Utc>,
    /// The device's counter.
    pub seq: Option<i64>,
    /// An object.
    pub metrics: Value,
}

/// Every promise as a test over what `$source` makes, a store of its own for each.
#[macro_export]
macro_rules! over_a_store {
    ($source:path) => {
        $crate::over_a_store!(
            $source;
            the_newest_reading_of_each_device_comes_in_one_answer,
            a_device_of_another_tenant_is_one_without_readings,
            a_tenant_that_has_never_written_has_no_readings,
            types_are_kept_and_nulls_dropped,
            a_range_is_half_open_newest_first_and_limited,
            a_range_may_reach_beyond_all_that_there_is,
            whatever_an_id_may_hold_is_found_as_it_is,
            hundreds_of_devices_are_one_question,
            of_readings_of_one_instant_the_last_counts,
        );
    };
    ($source:path; $($promise:ident),+ $(,)?) => {$(
        #[tokio::test]
        async fn $promise() {
            $crate::suite::$promise(&$source().await).await;
        }
    )+};
}

pub fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

pub fn device(name: &str) -> DeviceId {
    DeviceId::parse(name).unwrap()
}

/// Seconds into a morning that lies behind every test.
pub fn at(seconds: i64) -> DateTime<Utc> {
    let morning: DateTime<Utc> = "2026-03-04T05:06:07.891234Z".parse().unwrap();
    morning + TimeDelta::seconds(seconds)
}

pub fn row(tenant: &str, device: &str, seconds: i64, metrics: Value) -> Row {
    Row {
        tenant: tenant.to_owned(),
        device: device.to_owned(),
        time: at(seconds),
        seq: Some(seconds),
        metrics,
    }
}

fn metrics(reading: &Reading) -> Value {
    Value::Object(reading.metrics.clone())
}

fn times(readings: &[Reading]) -> Vec<DateTime<Utc>> {
    readings.iter().map(|reading| reading.time).collect()
}

fn moments(seconds: impl IntoIterator<Item = i64>) -> Vec<DateTime<Utc>> {
    seconds.into_iter().map(at).collect()
}

pub async fn the_newest_reading_of_each_device_comes_in_one_answer(source: &Source) {
    let rows = [("one", 0), ("one", 5), ("one", 3), ("two", 4), ("three", 9)];
    let rows = rows.map(|(device, seconds)| row("a", device, seconds, json!({"n": seconds})));
    (source.write)(rows.to_vec()).await;

    let asked = ["one", "two", "nobody"].map(device);
    let mut found = source.store.latest(&tenant("a"), &asked).await.unwrap();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    let told: Vec<_> = found
        .iter()
        .map(|(device, reading)| (device.as_str(), reading.time, reading.seq, metrics(reading)))
        .collect();
    let expected = [
        ("one", at(5), Some(5), json!({"n": 5})),
        ("two", at(4), Some(4), json!({"n": 4})),
    ];
    assert_eq!(told, expected);
    assert!(
        source
            .store
            .latest(&tenant("a"), &[])
            .await
            .unwrap()
            .is_empty()
    );
}

pub async fn a_device_of_another_tenant_is_one_without_readings(source: &Source) {
    let rows = vec![
        row("a", "shared", 0, json!({"mine": true})),
        row("b", "shared", 5, json!({"mine": false})),
        row("b", "other", 5, json!({"mine": false})),
    ];
    (source.write)(rows).await;

    let (a, store) = (tenant("a"), &source.store);
    let found = store
        .latest(&a, &["shared", "other"].map(device))
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(metrics(&found[0].1), json!({"mine": true}));
    let all = Span::default();
    assert_eq!(
        times(&store.range(&a, &device("shared"), all, 9).await.unwrap()),
        [at(0)]
    );
    assert!(
        store
            .range(&a, &device("other"), all, 9)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        store
            .newest(&a, &device("other"), 9)
            .await
            .unwrap()
            .is_empty()
    );
}

pub async fn a_tenant_that_has_never_written_has_no_readings(source: &Source) {
    let (nobody, one) = (tenant("nobody"), device("one"));
    (source.write)(vec![row("a", "one", 0, json!({"n": 0}))]).await;
    assert!(
        source
            .store
            .latest(&nobody, std::slice::from_ref(&one))
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        source
            .store
            .newest(&nobody, &one, 9)
            .await
            .unwrap()
            .is_empty()
    );
}

pub async fn types_are_kept_and_nulls_dropped(source: &Source) {
    let typed = json!({"whole": 7, "large": 9_007_199_254_740_993_i64, "real": -1.5, "text": "it's \"x\"", "yes": true});
    let mut with_null = typed.clone();
    with_null["gone"] = Value::Null;
    let before = json!({"gone": 1, "whole": 1});
    (source.write)(vec![
        row("a", "one", 0, before.clone()),
        row("a", "one", 1, with_null),
    ])
    .await;

    let read = source
        .store
        .newest(&tenant("a"), &device("one"), 2)
        .await
        .unwrap();
    assert_eq!(
        read.iter().map(metrics).collect::<Vec<_>>(),
        [typed, before]
    );
}

pub async fn a_range_is_half_open_newest_first_and_limited(source: &Source) {
    let rows = (0..10).map(|seconds| row("a", "one", seconds, json!({"n": seconds})));
    (source.write)(rows.collect()).await;

    let read = async |start: Option<i64>, end: Option<i64>, limit| {
        let span = Span {
            start: start.map(at),
            end: end.map(at),
        };
        times(
            &source
                .store
                .range(&tenant("a"), &device("one"), span, limit)
                .await
                .unwrap(),
        )
    };
    assert_eq!(read(Some(2), Some(5), 100).await, moments([4, 3, 2]));
    assert_eq!(read(Some(7), None, 100).await, moments([9, 8, 7]));
    assert_eq!(read(None, Some(2), 100).await, moments([1, 0]));
    assert_eq!(read(None, None, 3).await, moments([9, 8, 7]));
    let newest = source
        .store
        .newest(&tenant("a"), &device("one"), 2)
        .await
        .unwrap();
    assert_eq!(times(&newest), moments([9, 8]));
}

pub async fn a_range_may_reach_beyond_all_that_there_is(source: &Source) {
    (source.write)(vec![row("a", "one", 0, json!({"n": 0}))]).await;
    let long_ago: DateTime<Utc> = "0001-01-01T00:00:00Z".parse().unwrap();
    let far_off: DateTime<Utc> = "9999-12-31T23:59:59Z".parse().unwrap();
    let count = async |start, end| {
        let span = Span { start, end };
        source
            .store
            .range(&tenant("a"), &device("one"), span, 9)
            .await
            .unwrap()
            .len()
    };
    assert_eq!(count(Some(long_ago), Some(far_off)).await, 1);
    assert_eq!(count(Some(far_off), None).await, 0);
    assert_eq!(count(None, Some(long_ago)).await, 0);
}

pub async fn whatever_an_id_may_hold_is_found_as_it_is(source: &Source) {
    let odd = [
        "--",
        "..",
        ":",
        "_",
        "1",
        "OR",
        "d0",
        "telemetry",
        "A.b:c_d-e",
        &"x".repeat(128),
    ];
    for name in ["-", "a.b:c_d", "OR"] {
        let rows = odd
            .iter()
            .map(|device| row(name, device, 0, json!({"device": device})));
        (source.write)(rows.collect()).await;
        let found = source
            .store
            .latest(&tenant(name), &odd.map(device))
            .await
            .unwrap();
        assert_eq!(found.len(), odd.len(), "{name}");
        for (device, reading) in found {
            assert_eq!(metrics(&reading), json!({"device": device.as_str()}));
        }
    }
}

pub async fn hundreds_of_devices_are_one_question(source: &Source) {
    let names: Vec<String> = (0..500).map(|number| format!("dev-{number:04}")).collect();
    let rows = names.iter().map(|name| row("a", name, 0, json!({"n": 1})));
    (source.write)(rows.collect()).await;
    let devices: Vec<DeviceId> = names.iter().map(|name| device(name)).collect();
    let found = source.store.latest(&tenant("a"), &devices).await.unwrap();
    assert_eq!(found.len(), 500);
}

/// Postgres keeps both and looks at the counter, an `InfluxDB` keeps the last that was written.
pub async fn of_readings_of_one_instant_the_last_counts(source: &Source) {
    for seq in [1, 2] {
        let mut row = row("a", "one", 0, json!({"n": seq}));
        row.seq = Some(seq);
        (source.write)(vec![row]).await;
    }
    let found = source
        .store
        .latest(&tenant("a"), &[device("one")])
        .await
        .unwrap();
    assert_eq!(metrics(&found[0].1), json!({"n": 2}));
    let newest = source
        .store
        .newest(&tenant("a"), &device("one"), 1)
        .await
        .unwrap();
    assert_eq!(newest[0].seq, Some(2));
}
