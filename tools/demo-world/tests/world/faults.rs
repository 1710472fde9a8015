//! Every fault is what it says.

use std::time::SystemTime;

use demo_world::{ClientApi, Fault, INSIDE_MARK, ProjectHandle, RetryAfter, Shape};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

use crate::client::{ask, hear, send};

fn tower_of_four() -> (ClientApi, ProjectHandle) {
    let api = ClientApi::start().unwrap();
    let tower = api.project("tower");
    tower.set_units([
        ("A101", "sold"),
        ("A102", "free"),
        ("A103", "held"),
        ("A104", "sold"),
    ]);
    (api, tower)
}

#[tokio::test]
async fn a_fault_with_a_budget_hits_so_many_requests_and_no_more() {
    let (_api, tower) = tower_of_four();
    tower.set_fault_for(2, Fault::status(503));
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(ask(&tower, &[]).await.status());
    }
    assert_eq!(statuses, [503, 503, 200, 200]);
    assert_eq!(tower.fault(), None);
}

#[tokio::test]
async fn a_fault_without_a_budget_lasts_until_it_is_cleared() {
    let (_api, tower) = tower_of_four();
    tower.set_fault(Fault::status(500));
    for _ in 0..3 {
        let heard = ask(&tower, &[]).await;
        assert_eq!(heard.status(), 500);
        assert!(heard.text().contains(INSIDE_MARK));
    }
    tower.clear_fault();
    assert_eq!(ask(&tower, &[]).await.status(), 200);
}

#[tokio::test]
async fn too_many_requests_asks_for_a_wait_in_every_form() {
    let (_api, tower) = tower_of_four();
    tower.set_fault(Fault::too_many_requests(None));
    let heard = ask(&tower, &[]).await;
    assert_eq!((heard.status(), heard.header("retry-after")), (429, None));
    tower.set_fault(Fault::too_many_requests(RetryAfter::Seconds(7)));
    assert_eq!(ask(&tower, &[]).await.header("retry-after"), Some("7"));
    tower.set_fault(Fault::too_many_requests(RetryAfter::Verbatim(
        "soon".to_owned(),
    )));
    assert_eq!(ask(&tower, &[]).await.header("retry-after"), Some("soon"));
    tower.set_fault(Fault::too_many_requests(RetryAfter::Date(3_600)));
    let heard = ask(&tower, &[]).await;
    let date = httpdate::parse_http_date(heard.header("retry-after").unwrap()).unwrap();
    #[expect(
        clippy::disallowed_methods,
        reason = "the date lies ahead of the real clock"
    )]
    let ahead = date.duration_since(SystemTime::now()).unwrap();
    assert!((3_000..=3_600).contains(&ahead.as_secs()), "{ahead:?}");
}

#[tokio::test]
async fn a_truncated_answer_announces_more_than_it_sends_and_ends() {
    let (_api, tower) = tower_of_four();
    let whole = ask(&tower, &[]).await.body;
    tower.set_fault(Fault::Truncated);
    let heard = ask(&tower, &[]).await;
    assert_eq!(
        heard.header("content-length"),
        Some(whole.len().to_string().as_str())
    );
    assert_eq!(heard.body, whole[..whole.len() / 2]);
    assert!(!heard.reset);
}

#[tokio::test]
async fn a_reset_comes_before_or_within_the_answer() {
    let (_api, tower) = tower_of_four();
    tower.set_fault(Fault::Reset);
    let heard = ask(&tower, &[]).await;
    assert!(heard.reset && heard.head.is_empty(), "{heard:?}");
    tower.set_fault(Fault::ResetMidBody);
    assert!(ask(&tower, &[]).await.reset);
}

#[tokio::test]
async fn a_drip_brings_the_whole_answer_byte_by_byte() {
    let (_api, tower) = tower_of_four();
    tower.set_units([("A1", "sold")]);
    let whole = ask(&tower, &[]).await.body;
    tower.set_fault(Fault::Drip { ms: 1 });
    let mut stream = send(&tower, &[]).await;
    let mut reads = 0;
    let mut all = Vec::new();
    while stream.read_buf(&mut all).await.unwrap() > 0 {
        reads += 1;
    }
    assert!(all.ends_with(&whole));
    assert!(reads > 5, "{reads} reads is no drip");
}

#[tokio::test]
async fn a_late_answer_is_the_right_one_and_silence_is_none() {
    let (_api, tower) = tower_of_four();
    tower.set_fault(Fault::Latency { ms: 20 });
    assert_eq!(ask(&tower, &[]).await.status(), 200);
    tower.set_fault(Fault::Silence);
    let stream = send(&tower, &[]).await;
    tower.wait_for_requests(2).await.unwrap();
    assert_eq!(
        stream.try_read(&mut [0; 1]).unwrap_err().kind(),
        std::io::ErrorKind::WouldBlock
    );
}

#[tokio::test]
async fn answers_that_are_no_units_come_with_status_200() {
    let (_api, tower) = tower_of_four();
    tower.set_fault(Fault::HtmlPage);
    let page = ask(&tower, &[]).await;
    assert_eq!(
        (page.status(), page.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    tower.set_fault(Fault::WrongShape);
    assert!(ask(&tower, &[]).await.json()["error"].is_string());
    tower.set_fault(Fault::EmptyObject);
    assert_eq!(ask(&tower, &[]).await.json(), json!({}));
    tower.set_fault(Fault::NotJson);
    let text = ask(&tower, &[]).await;
    assert!(serde_json::from_str::<Value>(text.text()).is_err());
    tower.set_fault(Fault::Body {
        text: "[7]".to_owned(),
    });
    assert_eq!(ask(&tower, &[]).await.json(), json!([7]));
}

#[tokio::test]
async fn a_redirect_names_the_other_place() {
    let (_api, tower) = tower_of_four();
    tower.set_fault(Fault::Redirect {
        location: "http://other.example/".to_owned(),
    });
    let heard = ask(&tower, &[]).await;
    assert_eq!(
        (heard.status(), heard.header("location")),
        (302, Some("http://other.example/"))
    );
}

#[tokio::test]
async fn a_huge_body_is_valid_json_announced_or_not() {
    let (_api, tower) = tower_of_four();
    let bytes = 11 * 1024 * 1024;
    tower.set_fault(Fault::Huge {
        bytes,
        announced: true,
    });
    let heard = ask(&tower, &[]).await;
    assert_eq!(
        heard.header("content-length"),
        Some(heard.body.len().to_string().as_str())
    );
    assert_eq!(heard.json().as_array().unwrap().len(), 4);
    tower.set_fault(Fault::Huge {
        bytes,
        announced: false,
    });
    let heard = test_kit::http_get(&tower.url(), &[]).await;
    assert_eq!(heard.header("transfer-encoding"), Some("chunked"));
    assert!(heard.body.len() as u64 > bytes);
    assert_eq!(heard.json().as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn many_units_are_as_many_as_asked_for() {
    let (_api, tower) = tower_of_four();
    for count in [0_u64, 1, 1_000, 100_001] {
        tower.set_fault(Fault::ManyUnits { count });
        let heard = test_kit::http_get(&tower.url(), &[]).await;
        assert_eq!(heard.json().as_array().unwrap().len() as u64, count);
    }
}

#[tokio::test]
async fn flapping_units_change_with_every_answer_and_back() {
    let (_api, tower) = tower_of_four();
    tower.set_fault(Fault::Flapping);
    let (one, two) = (ask(&tower, &[]).await, ask(&tower, &[]).await);
    let (three, four) = (ask(&tower, &[]).await, ask(&tower, &[]).await);
    assert_ne!(one.json(), two.json());
    assert_eq!((one.json(), two.json()), (three.json(), four.json()));
}

#[tokio::test]
async fn vanishing_units_leave_the_first_part_of_the_list() {
    let (_api, tower) = tower_of_four();
    tower.set_fault(Fault::Vanishing { keep_percent: 50 });
    let left = ask(&tower, &[]).await.json();
    assert_eq!(left.as_array().unwrap().len(), 2);
    assert_eq!(left[0]["ref"], "A101");
}

#[tokio::test]
async fn duplicates_end_with_the_right_word() {
    let (_api, tower) = tower_of_four();
    tower.set_fault(Fault::Duplicates);
    let listed = ask(&tower, &[]).await.json();
    assert_eq!(listed.as_array().unwrap().len(), 8);
    assert_eq!(
        (&listed[0]["ref"], &listed[0]["status"]),
        (&json!("A101"), &json!("duplicate"))
    );
    assert_eq!(
        (&listed[1]["ref"], &listed[1]["status"]),
        (&json!("A101"), &json!("sold"))
    );
    tower.set_shape(Shape::FlatMap);
    assert_eq!(ask(&tower, &[]).await.text().matches("\"A101\"").count(), 2);
}

#[tokio::test]
async fn bad_units_stand_among_the_good_ones() {
    let (_api, tower) = tower_of_four();
    tower.set_fault(Fault::BadUnits);
    let listed = ask(&tower, &[]).await.json();
    let good = listed
        .as_array()
        .unwrap()
        .iter()
        .filter(|unit| unit["ref"].is_string());
    assert_eq!((listed.as_array().unwrap().len(), good.count()), (8, 4));
}

#[tokio::test]
async fn unmapped_words_stand_on_every_second_unit() {
    let (_api, tower) = tower_of_four();
    tower.set_fault(Fault::Unmapped {
        word: "mystery".to_owned(),
    });
    let listed = ask(&tower, &[]).await.json();
    let words = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|unit| unit["status"].as_str().unwrap());
    assert_eq!(
        words.collect::<Vec<_>>(),
        ["sold", "mystery", "held", "mystery"]
    );
}

#[tokio::test]
async fn every_fault_survives_json() {
    let faults = [
        json!({"fault": {"kind": "status", "code": 429, "retry_after": {"seconds": 3}}, "requests": 2}),
        json!({"fault": {"kind": "truncated"}}),
        json!({"fault": {"kind": "huge", "bytes": 5, "announced": true}}),
        json!({"fault": {"kind": "unmapped", "word": "x"}}),
    ];
    for fault in faults {
        let plan: demo_world::FaultPlan = serde_json::from_value(fault.clone()).unwrap();
        assert_eq!(serde_json::to_value(plan).unwrap(), fault);
    }
}

#[tokio::test]
async fn a_dropped_api_ends_its_connections() {
    let (api, tower) = tower_of_four();
    tower.set_fault(Fault::Silence);
    let stream = send(&tower, &[]).await;
    tower.wait_for_requests(1).await.unwrap();
    drop(api);
    assert!(hear(stream).await.head.is_empty());
}
