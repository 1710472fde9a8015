//! The suite of stores over a real `InfluxDB` 1, which is started for each test. Not among the tests of `cargo test`,
//! because it needs `influxd`: `cargo xtask ci --only influx` installs that and runs this.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod influxd;
#[path = "../telemetry/suite.rs"]
mod suite;

use std::sync::Arc;

use service_kit::http_client::{Outbound, OutboundSettings};
use telemetry_service::infra::telemetry_influx_api::InfluxTelemetry;
use telemetry_service::model::SourceError;
use telemetry_service::settings::InfluxApi;
use telemetry_service::store::TelemetryStore as _;

use influxd::{Influxd, USER};
use suite::{Source, device, row, tenant};

crate::over_a_store!(version_1);

async fn version_1() -> Source {
    let influxd = Arc::new(Influxd::start().await);
    let written = Arc::clone(&influxd);
    Source {
        store: Arc::new(store(&influxd, None)),
        write: Box::new(move |rows| {
            let influxd = Arc::clone(&written);
            Box::pin(async move { influxd.write(&rows).await })
        }),
        _keep: Box::new(influxd),
    }
}

fn store(influxd: &Influxd, token: Option<&str>) -> InfluxTelemetry {
    let outbound = Outbound::new(&OutboundSettings {
        upstream_allow_private: true,
        ..OutboundSettings::default()
    });
    let url = influxd.url().parse().unwrap();
    let token = token.map(Into::into);
    InfluxTelemetry::new(outbound.unwrap(), &url, token.as_ref(), InfluxApi::V1).unwrap()
}

#[tokio::test]
async fn a_server_that_was_killed_is_an_error_and_comes_back_with_what_it_had() {
    let mut influxd = Influxd::start().await;
    let store = store(&influxd, None);
    influxd
        .write(&[row("a", "one", 0, serde_json::json!({"n": 1}))])
        .await;
    let (a, one) = (tenant("a"), [device("one")]);
    assert_eq!(store.latest(&a, &one).await.unwrap().len(), 1);

    influxd.kill9();
    let away = store.latest(&a, &one).await;
    assert!(matches!(away, Err(SourceError::Unavailable(_))), "{away:?}");

    influxd.restart().await;
    assert_eq!(store.latest(&a, &one).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_server_that_asks_who_we_are_is_told_and_anybody_else_is_refused() {
    let influxd = Influxd::start_for_its_user().await;
    influxd
        .write(&[row("a", "one", 0, serde_json::json!({"n": 1}))])
        .await;
    let (a, one) = (tenant("a"), [device("one")]);
    let known = store(&influxd, Some(USER));
    assert_eq!(known.latest(&a, &one).await.unwrap().len(), 1);
    for token in [None, Some("farol:wrong"), Some("a-token-of-later-releases")] {
        let refused = store(&influxd, token).latest(&a, &one).await;
        assert!(
            matches!(refused, Err(SourceError::Refused(_))),
            "{refused:?}"
        );
    }
}
