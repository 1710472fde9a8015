//! Projects: made, listed, changed and ended by operators.

use serde_json::{Value, json};
use test_kit::{ChaosProxy, ProjectRow};

use crate::bodies::{ok, problem};
use crate::connecting::{Connecting, send, wrong, wrong_fields};
use crate::force::cuttable;
use crate::world::World;

async fn put(world: &World, slug: &str, body: &Value) -> test_kit::Answer {
    let path = format!("/api/projects/{slug}");
    send(world, "PUT", &path, &[], &body.to_string()).await
}

async fn delete(world: &World, slug: &str) -> test_kit::Answer {
    send(world, "DELETE", &format!("/api/projects/{slug}"), &[], "").await
}

#[tokio::test]
async fn a_project_is_made_found_changed_ended_and_brought_back() {
    let world = World::start().await;
    assert_eq!(
        ok(&world.get("/api/projects").await),
        json!({"projects": [], "capped": false})
    );
    let new = json!({"slug": "tower", "name": " Torre São João ", "description": "two\nlines"});
    let made = world.post("/api/projects", &new).await;
    assert_eq!(made.status(), 201, "{}", made.text());
    assert_eq!(made.header("location"), Some("/api/projects/tower"));
    let project = made.json();
    assert_eq!(
        (&project["slug"], &project["name"], &project["description"]),
        (
            &json!("tower"),
            &json!("Torre São João"),
            &json!("two\nlines")
        )
    );
    assert_eq!(project["is_active"], true);
    assert_eq!(
        (&project["integration"], &project["live"]),
        (&Value::Null, &Value::Null)
    );
    assert!(project["created_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(ok(&world.get("/api/projects/tower").await), project);

    let changed = ok(&put(&world, "tower", &json!({"name": "Tower"})).await);
    assert_eq!(
        (&changed["name"], &changed["description"]),
        (&json!("Tower"), &json!("two\nlines"))
    );
    let changed = ok(&put(&world, "tower", &json!({"description": null})).await);
    assert_eq!(changed["description"], Value::Null);
    assert_ne!(changed["updated_at"], project["updated_at"]);
    assert_eq!(changed["created_at"], project["created_at"]);

    for _ in 0..2 {
        assert_eq!(delete(&world, "tower").await.status(), 204);
        let ended = ok(&world.get("/api/projects/tower").await);
        assert_eq!(ended["is_active"], false);
    }
    let back = ok(&put(&world, "tower", &json!({"is_active": true})).await);
    assert_eq!(back["is_active"], true);
    let list = ok(&world.get("/api/projects").await);
    assert_eq!(list["projects"], json!([back]));
    world.shutdown().await;
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_project_is_told_at_once_and_by_name() {
    let world = World::start().await;
    let long = "n".repeat(256);
    let body = json!({"slug": "Not A Slug", "name": " ", "description": 7, "is_active": "yes", "colour": "red"});
    let answer = world.post("/api/projects", &body).await;
    let all = ["colour", "description", "is_active", "name", "slug"];
    assert_eq!(wrong_fields(&answer), all);
    for (field, rule) in wrong(&answer) {
        let expected = match field.as_str() {
            "slug" => "small letters",
            "name" => "not blank",
            "colour" => "is not known",
            "description" => "must be a text",
            _ => "true or false",
        };
        assert!(rule.contains(expected), "{field}: {rule}");
    }
    assert_eq!(
        wrong_fields(&world.post("/api/projects", &json!({})).await),
        ["name", "slug"]
    );
    for (field, value) in [
        ("slug", json!("a")),
        ("slug", json!("-tower")),
        ("slug", json!("torre-são")),
        ("slug", json!("tower\n")),
        ("slug", json!(null)),
        ("slug", json!(format!("a{}", "9".repeat(100)))),
        ("name", json!(long)),
        ("name", json!("a\u{0}b")),
        ("name", json!("two\nlines")),
        ("name", json!(["x"])),
        ("description", json!("a\u{0}b")),
        ("description", json!("d".repeat(2001))),
        ("is_active", json!(1)),
        ("is_active", json!(null)),
    ] {
        let mut body = json!({"slug": "tower", "name": "Tower"});
        body[field] = value.clone();
        let answer = world.post("/api/projects", &body).await;
        assert_eq!(wrong_fields(&answer), [field], "{value}");
    }
    let widest = json!({"slug": format!("a{}", "9".repeat(99)), "name": "é".repeat(255), "description": "é".repeat(2000)});
    assert_eq!(world.post("/api/projects", &widest).await.status(), 201);
    let slug = widest["slug"].as_str().unwrap();
    for (body, fields) in [
        (json!({"slug": "other"}), ["slug"]),
        (json!({"name": null}), ["name"]),
        (json!({"live": null}), ["live"]),
    ] {
        assert_eq!(
            wrong_fields(&put(&world, slug, &body).await),
            fields,
            "{body}"
        );
    }
    for (body, status, code) in [
        ("{", 400, "invalid_json"),
        ("[]", 422, "invalid_fields"),
        ("\"\\ud800\"", 400, "invalid_json"),
    ] {
        let answer = world.post_with("/api/projects", &[], body.as_bytes()).await;
        problem(&answer, status, code);
    }
    let count: i64 = world.value("SELECT count(*) FROM projects").await;
    assert_eq!(count, 1);
    world.shutdown().await;
}

#[tokio::test]
async fn of_two_who_take_a_slug_at_the_same_time_one_has_it() {
    let world = World::start().await;
    for round in 0..5 {
        let new = json!({"slug": format!("tower-{round}"), "name": "Tower"});
        let (one, other) = tokio::join!(
            world.post("/api/projects", &new),
            world.post("/api/projects", &new)
        );
        let mut statuses = [one.status(), other.status()];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409]);
        let refused = if one.status() == 409 { one } else { other };
        problem(&refused, 409, "slug_taken");
    }
    let events: i64 = world.value("SELECT count(*) FROM admin_events").await;
    assert_eq!(events, 5, "who is refused leaves no event");
    world.shutdown().await;
}

#[tokio::test]
async fn what_is_no_project_is_not_found_whatever_is_asked_of_it() {
    let world = World::start().await;
    for slug in ["nobody", "Not-A-Slug", "a", "%00", "a%20b", "nobody%0a"] {
        for (method, rest) in [
            ("GET", ""),
            ("PUT", ""),
            ("DELETE", ""),
            ("GET", "/integration"),
            ("PUT", "/integration"),
            ("DELETE", "/integration/credentials"),
            ("POST", "/integration/test"),
            ("POST", "/integration/map-status?client_status=sold"),
        ] {
            let path = format!("/api/projects/{slug}{rest}");
            let answer = send(&world, method, &path, &[], "{}").await;
            problem(&answer, 404, "project_not_found");
        }
    }
    for (method, path, allow) in [
        ("DELETE", "/api/projects", "GET, POST"),
        ("POST", "/api/projects/tower", "GET, PUT, DELETE"),
        ("DELETE", "/api/projects/tower/integration", "GET, PUT"),
        ("GET", "/api/projects/tower/integration/test", "POST"),
        ("PUT", "/api/audit", "GET"),
    ] {
        let answer = send(&world, method, path, &[], "").await;
        problem(&answer, 405, "method_not_allowed");
        assert_eq!(answer.header("allow"), Some(allow));
    }
    world.shutdown().await;
}

#[tokio::test]
async fn projects_of_other_programs_are_listed_as_they_are() {
    let there = Connecting::start().await;
    let database = &there.world.database;
    database
        .insert_project(ProjectRow::named("odd").all_null().inactive())
        .await;
    database
        .insert_project(ProjectRow::named("bare").without_integration())
        .await;
    database
        .insert_project(ProjectRow::named("full").auth("bearer", r#"{"token": "plain-t0ken"}"#))
        .await;
    there
        .world
        .sql("INSERT INTO projects (slug, name, created_at, updated_at) VALUES ('Not A Slug', 'x', NULL, NULL)")
        .await;
    let list = ok(&there.world.get("/api/projects").await);
    assert!(!list.to_string().contains("t0ken"));
    let listed = |slug: &str| {
        let projects = list["projects"].as_array().unwrap();
        let found = projects.iter().find(|it| it["slug"] == slug);
        found
            .unwrap_or_else(|| panic!("no {slug} in {list}"))
            .clone()
    };
    assert_eq!(
        listed("odd")["integration"],
        json!({"api_base_url": null, "auth_type": "none", "has_credentials": false,
               "last_sync_at": null, "sync_status": "idle", "sync_error": null})
    );
    assert_eq!(listed("odd")["is_active"], false);
    assert_eq!(listed("bare")["integration"], Value::Null);
    assert_eq!(listed("full")["integration"]["has_credentials"], true);
    assert_eq!(listed("Not A Slug")["created_at"], Value::Null);
    there.shutdown().await;
}

#[tokio::test]
async fn while_the_database_is_away_nothing_is_half_done() {
    let (world, proxy): (World, ChaosProxy) = cuttable().await;
    world.ready().await;
    let new = json!({"slug": "tower", "name": "Tower"});
    assert_eq!(world.post("/api/projects", &new).await.status(), 201);
    proxy.cut();
    let other = json!({"slug": "other", "name": "Other"});
    for (method, path, body) in [
        ("GET", "/api/projects", json!(null)),
        ("POST", "/api/projects", other),
        ("GET", "/api/projects/tower", json!(null)),
        ("PUT", "/api/projects/tower", json!({"name": "Other"})),
        ("DELETE", "/api/projects/tower", json!(null)),
        ("GET", "/api/projects/tower/integration", json!(null)),
        (
            "PUT",
            "/api/projects/tower/integration",
            json!({"timeout_seconds": 5}),
        ),
        (
            "DELETE",
            "/api/projects/tower/integration/credentials",
            json!(null),
        ),
        ("POST", "/api/projects/tower/integration/test", json!({})),
        (
            "POST",
            "/api/projects/tower/integration/map-status?client_status=x",
            json!(null),
        ),
        ("GET", "/api/audit", json!(null)),
    ] {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let answer = send(&world, method, path, &[], &body).await;
        problem(&answer, 503, "database_unavailable");
        assert!(answer.header("retry-after").is_some());
    }
    proxy.restore();
    world.ready().await;
    let left: (i64, i64, i64) = (
        world
            .value("SELECT count(*) FROM projects WHERE name = 'Tower' AND is_active")
            .await,
        world
            .value("SELECT count(*) FROM integration_configs")
            .await,
        world.value("SELECT count(*) FROM admin_events").await,
    );
    assert_eq!(left, (1, 0, 1));
    world.shutdown().await;
}
