//! The portal's endpoints for a person with curl.

use demo_world::Portal;
use demo_world::portal::{Endpoint, Fault, Match, Record, Rule};
use serde_json::{Value, json};
use test_kit::{Answer, http_get, http_post, http_request};

use crate::portal_reader::{at, get, page_path, utc};

fn portal() -> (Portal, String) {
    let portal = Portal::start().unwrap();
    portal.put(Record::new(1, 6, at("2026-03-10T10:00:00")));
    let url = format!("http://{}/_control", portal.address());
    (portal, url)
}

fn told(answer: &Answer) -> Value {
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn the_portal_is_described() {
    let (portal, url) = portal();
    portal.script(Rule::times(3, Match::any().page(2), Fault::Text500));
    assert_eq!(
        told(&http_get(&url, &[]).await),
        json!({
            "url": portal.base_url(), "records": 1, "first_day": "2026-03-10", "last_day": "2026-03-10", "requests": 0, "in_flight": 0, "concurrent_max": 0,
            "faults": [{"fault": {"kind": "text_500"}, "page": 2, "times": 3}],
            "replay_left": 0, "unordered": false,
        })
    );
}

#[tokio::test]
async fn faults_are_added_and_cleared_by_hand() {
    let (portal, url) = portal();
    let faults = format!("{url}/faults");
    told(
        &http_post(
            &faults,
            &[],
            br#"{"fault": {"kind": "html_503"}, "modalidade": 6}"#,
        )
        .await,
    );
    let path = page_path("publicacao", "2026-03-10", 6, 1, 10);
    assert_eq!(get(&portal, &path).await.status(), 503);
    told(&http_request("DELETE", &faults, &[], b"").await);
    assert_eq!(get(&portal, &path).await.status(), 200);
}

#[tokio::test]
async fn the_truth_about_a_window_is_told() {
    let (portal, url) = portal();
    portal.put(Record::new(2, 8, at("2026-03-10T11:00:00")));
    for (query, count) in [
        ("from=2026-03-10&to=2026-03-11", 2),
        ("from=2026-03-10&to=2026-03-11&modalidade=8", 1),
        ("from=2026-03-10T10:00:00&to=2026-03-10T11:00:00", 1),
        (
            "from=2026-03-10T13:00:00Z&to=2026-03-10T13:00:01Z&endpoint=atualizacao",
            1,
        ),
    ] {
        let answer = told(&http_get(&format!("{url}/count?{query}"), &[]).await);
        assert_eq!(answer["count"], count, "{query}");
    }
    assert_eq!(
        http_get(&format!("{url}/count?from=7"), &[]).await.status(),
        400
    );
}

#[tokio::test]
async fn the_keys_of_a_window_and_the_last_requests_are_listed() {
    let (portal, url) = portal();
    let listed = told(&http_get(&format!("{url}/keys?from=2026-03-10&to=2026-03-11"), &[]).await);
    let all = utc("2026-03-10T03:00:00")..utc("2026-03-11T03:00:00");
    assert_eq!(
        listed["keys"],
        json!(portal.keys(Endpoint::Publicacao, None, all))
    );
    portal.script(Rule::times(1, Match::any(), Fault::Status429Html));
    let path = page_path("publicacao", "2026-03-10", 6, 1, 10);
    get(&portal, &path).await;
    get(&portal, &path).await;
    let seen = told(&http_get(&format!("{url}/requests"), &[]).await);
    assert_eq!(
        (&seen[0]["status"], &seen[1]["status"]),
        (&json!(429), &json!(200))
    );
    assert_eq!(
        (seen[0]["path"].as_str(), seen.as_array().unwrap().len()),
        (Some(&*path), 2)
    );
    assert!(seen[0]["answered_at"].as_f64() <= seen[1]["at"].as_f64());
}

#[tokio::test]
async fn procurements_are_published_and_touched_by_hand() {
    let (portal, url) = portal();
    let published = told(&http_post(&format!("{url}/publish?n=3"), &[], b"").await);
    assert_eq!(
        (published["keys"].as_array().unwrap().len(), portal.len()),
        (3, 4)
    );
    let all = utc("2000-01-01T00:00:00")..utc("2100-01-01T00:00:00");
    assert_eq!(portal.count(Endpoint::Publicacao, 6, all), 4);
    let touched = told(&http_post(&format!("{url}/touch"), &[], b"").await);
    let key = touched["keys"][0].as_str().unwrap();
    assert!(portal.version(key).unwrap() > utc("2026-03-10T10:00:00"));
}

#[tokio::test]
async fn a_trace_is_played_by_hand() {
    let (portal, url) = portal();
    told(&http_post(&format!("{url}/replay?speed=1000"), &[], b"").await);
    assert_eq!(portal.replay_left(), 446);
    let line = br#"{"attempt": 1, "duration_seconds": 0.1, "error": "x", "status": 429, "success": false, "url": "u"}"#;
    told(&http_post(&format!("{url}/replay?speed=1000"), &[], line).await);
    assert_eq!(
        get(&portal, &page_path("publicacao", "2026-03-10", 6, 1, 10))
            .await
            .status(),
        429
    );
}

#[tokio::test]
async fn the_order_is_given_up_and_kept_again_by_hand() {
    let (_portal, url) = portal();
    let order = format!("{url}/unordered");
    assert_eq!(told(&http_post(&order, &[], b"").await)["unordered"], true);
    assert_eq!(
        told(&http_request("DELETE", &order, &[], b"").await)["unordered"],
        false
    );
}

#[tokio::test]
async fn what_is_not_understood_is_told() {
    let (portal, url) = portal();
    let bad = http_post(&format!("{url}/faults"), &[], b"{\"fault\": 7}").await;
    assert_eq!(bad.status(), 400);
    assert!(bad.json()["error"].is_string());
    assert_eq!(http_get(&format!("{url}/nothing"), &[]).await.status(), 404);
    let health = format!("http://{}/health", portal.address());
    assert_eq!(http_get(&health, &[]).await.json(), json!({"status": "ok"}));
}
