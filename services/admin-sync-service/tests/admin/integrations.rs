//! Integrations: what may be written of them, what is shown, and that credentials are only ever written.

use serde_json::{Value, json};

use crate::bodies::{ok, problem};
use crate::connecting::{Connecting, path, wrong, wrong_fields};

#[tokio::test]
async fn where_nobody_has_said_anything_the_defaults_are_shown() {
    let there = Connecting::start().await;
    there.project("tower", &[]).await;
    let answer = there.world.get(&path("tower", "")).await;
    assert_eq!(
        ok(&answer),
        json!({
            "api_base_url": null, "status_endpoint": null, "auth_type": "none", "has_credentials": false,
            "status_mapping": {}, "unmapped_status": null, "update_method": "polling",
            "polling_interval_seconds": 30, "timeout_seconds": 10, "retry_count": 3, "last_sync_at": null,
            "sync_status": "idle", "sync_error": null, "created_at": null, "updated_at": null, "complaints": []
        })
    );
    let none = answer.header("etag").unwrap().to_owned();
    let written = there
        .put_with("tower", &[("if-match", &none)], &json!({}))
        .await;
    let body = ok(&written);
    assert!(body["created_at"].is_string(), "it is a row now");
    assert_eq!(body["retry_count"], 3);
    assert_ne!(written.header("etag"), Some(&*none));
    there.shutdown().await;
}

#[tokio::test]
async fn what_is_written_is_read_back_and_credentials_are_sealed() {
    let there = Connecting::start().await;
    for (slug, kind, credentials) in [
        ("token", "bearer", json!({"token": "t0ken"})),
        (
            "key",
            "api_key",
            json!({"api_key": "k3y", "api_key_header": "X-Client"}),
        ),
        ("key-of-default", "api_key", json!({"api_key": "k3y"})),
        (
            "pair",
            "basic",
            json!({"username": "ana", "password": "pão: com \"manteiga\""}),
        ),
        (
            "half-a-pair",
            "basic",
            json!({"username": "ana", "password": ""}),
        ),
    ] {
        there.project(slug, &[]).await;
        let body = json!({
            "api_base_url": "https://api.example.com/v1/", "status_endpoint": "/units?state=all", "auth_type": kind,
            "auth_credentials": credentials, "status_mapping": {"available": ["Livre"], "sold": ["vendido", "quitado"]},
            "unmapped_status": "hidden", "update_method": "polling", "polling_interval_seconds": 300,
            "timeout_seconds": 60, "retry_count": 0
        });
        let answer = there.put(slug, &body).await;
        let mut shown = ok(&answer);
        assert_eq!(there.integration(slug).await, shown);
        assert_eq!(
            there.world.get(&path(slug, "")).await.header("etag"),
            answer.header("etag")
        );
        let mut expected = body;
        expected.as_object_mut().unwrap().remove("auth_credentials");
        expected["has_credentials"] = true.into();
        expected["complaints"] = json!([]);
        let all = shown.as_object_mut().unwrap();
        for name in [
            "created_at",
            "updated_at",
            "last_sync_at",
            "sync_status",
            "sync_error",
        ] {
            assert!(all.remove(name).is_some());
        }
        assert_eq!(shown, expected);
        assert_eq!(there.credentials(slug).await, credentials);
    }
    there.shutdown().await;
}

#[tokio::test]
async fn what_is_not_named_stays_null_is_the_default_and_credentials_go_when_told() {
    let there = Connecting::start().await;
    let more = json!({"auth_type": "bearer", "auth_credentials": {"token": "one"}, "status_mapping": {"sold": ["x"]},
                      "unmapped_status": "hidden", "retry_count": 7});
    there.connected("tower", &[], more).await;
    let before = there.integration("tower").await;

    let after = ok(&there.put("tower", &json!({"timeout_seconds": 9})).await);
    assert_eq!(after["timeout_seconds"], 9);
    for name in [
        "api_base_url",
        "status_mapping",
        "unmapped_status",
        "retry_count",
        "auth_type",
    ] {
        assert_eq!(after[name], before[name]);
    }
    assert_eq!(there.credentials("tower").await, json!({"token": "one"}));
    ok(&there
        .put("tower", &json!({"auth_credentials": {"token": "two"}}))
        .await);
    assert_eq!(there.credentials("tower").await, json!({"token": "two"}));

    for clear in [json!(null), json!({})] {
        ok(&there
            .put("tower", &json!({"auth_credentials": {"token": "three"}}))
            .await);
        let cleared = ok(&there
            .put("tower", &json!({"auth_credentials": clear}))
            .await);
        assert_eq!(cleared["has_credentials"], false);
        let complaint = "credentials cannot be used: no credentials are stored";
        assert_eq!(cleared["complaints"], json!([complaint]));
        assert_eq!(there.sealed("tower").await, None);
    }
    ok(&there
        .put("tower", &json!({"auth_credentials": {"token": "four"}}))
        .await);
    for _ in 0..2 {
        let forgotten = there
            .send("DELETE", &path("tower", "/credentials"), &[], "")
            .await;
        assert_eq!((forgotten.status(), forgotten.text()), (204, ""));
        assert_eq!(there.sealed("tower").await, None);
    }
    let nulls = json!({"api_base_url": null, "status_endpoint": null, "auth_type": null, "status_mapping": null,
                       "unmapped_status": null, "update_method": null, "polling_interval_seconds": null,
                       "timeout_seconds": null, "retry_count": null});
    let bare = ok(&there.put("tower", &nulls).await);
    assert_eq!(
        (
            &bare["auth_type"],
            &bare["status_mapping"],
            &bare["retry_count"]
        ),
        (&json!("none"), &json!({}), &json!(3))
    );
    assert_eq!(
        (&bare["api_base_url"], &bare["unmapped_status"]),
        (&Value::Null, &Value::Null)
    );
    there.shutdown().await;
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_at_once_and_nothing_is_written() {
    let there = Connecting::start().await;
    there.project("tower", &[]).await;
    let body = json!({
        "api_base_url": "ftp://api.example.com", "status_endpoint": "units", "auth_type": "bearer",
        "auth_credentials": {"token": "", "tokn": "s3cret-in-the-wrong-place"}, "status_mapping": {"gone": ["x"]},
        "unmapped_status": "gone", "update_method": "webhook", "polling_interval_seconds": 301,
        "timeout_seconds": 0, "retry_count": 11, "retries": 1, "has_credentials": true
    });
    let answer = there.put("tower", &body).await;
    assert_eq!(
        wrong_fields(&answer),
        [
            "api_base_url",
            "auth_credentials.token",
            "auth_credentials.tokn",
            "has_credentials",
            "polling_interval_seconds",
            "retries",
            "retry_count",
            "status_endpoint",
            "status_mapping",
            "timeout_seconds",
            "unmapped_status",
            "update_method",
        ]
    );
    assert!(!answer.text().contains("s3cret"));
    let rules = wrong(&answer);
    for (field, rule) in [
        ("api_base_url", "must begin with http:// or https://"),
        ("status_endpoint", "must begin with one /"),
        ("status_mapping", "is refused: `gone` is not a status"),
        (
            "unmapped_status",
            "must be available, reserved, sold, hidden, unreleased",
        ),
        ("update_method", "must be polling"),
        (
            "polling_interval_seconds",
            "must be a whole number, 1 to 300",
        ),
        ("timeout_seconds", "must be a whole number, 1 to 60"),
        ("retry_count", "must be a whole number, 0 to 10"),
        ("retries", "is not known"),
        ("has_credentials", "is read only"),
        ("auth_credentials.token", "must not be empty"),
    ] {
        let told = rules.iter().find(|it| it.0 == field).unwrap();
        assert_eq!(told.1, rule, "{field}");
    }
    assert_eq!(there.integration("tower").await["created_at"], Value::Null);
    problem(
        &there.send("PUT", &path("tower", ""), &[], "{").await,
        400,
        "invalid_json",
    );
    assert_eq!(
        wrong_fields(&there.send("PUT", &path("tower", ""), &[], "[]").await),
        ["body"]
    );
    let text = there
        .send(
            "PUT",
            &path("tower", ""),
            &[("content-type", "text/plain")],
            "x",
        )
        .await;
    assert!(matches!(text.status(), 400 | 415));
    there.shutdown().await;
}

#[tokio::test]
async fn each_value_that_cannot_be_is_refused_by_the_name_of_its_field() {
    let there = Connecting::start().await;
    there.project("tower", &[]).await;
    let long = |begin: &str, size: usize| format!("{begin}{}", "a".repeat(size - begin.len()));
    for (field, value) in [
        ("api_base_url", json!("http://ana:s3cret@api.example.com")),
        ("api_base_url", json!("http://api.example.com/?a=b")),
        ("api_base_url", json!("http://api.example.com#x")),
        ("api_base_url", json!("http://api.example.com\u{0}")),
        ("api_base_url", json!("http:\\\\api.example.com")),
        ("api_base_url", json!(long("http://api.example.com/", 501))),
        ("api_base_url", json!("")),
        ("api_base_url", json!(1)),
        ("status_endpoint", json!("//evil.example/units")),
        ("status_endpoint", json!("@evil.example/units")),
        ("status_endpoint", json!("/\\evil.example")),
        ("status_endpoint", json!("/a b")),
        ("status_endpoint", json!("/a\u{0}")),
        ("status_endpoint", json!("/units#x")),
        ("status_endpoint", json!(long("/", 256))),
        ("status_endpoint", json!(["/"])),
        ("auth_type", json!("Bearer")),
        ("auth_type", json!("oauth")),
        ("auth_type", json!(1)),
        ("auth_credentials", json!("s3cret-text")),
        ("auth_credentials", json!(["s3cret-list"])),
        ("status_mapping", json!([])),
        ("status_mapping", json!("sold")),
        ("status_mapping", json!({"sold": "vendido"})),
        ("status_mapping", json!({"sold": [1]})),
        ("status_mapping", json!({"sold": [" "]})),
        ("status_mapping", json!({"Sold": ["x"]})),
        ("status_mapping", json!({"sold": ["a\u{0}b"]})),
        ("status_mapping", json!({"sold": ["w".repeat(201)]})),
        (
            "status_mapping",
            json!({"sold": ["On Hold"], "reserved": ["on-hold"]}),
        ),
        (
            "status_mapping",
            json!({"sold": (0..2001).map(|it| it.to_string()).collect::<Vec<_>>()}),
        ),
        (
            "status_mapping",
            json!({"sold": vec!["w".repeat(150); 500]}),
        ),
        ("unmapped_status", json!("Hidden")),
        ("unmapped_status", json!("")),
        ("update_method", json!("push")),
        ("polling_interval_seconds", json!(0)),
        ("polling_interval_seconds", json!(30.5)),
        ("polling_interval_seconds", json!("30")),
        ("timeout_seconds", json!(61)),
        ("timeout_seconds", json!(-1)),
        ("retry_count", json!(1e300)),
        ("retry_count", json!(true)),
        ("nothing\u{0}known", json!(1)),
    ] {
        let answer = there.put("tower", &json!({field: value})).await;
        assert_eq!(wrong_fields(&answer), [field], "{value}");
        assert!(!answer.text().contains("s3cret"), "{}", answer.text());
    }
    let many: serde_json::Map<String, Value> =
        (0..1000).map(|it| (format!("m{it}"), it.into())).collect();
    assert_eq!(
        wrong_fields(&there.put("tower", &many.into()).await).len(),
        20
    );
    for good in [
        json!({"api_base_url": long("http://api.example.com/", 500), "status_endpoint": long("/", 255)}),
        json!({"api_base_url": "http://[::1]:8080"}),
        json!({"polling_interval_seconds": 1, "timeout_seconds": 1, "retry_count": 10}),
        json!({"status_mapping": {"sold": null, "hidden": []}}),
    ] {
        ok(&there.put("tower", &good).await);
    }
    there.shutdown().await;
}

#[tokio::test]
async fn credentials_are_those_of_their_kind_and_a_header_can_carry_them() {
    let there = Connecting::start().await;
    there.project("tower", &[]).await;
    for (kind, credentials, field) in [
        ("none", json!({"token": "s3cret"}), "auth_credentials"),
        (
            "bearer",
            json!({"api_key": "s3cret"}),
            "auth_credentials.api_key",
        ),
        ("bearer", json!({"token": 1}), "auth_credentials.token"),
        (
            "bearer",
            json!({"token": "s3cret\n"}),
            "auth_credentials.token",
        ),
        (
            "bearer",
            json!({"token": "s3\u{0}cret"}),
            "auth_credentials.token",
        ),
        (
            "bearer",
            json!({"token": " s3cret"}),
            "auth_credentials.token",
        ),
        (
            "bearer",
            json!({"token": "s3cret".repeat(1000)}),
            "auth_credentials.token",
        ),
        (
            "api_key",
            json!({"api_key": "s3cret", "api_key_header": "not a header"}),
            "auth_credentials.api_key_header",
        ),
        (
            "api_key",
            json!({"api_key": "s3cret", "api_key_header": "Host"}),
            "auth_credentials.api_key_header",
        ),
        (
            "api_key",
            json!({"api_key": "s3cret", "api_key_header": ""}),
            "auth_credentials.api_key_header",
        ),
        (
            "api_key",
            json!({"api_key_header": "X-Key"}),
            "auth_credentials.api_key",
        ),
        (
            "basic",
            json!({"username": "s3cret:x", "password": "s3cret"}),
            "auth_credentials.username",
        ),
        (
            "basic",
            json!({"username": "ana"}),
            "auth_credentials.password",
        ),
        (
            "basic",
            json!({"username": "ana", "password": "s3\u{7f}cret"}),
            "auth_credentials.password",
        ),
    ] {
        let body = json!({"auth_type": kind, "auth_credentials": credentials});
        let answer = there.put("tower", &body).await;
        let fields = wrong_fields(&answer);
        assert!(fields.contains(&field.to_owned()), "{body}: {fields:?}");
        assert!(!answer.text().contains("s3cret"), "{}", answer.text());
        assert!(!answer.text().contains("s3\\u"), "{}", answer.text());
    }
    // Another kind than the stored ones are of would fail at every poll.
    ok(&there
        .put(
            "tower",
            &json!({"auth_type": "bearer", "auth_credentials": {"token": "t"}}),
        )
        .await);
    let unfit = there.put("tower", &json!({"auth_type": "basic"})).await;
    assert_eq!(
        wrong(&unfit),
        [(
            "auth_credentials".to_owned(),
            "must be given for auth_type basic: {\"username\", \"password\"}".to_owned()
        )]
    );
    ok(&there.put("tower", &json!({"auth_type": "none"})).await);
    ok(&there.put("tower", &json!({"auth_type": "bearer"})).await);
    there.shutdown().await;
}

#[tokio::test]
async fn without_a_key_credentials_are_refused_and_everything_else_is_not() {
    let there = Connecting::with(|settings| settings.integration.secret_key = None).await;
    let project = there.project("tower", &[("A101", "sold")]).await;
    let body = json!({"auth_type": "bearer", "auth_credentials": {"token": "s3cret"}, "timeout_seconds": 99});
    let answer = there.put("tower", &body).await;
    let rules = wrong(&answer);
    assert_eq!(
        wrong_fields(&answer),
        ["auth_credentials", "timeout_seconds"]
    );
    assert!(
        rules.iter().any(|it| it.1.contains("has no SECRET_KEY")),
        "{rules:?}"
    );
    let count: i64 = there
        .world
        .value("SELECT count(*) FROM integration_configs")
        .await;
    assert_eq!(count, 0);
    let open = json!({"api_base_url": there.api.base_url(), "status_endpoint": project.endpoint()});
    ok(&there.put("tower", &open).await);
    // Trying stores nothing.
    project.require_auth(demo_world::Auth::bearer("s3cret"));
    let tried = json!({"auth_type": "bearer", "auth_credentials": {"token": "s3cret"}});
    assert_eq!(there.test("tower", &tried).await["success"], true);
    there.shutdown().await;
}

#[tokio::test]
async fn an_address_of_another_origin_takes_no_stored_credentials_along() {
    let there = Connecting::start().await;
    there.project("tower", &[]).await;
    let token = json!({"token": "one"});
    let here = json!({"api_base_url": "https://api.example.com/v1", "status_endpoint": "/units", "auth_type": "bearer",
                      "auth_credentials": token});
    ok(&there.put("tower", &here).await);
    for same in ["https://API.example.com:443", "https://api.example.com/v2/"] {
        ok(&there.put("tower", &json!({"api_base_url": same})).await);
    }
    ok(&there
        .put("tower", &json!({"status_endpoint": "/other"}))
        .await);
    let elsewhere = [
        "http://api.example.com",
        "https://api.example.com:8443",
        "https://api.example.com.evil.example",
        "https://evil.example",
    ];
    for other in elsewhere {
        for more in [json!({}), json!({"auth_type": "none"})] {
            let mut body = more;
            body["api_base_url"] = other.into();
            let answer = there.put("tower", &body).await;
            assert_eq!(wrong_fields(&answer), ["auth_credentials"], "{body}");
            assert!(
                answer.text().contains("must be given anew"),
                "{}",
                answer.text()
            );
        }
    }
    // Not by way of none either.
    ok(&there.put("tower", &json!({"api_base_url": null})).await);
    let back = there
        .put("tower", &json!({"api_base_url": elsewhere[3]}))
        .await;
    assert_eq!(wrong_fields(&back), ["auth_credentials"]);
    let anew = json!({"api_base_url": elsewhere[3], "auth_credentials": {"token": "two"}});
    ok(&there.put("tower", &anew).await);
    assert_eq!(there.credentials("tower").await, json!({"token": "two"}));
    let without = json!({"api_base_url": elsewhere[0], "auth_credentials": null});
    ok(&there.put("tower", &without).await);
    assert_eq!(there.sealed("tower").await, None);
    there.shutdown().await;
}

#[tokio::test]
async fn of_two_who_write_over_the_same_state_one_is_told() {
    let there = Connecting::start().await;
    there.project("tower", &[]).await;
    for seconds in 1..=5 {
        let seen = there.world.get(&path("tower", "")).await;
        let tag = seen.header("etag").unwrap().to_owned();
        let (one, other) = (
            json!({"timeout_seconds": seconds}),
            // Never the default, which is 3: what changes nothing leaves the tag as it was.
            json!({"retry_count": seconds + 3}),
        );
        let if_match = [("if-match", tag.as_str())];
        let (one, other) = tokio::join!(
            there.put_with("tower", &if_match, &one),
            there.put_with("tower", &if_match, &other)
        );
        let mut statuses = [one.status(), other.status()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412]);
        let refused = if one.status() == 412 { one } else { other };
        problem(&refused, 412, "changed_meanwhile");
    }
    // Without the tag both are written, and neither over the other.
    let (one, other) = (
        json!({"timeout_seconds": 44}),
        json!({"polling_interval_seconds": 55}),
    );
    let (one, other) = tokio::join!(there.put("tower", &one), there.put("tower", &other));
    assert_eq!((one.status(), other.status()), (200, 200));
    let both = there.integration("tower").await;
    assert_eq!(
        (&both["timeout_seconds"], &both["polling_interval_seconds"]),
        (&json!(44), &json!(55))
    );
    for (tags, status) in [
        ("*", 200),
        ("\"x\"", 412),
        ("\"none\"", 412),
        ("nonsense", 412),
    ] {
        let answer = there
            .put_with("tower", &[("if-match", tags)], &json!({"retry_count": 0}))
            .await;
        assert_eq!(answer.status(), status, "{tags}");
    }
    // What polling notes is nobody's change.
    let tag = there.world.get(&path("tower", "")).await;
    there
        .world
        .sql("UPDATE integration_configs SET last_sync_at = now(), sync_status = 'ok', sync_error = 'x'")
        .await;
    let after = there.world.get(&path("tower", "")).await;
    assert_eq!(after.header("etag"), tag.header("etag"));
    assert_eq!(
        (&after.json()["sync_status"], &after.json()["sync_error"]),
        (&json!("ok"), &json!("x"))
    );
    let list = format!("\"x\", {}", tag.header("etag").unwrap());
    ok(&there
        .put_with("tower", &[("if-match", &list)], &json!({"retry_count": 1}))
        .await);
    there.shutdown().await;
}
