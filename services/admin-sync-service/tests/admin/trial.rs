//! A client API is tried before anybody polls it: what is shown, what is told when it fails, to whom credentials go,
//! and that trying is no way to burden somebody.

use demo_world::{Auth, ClientApi, Fault, INSIDE_MARK, RetryAfter, Shape};
use serde_json::{Value, json};
use test_kit::{PATIENCE, ProjectRow, http_request, wait_until};

use crate::bodies::problem;
use crate::connecting::{Connecting, KEY, path, sealed_with, wrong_fields};
use crate::world::AUTHORIZATION;

const UNITS: &[(&str, &str)] = &[
    ("A101", "Livre"),
    ("A102", "sold"),
    ("A103", "on hold"),
    ("A104", "quitado"),
];

fn bearer(token: &str) -> Value {
    json!({"auth_type": "bearer", "auth_credentials": {"token": token}})
}

#[tokio::test]
async fn a_trial_shows_the_units_as_viewers_would_see_them() {
    let there = Connecting::start().await;
    let more = json!({"status_mapping": {"available": ["LIVRE"]}, "unmapped_status": "hidden"});
    let project = there.connected("tower", UNITS, more).await;
    let tried = there.test("tower", &json!({})).await;
    assert_eq!(
        (
            &tried["success"],
            &tried["status_code"],
            &tried["credentials_sent"]
        ),
        (&json!(true), &json!(200), &json!(false))
    );
    assert!(tried["response_time_ms"].is_u64());
    assert_eq!(tried["error"], Value::Null);
    assert_eq!(
        tried["sample_data"][0],
        json!({"ref": "A101", "status": "Livre"})
    );
    let unit = |unit, client_value, status, matched| json!({"unit": unit, "client_value": client_value, "status": status, "matched": matched});
    assert_eq!(
        tried["preview"],
        json!({
            "units": [unit("A101", "Livre", "available", true), unit("A102", "sold", "sold", true),
                      unit("A103", "on hold", "reserved", true), unit("A104", "quitado", "hidden", false)],
            "count": 4, "unmapped": [{"value": "quitado", "count": 1, "example": "A104"}],
            "unmapped_overflow": 0, "duplicates": 0, "skipped": 0
        })
    );
    for entry in tried["preview"]["units"].as_array().unwrap() {
        let word = entry["client_value"].as_str().unwrap();
        let mapped = there.map_status("tower", word).await;
        let expected = json!({"original_status": word, "canonical_status": entry["status"], "matched": entry["matched"]});
        assert_eq!(mapped, expected);
    }
    // A draft is laid over it and not kept.
    let draft = json!({"status_mapping": {"sold": ["quitado"]}, "unmapped_status": null});
    let drafted = there.test("tower", &draft).await;
    let statuses: Vec<&Value> = drafted["preview"]["units"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["status"])
        .collect();
    assert_eq!(statuses, ["available", "sold", "reserved", "sold"]);
    assert_eq!(drafted["preview"]["units"][0]["matched"], false);
    assert_eq!(
        there.test("tower", &json!({})).await["preview"],
        tried["preview"]
    );
    assert_eq!(project.request_count(), 3, "one request each");
    there.shutdown().await;
}

#[tokio::test]
async fn whatever_the_shape_what_is_odd_is_counted_and_only_the_beginning_shown() {
    let there = Connecting::start().await;
    let many: Vec<(String, &str)> = (0..120).map(|it| (format!("U{it:03}"), "sold")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|it| (it.0.as_str(), it.1)).collect();
    let project = there.connected("tower", &many, json!({})).await;
    for shape in [Shape::List, Shape::UnitsKey, Shape::DataKey, Shape::FlatMap] {
        project.set_shape(shape);
        let tried = there.test("tower", &json!({})).await;
        let preview = &tried["preview"];
        assert_eq!(
            (
                &preview["count"],
                preview["units"].as_array().unwrap().len()
            ),
            (&json!(120), 50)
        );
        assert_eq!(preview["units"][49]["unit"], "U049");
        assert!(tried["sample_data"].to_string().len() < 3000);
    }
    let text = r#"[{"ref":"B","status":"x"},{"ref":"A","status":"sold"},7,{"ref":"B","status":"open"},{"id":3},{"ref":"C","status":"X "}]"#;
    project.set_fault(Fault::Body {
        text: text.to_owned(),
    });
    let preview = there.test("tower", &json!({})).await["preview"].clone();
    let shown: Vec<(&str, &str)> = preview["units"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["unit"].as_str().unwrap(), it["status"].as_str().unwrap()))
        .collect();
    assert_eq!(
        shown,
        [
            ("A", "sold"),
            ("B", "available"),
            ("3", "available"),
            ("C", "available")
        ]
    );
    assert_eq!(
        (
            &preview["duplicates"],
            &preview["skipped"],
            &preview["count"]
        ),
        (&json!(1), &json!(1), &json!(4))
    );
    assert_eq!(
        preview["unmapped"],
        json!([{"value": "", "count": 1, "example": "3"}, {"value": "X", "count": 1, "example": "C"}])
    );
    project.set_fault(Fault::Body {
        text: "[]".to_owned(),
    });
    let none = there.test("tower", &json!({})).await;
    assert_eq!(
        (&none["success"], &none["preview"]["count"]),
        (&json!(true), &json!(0))
    );
    project.set_fault(Fault::ManyUnits { count: 100_000 });
    let most = there.test("tower", &json!({"timeout_seconds": 20})).await;
    assert_eq!(most["preview"]["count"], 100_000);
    there.shutdown().await;
}

/// One request, answered as `fault` has it: a failure that says what is `told`.
async fn fails(there: &Connecting, fault: Fault, status: Option<u16>, told: &str) {
    let name = format!("{fault:?}");
    // What is large takes its time on a busy machine.
    let is_large = matches!(fault, Fault::ManyUnits { .. } | Fault::Huge { .. });
    let overrides = json!({"timeout_seconds": if is_large { 30 } else { 1 }});
    let project = there.api.project("tower");
    project.set_fault(fault);
    let before = project.request_count();
    let tried = there.test("tower", &overrides).await;
    assert_eq!(tried["success"], false, "{name}");
    let error = tried["error"].as_str().unwrap();
    assert!(error.contains(told), "{name}: {error}");
    assert_eq!(tried["status_code"], json!(status), "{name}");
    assert_eq!(
        (&tried["preview"], &tried["sample_data"]),
        (&Value::Null, &Value::Null)
    );
    assert!(tried["response_time_ms"].is_u64(), "{name}");
    assert!(!tried.to_string().contains(INSIDE_MARK), "{tried}");
    assert_eq!(project.request_count(), before + 1, "{name} is tried once");
}

#[tokio::test]
async fn a_client_api_that_refuses_or_fails_is_an_answer_that_says_what_to_do() {
    let there = Connecting::start().await;
    there.connected("tower", UNITS, json!({})).await;
    for (status, told) in [
        (400, "check status_endpoint and its query"),
        (401, "check auth_type and auth_credentials"),
        (403, "check auth_type and auth_credentials"),
        (404, "no units at this address"),
        (500, "the client API itself has failed"),
        (503, "the client API itself has failed"),
    ] {
        fails(&there, Fault::status(status), Some(status), told).await;
    }
    let slower = Fault::too_many_requests(RetryAfter::Seconds(9));
    fails(&there, slower, Some(429), "asks for fewer requests").await;
    for (fault, told) in [
        (Fault::Silence, "no complete answer within 1 s"),
        (Fault::Drip { ms: 200 }, "no complete answer within 1 s"),
        (Fault::Reset, "What to do: check the host"),
        (Fault::ResetMidBody, "What to do: check the host"),
        (Fault::Truncated, "the answer broke off"),
    ] {
        fails(&there, fault, None, told).await;
    }
    let location = "http://elsewhere.example/units".to_owned();
    let told = "it leads elsewhere (elsewhere.example). What to do: redirects to another origin are not followed";
    fails(&there, Fault::Redirect { location }, None, told).await;
    there.shutdown().await;
}

#[tokio::test]
async fn a_body_that_says_nothing_about_units_is_described_and_not_shown() {
    let there = Connecting::start().await;
    there.connected("tower", UNITS, json!({})).await;
    let body = |text: &str| Fault::Body {
        text: text.to_owned(),
    };
    for (fault, told) in [
        (Fault::HtmlPage, "it looks like a web page"),
        (Fault::NotJson, "not JSON"),
        (Fault::WrongShape, "it is an object of error, trace"),
        (Fault::EmptyObject, "not a list or map of units"),
        (body(""), "it is empty"),
        (body("[1, 2]"), "none of 2 entries is a unit"),
        (body("7"), "not a list or map of units"),
        (
            Fault::ManyUnits { count: 100_001 },
            "more than 100000 units",
        ),
    ] {
        fails(&there, fault, Some(200), told).await;
    }
    for announced in [true, false] {
        let bytes = 11 << 20;
        let told = "more than 10485760 bytes";
        fails(&there, Fault::Huge { bytes, announced }, None, told).await;
    }
    there.shutdown().await;
}

#[tokio::test]
async fn an_address_where_nobody_is_says_what_to_look_at() {
    let there = Connecting::start().await;
    there.connected("tower", UNITS, json!({})).await;
    let gone = ClientApi::start().unwrap();
    let nobody = gone.base_url();
    gone.stop().await;
    for (overrides, told) in [
        (json!({"api_base_url": nobody}), "the connection failed: "),
        (
            json!({"api_base_url": "http://no-such-host.invalid"}),
            "the connection failed: ",
        ),
        (json!({"api_base_url": null}), "there is nothing to ask"),
        (json!({"status_endpoint": null}), "there is nothing to ask"),
        (
            json!({"status_endpoint": "/nowhere/else"}),
            "refused with 404",
        ),
    ] {
        let tried = there.test("tower", &overrides).await;
        let error = tried["error"].as_str().unwrap();
        assert!(error.contains(told), "{overrides}: {error}");
        assert_eq!(tried["success"], false);
    }
    there.shutdown().await;
}

#[tokio::test]
async fn what_no_row_may_hold_is_no_trial_either() {
    let there = Connecting::start().await;
    let project = there.connected("tower", UNITS, json!({})).await;
    let answer = there
        .world
        .post(
            &path("tower", "/test"),
            &json!({"api_base_url": "file:///etc/passwd", "timeout_seconds": 61, "x": 1}),
        )
        .await;
    assert_eq!(
        wrong_fields(&answer),
        ["api_base_url", "timeout_seconds", "x"]
    );
    let broken = there
        .world
        .post_with(&path("tower", "/test"), &[], b"{")
        .await;
    problem(&broken, 400, "invalid_json");
    let empty = there
        .world
        .post_with(&path("tower", "/test"), &[], b"")
        .await;
    assert_eq!(
        empty.json()["success"],
        true,
        "an empty body overrides nothing"
    );
    assert_eq!(project.request_count(), 1);
    for query in ["", "?other=x", "?client_status=a&client_status=b"] {
        let answer = there
            .world
            .post(&path("tower", &format!("/map-status{query}")), &json!({}))
            .await;
        assert_eq!(wrong_fields(&answer), ["client_status"]);
    }
    let long = format!("/map-status?client_status={}", "x".repeat(1001));
    let answer = there.world.post(&path("tower", &long), &json!({})).await;
    assert_eq!(wrong_fields(&answer), ["client_status"]);
    there.shutdown().await;
}

#[tokio::test]
async fn words_mean_what_they_mean_to_viewers_also_where_nothing_is_connected() {
    let there =
        Connecting::with(|settings| settings.integration.unmapped_status = "hidden".to_owned())
            .await;
    there.project("tower", &[]).await;
    let mapped = |word: &str, status: &str, matched: bool| json!({"original_status": word, "canonical_status": status, "matched": matched});
    for (word, status, matched) in [
        ("On-Hold ", "reserved", true),
        ("livre", "hidden", false),
        ("", "hidden", false),
        ("À venda", "hidden", false),
    ] {
        assert_eq!(
            there.map_status("tower", word).await,
            mapped(word, status, matched)
        );
    }
    let body = json!({"status_mapping": {"available": ["à venda"], "sold": ["open"]}, "unmapped_status": "unreleased"});
    crate::bodies::ok(&there.put("tower", &body).await);
    for (word, status, matched) in [
        ("À VENDA", "available", true),
        ("open", "sold", true),
        ("closed", "sold", true),
        ("livre", "unreleased", false),
    ] {
        assert_eq!(
            there.map_status("tower", word).await,
            mapped(word, status, matched)
        );
    }
    there.shutdown().await;
}

#[tokio::test]
async fn stored_credentials_go_to_the_origin_that_they_were_given_for_and_given_ones_where_the_body_says()
 {
    let there = Connecting::start().await;
    let project = there
        .connected("tower", UNITS, bearer("stored-t0ken"))
        .await;
    let other_api = ClientApi::start().unwrap();
    let other = other_api.project("tower");
    other.set_units(UNITS.iter().copied());
    project.require_auth(Auth::bearer("stored-t0ken"));

    let here = there.test("tower", &json!({})).await;
    assert_eq!(
        (&here["success"], &here["credentials_sent"]),
        (&json!(true), &json!(true))
    );
    let renamed = there
        .test(
            "tower",
            &json!({"status_endpoint": format!("{}?x=1", project.endpoint())}),
        )
        .await;
    assert_eq!(renamed["credentials_sent"], true, "the origin is the same");

    let port = there.api.address().port();
    for base in [
        other_api.base_url(),
        format!("http://localhost:{port}"),
        format!("https://127.0.0.1:{port}"),
    ] {
        let tried = there.test("tower", &json!({"api_base_url": base})).await;
        assert_eq!(tried["credentials_sent"], false, "{base}");
    }
    assert_eq!(other.request_count(), 1);
    let seen = other.requests();
    assert!(!format!("{seen:?}").contains("t0ken"), "{seen:?}");
    other.require_auth(Auth::bearer("given-t0ken"));
    let withheld = there
        .test("tower", &json!({"api_base_url": other_api.base_url()}))
        .await;
    assert_eq!(withheld["status_code"], 401);
    assert!(
        withheld["error"]
            .as_str()
            .unwrap()
            .contains("stored credentials were not sent")
    );
    let given =
        json!({"api_base_url": other_api.base_url(), "auth_credentials": {"token": "given-t0ken"}});
    let given = there.test("tower", &given).await;
    assert_eq!(
        (&given["success"], &given["credentials_sent"]),
        (&json!(true), &json!(true))
    );
    // Another kind at the origin of the stored ones needs its own, and null sends none.
    let answer = there
        .world
        .post(&path("tower", "/test"), &json!({"auth_type": "api_key"}))
        .await;
    assert_eq!(wrong_fields(&answer), ["auth_credentials"]);
    let bare = there
        .test(
            "tower",
            &json!({"auth_type": "none", "auth_credentials": null}),
        )
        .await;
    assert_eq!(
        (&bare["status_code"], &bare["credentials_sent"]),
        (&json!(401), &json!(false))
    );
    assert_eq!(
        there.credentials("tower").await,
        json!({"token": "stored-t0ken"})
    );
    there.shutdown().await;
}

#[tokio::test]
async fn no_trick_of_an_endpoint_and_no_redirect_takes_stored_credentials_elsewhere() {
    let there = Connecting::start().await;
    let project = there
        .connected("tower", UNITS, bearer("stored-t0ken"))
        .await;
    let other_api = ClientApi::start().unwrap();
    let other = other_api.project("tower");
    // Tricks are refused before anything is asked.
    let address = other_api.address();
    for endpoint in [
        format!("//{address}/tower/units"),
        format!("@{address}/tower/units"),
        format!("/\\{address}"),
        format!(":{}/", address.port()),
    ] {
        let answer = there
            .world
            .post(
                &path("tower", "/test"),
                &json!({"status_endpoint": endpoint}),
            )
            .await;
        assert_eq!(wrong_fields(&answer), ["status_endpoint"], "{endpoint}");
    }
    assert_eq!(project.request_count(), 0);
    // Nor does a redirect take them along.
    let location = other.url();
    project.set_fault(Fault::Redirect { location });
    let led = there.test("tower", &json!({})).await;
    assert_eq!(
        (&led["success"], &led["credentials_sent"]),
        (&json!(false), &json!(true)),
        "they went to the stored origin"
    );
    // Whoever reads a request and hangs up has read it.
    project.set_fault(Fault::Reset);
    let broken = there.test("tower", &json!({})).await;
    assert_eq!(
        (&broken["success"], &broken["credentials_sent"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(other.request_count(), 0);
    there.shutdown().await;
}

#[tokio::test]
async fn rows_of_other_programs_are_tried_as_they_are_polled() {
    let there = Connecting::start().await;
    let evil_api = ClientApi::start().unwrap();
    let evil = evil_api.project("tower");
    let project = there.api.project("tower");
    project.set_units(UNITS.iter().copied());
    project.require_auth(Auth::bearer("plain-t0ken"));
    let token = json!({"token": "plain-t0ken"});
    let row =
        |endpoint: String| ProjectRow::named("tower").upstream(there.api.base_url(), endpoint);
    let plain = row(project.endpoint()).auth("bearer", token.to_string());
    there.world.database.insert_project(plain).await;
    assert_eq!(there.test("tower", &json!({})).await["success"], true);

    let foreign = row(project.endpoint()).auth("bearer", sealed_with("another key", &token));
    there.world.database.update_project(foreign).await;
    let tried = there.test("tower", &json!({})).await;
    let error = tried["error"].as_str().unwrap();
    assert!(
        error.contains("cannot be decrypted with this SECRET_KEY"),
        "{error}"
    );
    assert!(error.contains("give auth_credentials anew"), "{error}");
    assert_eq!(tried.get("response_time_ms"), None, "nobody was asked");

    // Its origin is that of the address that it really makes; the base alone is another.
    let trick = row(format!("@{}/tower/units", evil_api.address()))
        .auth("bearer", sealed_with(KEY, &token));
    there.world.database.update_project(trick).await;
    let tried = there
        .test("tower", &json!({"status_endpoint": project.endpoint()}))
        .await;
    assert_eq!(
        (&tried["status_code"], &tried["credentials_sent"]),
        (&json!(401), &json!(false))
    );
    let tried = there.test("tower", &json!({})).await;
    assert_eq!(
        (&tried["success"], &tried["credentials_sent"]),
        (&json!(false), &json!(false)),
        "{tried}"
    );
    assert_eq!(evil.request_count(), 0);
    there.shutdown().await;
}

#[tokio::test]
async fn by_default_nothing_on_our_side_of_the_wall_is_asked() {
    let there = Connecting::with(|settings| settings.outbound.upstream_allow_private = false).await;
    let project = there.connected("tower", UNITS, json!({})).await;
    let port = there.api.address().port();
    for host in [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "10.0.0.1",
        "169.254.169.254",
    ] {
        let tried = there
            .test(
                "tower",
                &json!({"api_base_url": format!("http://{host}:{port}")}),
            )
            .await;
        let error = tried["error"].as_str().unwrap();
        assert!(
            error.contains(
                "is not public; UPSTREAM_ALLOW_HOSTS or UPSTREAM_ALLOW_PRIVATE would allow it"
            ),
            "{host}: {error}"
        );
        assert_eq!(
            (&tried["success"], &tried["credentials_sent"]),
            (&json!(false), &json!(false))
        );
    }
    assert_eq!(project.request_count(), 0);
    there.shutdown().await;
}

#[tokio::test]
async fn few_are_tried_at_once_and_so_many_a_minute() {
    let there = Connecting::start().await;
    let project = there
        .connected("tower", UNITS, json!({"timeout_seconds": 60}))
        .await;
    let gate = project.hold();
    let asking = async {
        let as_it_is = json!({});
        let tried = || there.test("tower", &as_it_is);
        tokio::join!(tried(), tried(), tried())
    };
    let refusing = async {
        wait_until("three are under way", PATIENCE, async || {
            project.in_flight() == 3
        })
        .await;
        let fourth = there.world.post(&path("tower", "/test"), &json!({})).await;
        problem(&fourth, 429, "too_many_trials");
        let wait: u64 = fourth.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=5).contains(&wait));
        gate.release();
    };
    let (tried, ()) = tokio::join!(asking, refusing);
    assert!(
        [tried.0, tried.1, tried.2]
            .iter()
            .all(|it| it["success"] == true)
    );
    assert_eq!(project.concurrent_max(), 3);
    for _ in 3..60 {
        assert_eq!(there.test("tower", &json!({})).await["success"], true);
    }
    let beyond = there.world.post(&path("tower", "/test"), &json!({})).await;
    problem(&beyond, 429, "too_many_trials");
    let wait: u64 = beyond.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=61).contains(&wait), "{wait}");
    assert_eq!(project.request_count(), 60);
    let events: i64 = there
        .world
        .value("SELECT count(*) FROM admin_events WHERE action = 'integration_tested'")
        .await;
    assert_eq!(events, 60, "who is refused leaves no event");
    there.shutdown().await;
}

#[tokio::test]
async fn a_client_api_that_hangs_does_not_hold_up_the_end() {
    let there = Connecting::start().await;
    let project = there
        .connected("tower", UNITS, json!({"timeout_seconds": 60}))
        .await;
    project.set_fault(Fault::Silence);
    let url = there.world.url(&path("tower", "/test"));
    let mut asking = tokio::task::JoinSet::new();
    asking.spawn(async move { http_request("POST", &url, &[AUTHORIZATION], b"").await });
    project.wait_for_requests(1).await.unwrap();
    there.shutdown().await;
    let answer = asking.join_next().await.unwrap().unwrap();
    problem(&answer, 503, "stopping");
}
