//! The endpoints for a person with curl.

use demo_world::{ClientApi, Fault};
use serde_json::json;
use test_kit::{http_get, http_post, http_request};

#[tokio::test]
async fn the_list_tells_projects_faults_and_counts() {
    let api = ClientApi::start().unwrap();
    let tower = api.project("tower");
    tower
        .set_units([("A101", "sold")])
        .set_fault_for(3, Fault::Truncated);
    let listed = http_get(&format!("{}/_control", api.base_url()), &[])
        .await
        .json();
    assert_eq!(
        listed,
        json!({"projects": [{
            "project": "tower", "url": tower.url(), "units": 1, "requests": 0,
            "fault": {"fault": {"kind": "truncated"}, "requests": 3},
            "auth_failures": 0, "concurrent_max": 0,
        }]})
    );
}

#[tokio::test]
async fn a_fault_is_set_and_cleared_by_hand() {
    let api = ClientApi::start().unwrap();
    let tower = api.project("tower");
    let url = format!("{}/_control/tower/fault", api.base_url());
    let body = br#"{"fault": {"kind": "status", "code": 503}, "requests": 1}"#;
    assert_eq!(http_post(&url, &[], body).await.status(), 200);
    assert_eq!(http_get(&tower.url(), &[]).await.status(), 503);
    assert_eq!(http_get(&tower.url(), &[]).await.status(), 200);
    http_post(&url, &[], br#"{"fault": {"kind": "html_page"}}"#).await;
    assert_eq!(tower.fault().unwrap().fault, Fault::HtmlPage);
    assert_eq!(http_request("DELETE", &url, &[], b"").await.status(), 200);
    assert_eq!(tower.fault(), None);
}

#[tokio::test]
async fn units_are_changed_by_hand() {
    let api = ClientApi::start().unwrap();
    let tower = api.project("tower");
    tower.set_units([("A101", "sold"), ("A102", "sold")]);
    let url = format!("{}/_control/tower/units", api.base_url());
    http_post(&url, &[], br#"{"A101": "free"}"#).await;
    let expected = [("A101", "free"), ("A102", "sold")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(tower.units(), expected);
}

#[tokio::test]
async fn what_is_not_understood_is_told() {
    let api = ClientApi::start().unwrap();
    api.project("tower");
    let base = api.base_url();
    let bad = http_post(
        &format!("{base}/_control/tower/fault"),
        &[],
        b"{\"fault\": 7}",
    )
    .await;
    assert_eq!(bad.status(), 400);
    assert!(bad.json()["error"].is_string());
    assert_eq!(
        http_get(&format!("{base}/_control/none"), &[])
            .await
            .status(),
        404
    );
    assert_eq!(
        http_get(&format!("{base}/health"), &[]).await.json(),
        json!({"status": "ok"})
    );
}
