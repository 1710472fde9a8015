//! The suite of stores over a version 3 that is strict, and failures of either version, which are never "no data". The
//! suite over a real version 1 is the test program `influx`.

use std::sync::Arc;

use serde_json::json;
use service_kit::http_client::{Outbound, OutboundSettings};
use telemetry_service::infra::telemetry_influx_api::InfluxTelemetry;
use telemetry_service::model::SourceError;
use telemetry_service::settings::InfluxApi;
use telemetry_service::store::{Span, TelemetryStore as _};

use crate::influx_fake::{Fake3, Server, TOKEN};
use crate::suite::{Source, device, tenant};

crate::over_a_store!(version_3);

async fn version_3() -> Source {
    let fake = Fake3::default();
    let asked = fake.clone();
    let server = Server::start(move |heard| asked.answer(heard)).await;
    Source {
        store: Arc::new(store(&server, InfluxApi::V3)),
        write: Box::new(move |rows| {
            fake.write(rows);
            Box::pin(std::future::ready(()))
        }),
        _keep: Box::new(server),
    }
}

fn store(server: &Server, api: InfluxApi) -> InfluxTelemetry {
    let outbound = Outbound::new(&OutboundSettings {
        upstream_allow_private: true,
        ..OutboundSettings::default()
    });
    let url = server.url().parse().unwrap();
    InfluxTelemetry::new(outbound.unwrap(), &url, Some(&TOKEN.into()), api).unwrap()
}

/// What a store makes of an answer.
async fn asked(api: InfluxApi, status: u16, body: &str) -> Result<usize, SourceError> {
    let body = body.to_owned();
    let server = Server::start(move |_| (status, body.clone())).await;
    let found = store(&server, api)
        .latest(&tenant("a"), &[device("one")])
        .await;
    found.map(|found| found.len())
}

#[tokio::test]
async fn what_is_no_whole_answer_is_an_error_and_never_no_data() {
    let refused = [
        (InfluxApi::V1, 401, r#"{"error":"authorization failed"}"#),
        (InfluxApi::V1, 400, r#"{"error":"error parsing query"}"#),
        (
            InfluxApi::V1,
            200,
            r#"{"results":[{"statement_id":0,"error":"shard is broken"}]}"#,
        ),
        (
            InfluxApi::V1,
            200,
            r#"{"results":[{"statement_id":0,"error":"database not found: telemetry_b"}]}"#,
        ),
        (
            InfluxApi::V1,
            404,
            r#"{"error":"database not found: telemetry_a"}"#,
        ),
        (
            InfluxApi::V1,
            200,
            r#"{"results":[{"statement_id":0,"partial":true}]}"#,
        ),
        (
            InfluxApi::V1,
            200,
            r#"{"results":[{"series":[{"columns":["n"],"values":[[1]]}]}]}"#,
        ),
        (InfluxApi::V1, 200, "<html>a proxy</html>"),
        (InfluxApi::V1, 200, ""),
        (InfluxApi::V1, 302, ""),
        (InfluxApi::V3, 401, ""),
        (InfluxApi::V3, 404, "not found"),
        (
            InfluxApi::V3,
            404,
            r#"{"error":"query error: database not found: telemetry_b","data":null}"#,
        ),
        (
            InfluxApi::V3,
            400,
            r#"{"error":"Schema error: No field named device_id"}"#,
        ),
        (InfluxApi::V3, 200, r#"{"results":[]}"#),
        (InfluxApi::V3, 200, r#"[{"n":1}]"#),
        (InfluxApi::V3, 200, "[{"),
    ];
    for (api, status, body) in refused {
        let found = asked(api, status, body).await;
        assert!(
            matches!(found, Err(SourceError::Refused(_))),
            "{api:?} {status} {body}: {found:?}"
        );
    }
    for api in [InfluxApi::V1, InfluxApi::V3] {
        for status in [429, 500, 503] {
            let found = asked(api, status, r#"{"error":"busy"}"#).await;
            assert!(
                matches!(found, Err(SourceError::Unavailable(_))),
                "{api:?} {status}: {found:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_tenant_without_a_database_or_a_table_is_one_without_readings() {
    for (api, status, body) in [
        (
            InfluxApi::V1,
            200,
            r#"{"results":[{"statement_id":0,"error":"database not found: telemetry_a"}]}"#,
        ),
        (InfluxApi::V1, 200, r#"{"results":[{"statement_id":0}]}"#),
        (
            InfluxApi::V3,
            404,
            r#"{"error":"query error: database not found: telemetry_a","data":null}"#,
        ),
        (
            InfluxApi::V3,
            400,
            r#"{"error":"Error during planning: table 'public.iox.telemetry' not found"}"#,
        ),
        (InfluxApi::V3, 200, "[]"),
    ] {
        assert_eq!(asked(api, status, body).await.unwrap(), 0, "{api:?} {body}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    for api in [InfluxApi::V1, InfluxApi::V3] {
        let gone = Server::start(|_| (200, "[]".to_owned())).await;
        let store = store(&gone, api);
        drop(gone);
        let found = store.newest(&tenant("a"), &device("one"), 1).await;
        assert!(
            matches!(found, Err(SourceError::Unavailable(_))),
            "{found:?}"
        );
    }
}

#[tokio::test]
async fn ids_are_bound_and_the_token_is_in_its_header_alone() {
    let server = Server::start(|_| (200, r#"{"results":[{}]}"#.to_owned())).await;
    let store = store(&server, InfluxApi::V1);
    let (whose, what) = (
        tenant("whose-tenant"),
        [device("which-device"), device("another-device")],
    );
    store.latest(&whose, &what).await.unwrap();
    let span = Span {
        start: Some("2026-01-01T00:00:00Z".parse().unwrap()),
        end: None,
    };
    store.range(&whose, &what[0], span, 7).await.unwrap();

    let heard = server.heard();
    let forms = heard.iter().map(|it| {
        form_urlencoded::parse(it.body.as_bytes())
            .into_owned()
            .collect::<Vec<_>>()
    });
    let latest = "SELECT * FROM \"telemetry\" WHERE \"device_id\" = $d0 OR \"device_id\" = $d1 \
                  GROUP BY \"device_id\" ORDER BY time DESC LIMIT 1";
    let range = "SELECT * FROM \"telemetry\" WHERE \"device_id\" = $device AND time >= $start ORDER BY time DESC LIMIT 7";
    let form = |q: &str, params: serde_json::Value| {
        [
            ("db", "telemetry_whose-tenant"),
            ("q", q),
            ("params", &params.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    };
    let expected = [
        form(
            latest,
            json!({"d0": "which-device", "d1": "another-device"}),
        ),
        form(
            range,
            json!({"device": "which-device", "start": 1_767_225_600_000_000_000_i64}),
        ),
    ];
    assert_eq!(forms.collect::<Vec<_>>(), expected);
    for request in heard {
        assert!(
            request.has("POST /query HTTP/1.1")
                && request.has(&format!("authorization: Token {TOKEN}"))
        );
        assert!(!request.body.contains(TOKEN));
    }
    assert!(!format!("{store:?}").contains(TOKEN));
}
