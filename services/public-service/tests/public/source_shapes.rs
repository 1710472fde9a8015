//! Every form of body that client APIs send, from their socket to our viewers'.

use demo_world::{Fault, Shape};
use serde_json::{Value, json};
use test_kit::ProjectRow;

use crate::answers::time;
use crate::status_refresh::unlimited;
use crate::world::World;

#[tokio::test]
async fn the_four_shapes_of_the_same_units_are_the_same_to_viewers() {
    let world = World::start().await;
    for (slug, shape) in [
        ("list", Shape::List),
        ("units-key", Shape::UnitsKey),
        ("data-key", Shape::DataKey),
        ("flat-map", Shape::FlatMap),
    ] {
        let client_api = world
            .project(slug, &[("A101", "Open"), ("B-2 \"é\"", " on hold ")])
            .await;
        client_api.set_shape(shape);
        let body = world.status(slug).await.json();
        assert_eq!(
            body["statuses"],
            json!({"A101": "available", "B-2 \"é\"": "reserved"}),
            "{slug}"
        );
        assert_eq!(body["state"], "live", "{slug}");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn every_readable_body_shows_its_units() {
    let world = World::start().await;
    for (number, (sent, shown)) in readable().into_iter().enumerate() {
        let slug = format!("body-{number}");
        let client_api = world.project(&slug, &[]).await;
        client_api.set_fault(Fault::Body { text: sent.into() });
        let body = world.status(&slug).await.json();
        assert_eq!(body["statuses"], shown, "{sent}");
        assert_eq!(body["state"], "live", "{sent}");
        assert_eq!(body["count"], shown.as_object().unwrap().len(), "{sent}");
    }
    world.shutdown().await;
}

fn readable() -> Vec<(&'static str, Value)> {
    vec![
        ("[]", json!({})),
        (r#"{"units": []}"#, json!({})),
        (r#"{"data": [], "page": 1, "error": null}"#, json!({})),
        (
            "\u{feff}[{\"ref\":\"A\",\"status\":\"sold\"}]",
            json!({"A": "sold"}),
        ),
        (" \r\n\t[ ] \n", json!({})),
        (
            r#"[{"ref":"A","status":"FREE"},{"id":"B","status":"for sale"},{"unit_id":"C","status":"Held"}]"#,
            json!({"A": "available", "B": "available", "C": "reserved"}),
        ),
        (
            r#"[{"ref":"A","id":"B","unit_id":"C","status":"sold"}]"#,
            json!({"A": "sold"}),
        ),
        (
            r#"[{"ref":"","id":null,"unit_id":"C","status":"sold"},{"ref":0,"id":"B","status":"sold"}]"#,
            json!({"C": "sold", "0": "sold"}),
        ),
        (
            r#"[{"id":101,"status":"sold"},{"id":1.50,"status":"sold"},{"id":-7,"status":"sold"}]"#,
            json!({"101": "sold", "1.50": "sold", "-7": "sold"}),
        ),
        (
            r#"[{"id":"A"},{"id":"B","status":null},{"id":"C","status":7},{"id":"D","status":true}]"#,
            json!({"A": "available", "B": "available", "C": "available", "D": "available"}),
        ),
        (
            r#"[{"id":"A","status":"sold","price":1e400,"deep":[[[{}]]]},7,null,[],{"id":"B","status":["sold"]}]"#,
            json!({"A": "sold"}),
        ),
        (
            r#"[{"id":"A","status":"sold"},{"id":"A","status":"open"}]"#,
            json!({"A": "available"}),
        ),
        (
            r#"{"A101":"sold","A102":"whatever"}"#,
            json!({"A101": "sold", "A102": "available"}),
        ),
        (
            r#"{"units":[{"id":"A","status":"sold"}],"data":"else"}"#,
            json!({"A": "sold"}),
        ),
        (
            r#"[{"id":"a\nb\u0000c\ud83c\udfe2","status":"sold"}]"#,
            json!({"a\nb\u{0}c\u{1f3e2}": "sold"}),
        ),
    ]
}

#[tokio::test]
async fn every_unreadable_body_is_a_failed_fetch_with_a_reason() {
    let world = World::start().await;
    for (number, sent) in [
        "",
        " ",
        "[",
        "[]]",
        "[1,]",
        "{\"units\":[}",
        "sold",
        "<html></html>",
        "[] []",
        "{}",
        "7",
        "null",
        "\"sold\"",
        "true",
        r#"{"A101":"whatever"}"#,
        r#"{"A101":"sold","count":7}"#,
        r#"{"A101":"sold","message":"x"}"#,
        r#"{"A101":"sold","Error":"x"}"#,
        r#"{"detail":"sold"}"#,
        r#"{"units":"none"}"#,
        r#"{"units":{"A101":"sold"}}"#,
        r#"{"data":null}"#,
        "[1, 2, 3]",
        "[[]]",
        r#"[{"name":"A101","status":"sold"}]"#,
    ]
    .into_iter()
    .enumerate()
    {
        let slug = format!("body-{number}");
        let client_api = world.project(&slug, &[]).await;
        client_api.set_fault(Fault::Body { text: sent.into() });
        let body = world.status(&slug).await.json();
        assert_eq!(body["state"], "unknown", "{sent}");
        let shown = world.ops_project(&slug).await;
        let error = shown["last_error"].as_str().unwrap_or_default();
        assert!(error.starts_with("unusable body: "), "{sent}: {error:?}");
        assert_eq!(client_api.request_count(), 1, "{sent}");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn an_integration_s_own_words_win_and_what_it_says_wrongly_is_reported() {
    let world = World::start().await;
    let mapping = json!({
        "sold": ["Vendido", "open"],
        "reserved": ["em negociação", "twice"],
        "hidden": ["TWICE"],
        "gone": ["x"],
    });
    let units = [
        ("A", "VENDIDO"),
        ("B", "open"),
        ("C", "Em-Negociação"),
        ("D", "twice"),
        ("E", "free"),
    ];
    let change = |row: ProjectRow| row.mapping(mapping).unmapped_status("unreleased");
    world.project_with("tower", &units, change).await;

    let body = world.status("tower").await.json();

    assert_eq!(
        body["statuses"],
        json!({"A": "sold", "B": "sold", "C": "reserved", "D": "unreleased", "E": "available"})
    );
    let complaints = world.ops_project("tower").await["settings_complaints"].to_string();
    for told in ["twice", "gone"] {
        assert!(complaints.contains(told), "{complaints}");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn unmapped_words_become_what_the_settings_say_unless_the_integration_says_it() {
    let world =
        World::with(|settings| settings.integration.unmapped_status = "hidden".into()).await;
    let units = [("A", "no such word"), ("B", "sold")];
    world.project("plain", &units).await;
    let own = |row: ProjectRow| row.unmapped_status("reserved");
    world.project_with("own", &units, own).await;
    let odd = |row: ProjectRow| row.unmapped_status("purple");
    world.project_with("odd", &units, odd).await;

    for (slug, status) in [("plain", "hidden"), ("own", "reserved"), ("odd", "hidden")] {
        let body = world.status(slug).await.json();
        assert_eq!(
            body["statuses"],
            json!({"A": status, "B": "sold"}),
            "{slug}"
        );
    }
    let complaints = world.ops_project("odd").await["settings_complaints"].to_string();
    assert!(complaints.contains("purple"), "{complaints}");
    world.shutdown().await;
}

#[tokio::test]
async fn what_no_mapping_knows_is_counted_per_value_with_an_example() {
    let world = World::with(unlimited).await;
    let units = [
        ("A", "Em obras"),
        ("B", "sold"),
        ("C", "em  obras "),
        ("D", "?"),
    ];
    let client_api = world.project("tower", &units).await;
    world.status("tower").await;

    let first = world.ops_project("tower").await["unmapped"].clone();
    assert_eq!(world.count("public_unmapped_total").await, 3);
    let counted = |value: &Value| (value["value"].clone(), value["count"].clone());
    let counts: Vec<_> = first.as_array().unwrap().iter().map(counted).collect();
    assert_eq!(
        counts,
        [("?".into(), 1.into()), ("Em obras".into(), 2.into())]
    );
    for value in first.as_array().unwrap() {
        assert!(["A", "C", "D"].contains(&value["example"].as_str().unwrap()));
        assert_eq!(time(&value["first_seen"]), time(&value["last_seen"]));
    }

    client_api.set("A", "EM OBRAS").set("D", "sold");
    world.refresh("tower").await;

    let second = world.ops_project("tower").await["unmapped"].clone();
    assert_eq!(world.count("public_unmapped_total").await, 5);
    for (old, new) in first
        .as_array()
        .unwrap()
        .iter()
        .zip(second.as_array().unwrap())
    {
        assert_eq!(new["value"], old["value"]);
        assert_eq!(new["first_seen"], old["first_seen"]);
        let seen_again = time(&new["last_seen"]) > time(&old["last_seen"]);
        assert_eq!(seen_again, new["value"] != "?", "{new}");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn bad_units_and_duplicates_are_counted_and_fail_nothing() {
    let world = World::with(unlimited).await;
    let units: Vec<_> = (0..12).map(|n| (format!("A{n:02}"), "sold")).collect();
    let units: Vec<_> = units
        .iter()
        .map(|(unit, word)| (unit.as_str(), *word))
        .collect();
    let client_api = world.project("tower", &units).await;

    for (fault, skipped, duplicates) in [(Fault::BadUnits, 12, 0), (Fault::Duplicates, 0, 12)] {
        client_api.set_fault(fault);
        let body = world.refresh("tower").await.json();
        assert_eq!(body["refreshed"], true);
        assert_eq!(body["count"], 12);
        assert!(
            body["statuses"]
                .as_object()
                .unwrap()
                .values()
                .all(|s| s == "sold")
        );
        let shown = world.ops_project("tower").await;
        assert_eq!(shown["skipped"], skipped, "{shown}");
        assert_eq!(shown["duplicates"], duplicates, "{shown}");
        assert_eq!(shown["unmapped"], json!([]), "{shown}");
    }
    world.shutdown().await;
}
