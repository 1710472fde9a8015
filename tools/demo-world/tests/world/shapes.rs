//! The forms of a good body.

use demo_world::{ClientApi, Shape};
use serde_json::json;

use crate::client::ask;

#[tokio::test]
async fn every_shape_carries_the_same_units() {
    let api = ClientApi::start().unwrap();
    let tower = api.project("tower");
    tower.set_units([("A101", "sold"), ("A102", "\"quoted\" – ü")]);
    let list =
        json!([{"ref": "A101", "status": "sold"}, {"ref": "A102", "status": "\"quoted\" – ü"}]);
    let map = json!({"A101": "sold", "A102": "\"quoted\" – ü"});
    for (shape, body) in [
        (Shape::List, list.clone()),
        (Shape::UnitsKey, json!({"units": list})),
        (Shape::DataKey, json!({"data": list})),
        (Shape::FlatMap, map),
    ] {
        tower.set_shape(shape);
        let heard = ask(&tower, &[]).await;
        assert_eq!(heard.status(), 200);
        assert_eq!(heard.header("content-type"), Some("application/json"));
        assert_eq!(heard.json(), body, "{shape:?}");
    }
}

#[tokio::test]
async fn changes_of_single_units_show_in_the_next_answer() {
    let api = ClientApi::start().unwrap();
    let tower = api.project("tower");
    tower
        .set_units([("A101", "sold")])
        .set_shape(Shape::FlatMap);
    tower.set("A102", "free").set("A101", "held");
    assert_eq!(
        ask(&tower, &[]).await.json(),
        json!({"A101": "held", "A102": "free"})
    );
    tower.remove("A101");
    assert_eq!(ask(&tower, &[]).await.json(), json!({"A102": "free"}));
}

#[tokio::test]
async fn an_unknown_project_is_not_found() {
    let api = ClientApi::start().unwrap();
    let other = ClientApi::start().unwrap();
    let known = other.project("tower");
    let url = format!("{}/tower/units", api.base_url());
    assert_eq!(test_kit::http_get(&url, &[]).await.status(), 404);
    assert_eq!(test_kit::http_get(&known.url(), &[]).await.status(), 200);
    assert_eq!(
        test_kit::http_post(&known.url(), &[], b"{}").await.status(),
        405
    );
}
