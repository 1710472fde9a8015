//! Who changed what: an event with every change, in one transaction with it, and none without.

use serde_json::{Value, json};

use crate::bodies::ok;
use crate::connecting::{Connecting, path, wrong_fields};
use crate::world::USER;

async fn events(there: &Connecting, query: &str) -> Vec<Value> {
    let page = ok(&there.world.get(&format!("/api/audit{query}")).await);
    page["events"].as_array().unwrap().clone()
}

#[tokio::test]
async fn every_change_has_one_event_and_what_changes_nothing_has_none() {
    let there = Connecting::start().await;
    let (tower, slug) = ("/api/projects/tower", "tower");
    there.project(slug, &[]).await;
    let traced = [("x-request-id", "request-of-ana")];
    let renamed = json!({"name": "Tower", "description": "x"}).to_string();
    for _ in 0..2 {
        ok(&there.send("PUT", tower, &traced, &renamed).await);
    }
    let address = json!({"api_base_url": there.api.base_url(), "status_endpoint": "/tower/units", "auth_type": "bearer",
                         "auth_credentials": {"token": "t0ken-of-tower"}, "status_mapping": {"sold": ["vendido"]}});
    ok(&there.put(slug, &address).await);
    let same = json!({"status_mapping": {"sold": ["vendido"]}, "status_endpoint": "/tower/units", "timeout_seconds": 10});
    ok(&there.put(slug, &same).await);
    ok(&there.put(slug, &json!({})).await);
    there.test(slug, &json!({"timeout_seconds": 2})).await;
    for _ in 0..2 {
        let forget = there
            .send("DELETE", &path(slug, "/credentials"), &[], "")
            .await;
        assert_eq!(forget.status(), 204);
        there.send("DELETE", tower, &[], "").await;
    }
    wrong_fields(&there.put(slug, &json!({"timeout_seconds": 61})).await);

    let events = events(&there, "").await;
    let told: Vec<(&str, &Value)> = events
        .iter()
        .rev()
        .map(|it| (it["action"].as_str().unwrap(), &it["detail"]))
        .collect();
    let origin = there.api.base_url();
    let expected = [
        ("project_created", json!({"is_active": true})),
        (
            "project_changed",
            json!({"fields": ["name", "description"]}),
        ),
        (
            "integration_changed",
            json!({"fields": ["api_base_url", "status_endpoint", "auth_type", "auth_credentials", "status_mapping"],
                   "origin": origin, "credentials": "replaced"}),
        ),
        (
            "integration_tested",
            json!({"fields": ["timeout_seconds"], "origin": origin, "credentials": "stored"}),
        ),
        ("credentials_cleared", json!({})),
        (
            "project_deactivated",
            json!({"fields": ["is_active"], "is_active": false}),
        ),
    ];
    let expected: Vec<(&str, &Value)> = expected.iter().map(|(action, it)| (*action, it)).collect();
    assert_eq!(told, expected);
    for event in &events {
        assert_eq!(
            (&event["actor"], &event["project"]),
            (&json!(USER), &json!("tower"))
        );
        assert!(
            event["at"].is_string() && event["request_id"].is_string(),
            "{event}"
        );
    }
    assert_eq!(events[4]["request_id"], "request-of-ana");
    there.shutdown().await;
}

#[tokio::test]
async fn an_event_that_cannot_be_written_takes_its_change_back() {
    let there = Connecting::start().await;
    there.project("tower", &[]).await;
    let credentials = json!({"auth_type": "bearer", "auth_credentials": {"token": "t"}});
    ok(&there.put("tower", &credentials).await);
    let before = there.integration("tower").await;
    there
        .world
        .sql("ALTER TABLE admin_events ADD CONSTRAINT no_more CHECK (false) NOT VALID")
        .await;
    for (method, path, body) in [
        (
            "POST",
            "/api/projects".to_owned(),
            json!({"slug": "other", "name": "x"}),
        ),
        (
            "PUT",
            "/api/projects/tower".to_owned(),
            json!({"name": "x"}),
        ),
        ("DELETE", "/api/projects/tower".to_owned(), json!({})),
        ("PUT", path("tower", ""), json!({"timeout_seconds": 7})),
        ("DELETE", path("tower", "/credentials"), json!({})),
        (
            "POST",
            path("tower", "/test"),
            json!({"api_base_url": there.api.base_url(), "status_endpoint": "/tower/units"}),
        ),
    ] {
        let answer = there.send(method, &path, &[], &body.to_string()).await;
        crate::bodies::problem(&answer, 500, "internal_error");
    }
    assert_eq!(there.integration("tower").await, before);
    let list = ok(&there.world.get("/api/projects").await);
    assert_eq!(list["projects"].as_array().unwrap().len(), 1);
    assert_eq!(
        (
            &list["projects"][0]["name"],
            &list["projects"][0]["is_active"]
        ),
        (&json!("tower"), &json!(true))
    );
    assert_eq!(
        there.api.project("tower").request_count(),
        0,
        "no trial without a trace"
    );
    there.shutdown().await;
}

#[tokio::test]
async fn pages_go_back_through_all_events_or_those_of_one_project() {
    let there = Connecting::start().await;
    assert_eq!(
        ok(&there.world.get("/api/audit").await),
        json!({"events": [], "next_before": null})
    );
    for slug in ["one", "two", "one-more"] {
        there.project(slug, &[]).await;
    }
    for seconds in 1..=4 {
        ok(&there.put("one", &json!({"timeout_seconds": seconds})).await);
    }
    let mut seen = Vec::new();
    let mut query = "?limit=3".to_owned();
    loop {
        let page = ok(&there.world.get(&format!("/api/audit{query}")).await);
        let events = page["events"].as_array().unwrap();
        assert!(events.len() <= 3 && !events.is_empty());
        seen.extend(events.iter().map(|it| it["id"].as_i64().unwrap()));
        let Some(before) = page["next_before"].as_i64() else {
            break;
        };
        query = format!("?limit=3&before={before}");
    }
    assert_eq!(seen.len(), 7);
    assert!(seen.is_sorted_by(|one, other| one > other), "{seen:?}");
    let of_one = events(&there, "?project=one").await;
    assert_eq!(of_one.len(), 5);
    assert!(of_one.iter().all(|it| it["project"] == "one"));
    assert!(events(&there, "?project=nobody").await.is_empty());
    for (query, field) in [
        ("?limit=0", "limit"),
        ("?limit=201", "limit"),
        ("?limit=-1", "limit"),
        ("?before=x", "before"),
        ("?before=99999999999999999999", "before"),
        ("?project=No+Slug", "project"),
    ] {
        let answer = there.world.get(&format!("/api/audit{query}")).await;
        assert_eq!(wrong_fields(&answer), [field], "{query}");
    }
    there.shutdown().await;
}
