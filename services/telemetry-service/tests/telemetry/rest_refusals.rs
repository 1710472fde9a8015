//! What a client of the REST side is answered instead of data, and that it is never nothing.

use serde_json::{Value, json};
use service_kit::clock::Clock;
use test_kit::{KeyServer, PATIENCE, hs256_token, http_get, http_request, wait_until};
use tokio::task::JoinSet;

use crate::ground::number;
use crate::rest_answers::{GUARDED, judge, judge_problem, retry_after, write};
use crate::world::{World, claims, signed, token_of};

/// A token of tenant `a` with other claims; a null takes one away.
fn token_with(change: &Value) -> String {
    signed(&changed(change))
}

fn changed(change: &Value) -> Value {
    let mut claims = claims("a", 3600);
    for (name, value) in change.as_object().expect("claims") {
        claims[name] = value.clone();
    }
    claims
}

fn in_seconds(seconds: i64) -> i64 {
    Clock::system().now().timestamp() + seconds
}

#[tokio::test]
async fn whoever_has_no_good_token_is_told_which_kind_is_wanted() {
    let world = World::start().await;
    let missing = (
        "token_missing",
        "Missing bearer token",
        r#"Bearer realm="farol""#,
    );
    let invalid = (
        "token_invalid",
        "Invalid or expired token",
        r#"Bearer realm="farol", error="invalid_token""#,
    );
    let bearer = |token: String| format!("Bearer {token}");
    for (sent, (code, detail, challenge)) in [
        (String::new(), missing),
        ("Bearer ".to_owned(), missing),
        ("Basic YTpi".to_owned(), missing),
        (bearer("garbage".to_owned()), invalid),
        (
            bearer(token_with(&json!({"exp": in_seconds(-60)}))),
            invalid,
        ),
        (bearer(token_with(&json!({"exp": null}))), invalid),
        (
            bearer(token_with(&json!({"nbf": in_seconds(600)}))),
            invalid,
        ),
        (bearer(token_with(&json!({"aud": "others"}))), invalid),
        (
            bearer(hs256_token(
                "another secret, also of 32 bytes and more",
                &claims("a", 3600),
            )),
            invalid,
        ),
    ] {
        for path in GUARDED {
            let answer = http_get(&world.url(path), &[("authorization", &sent)]).await;
            judge_problem(&answer, 401, code, detail);
            assert_eq!(answer.header("www-authenticate"), Some(challenge), "{path}");
        }
    }
    world.shutdown().await;
}

#[tokio::test]
async fn a_token_in_the_address_opens_nothing_here() {
    let world = World::start().await;
    let path = format!("/api/v2/devices?token={}", token_of("a"));
    let answer = http_get(&world.url(&path), &[]).await;
    judge_problem(&answer, 401, "token_missing", "Missing bearer token");
    world.shutdown().await;
}

#[tokio::test]
async fn only_customers_of_a_tenant_may_look() {
    let world = World::start().await;
    for strangers in [
        json!({"tenant_id": null}),
        json!({"tenant_id": ""}),
        json!({"tenant_id": "a' OR '1'='1"}),
        json!({"role": null}),
        json!({"role": "operator"}),
    ] {
        for path in GUARDED {
            let answer = world.get_by(&token_with(&strangers), path).await;
            judge_problem(&answer, 403, "forbidden", "Unauthorized");
        }
    }
    let by_realm = json!({
        "tenant_id": null, "role": null, "organization": ["a", "b"], "realm_access": {"roles": ["customer_admin"]},
    });
    let answer = world
        .get_by(&token_with(&by_realm), "/api/v2/devices")
        .await;
    assert_eq!(
        (answer.status(), &answer.json()["tenant_id"]),
        (200, &json!("a"))
    );
    world.shutdown().await;
}

#[tokio::test]
async fn while_keys_cannot_be_had_nobody_is_called_a_stranger() {
    let keys = KeyServer::start().await;
    keys.go_away();
    let world = World::with(|settings| {
        let identity = &mut settings.identity;
        identity.jwt_hs256_secret = None;
        identity.jwt_issuer = Some("somebody".to_owned());
        identity.jwt_jwks_url = Some(keys.url().parse().unwrap());
    })
    .await;
    let claims = changed(&json!({"iss": "somebody"}));
    for path in GUARDED {
        let answer = world.get_by(&keys.sign(&claims), path).await;
        judge_problem(
            &answer,
            503,
            "key_server_unavailable",
            "Tokens cannot be checked right now",
        );
        assert!(retry_after(&answer) >= 1);
    }
    world.shutdown().await;
}

#[tokio::test]
async fn what_cannot_be_read_is_an_error_and_never_an_empty_answer() {
    let (world, proxy) = World::with_cuttable_database(|_| {}).await;
    let device = "INSERT INTO device_state (tenant_id, device_id) VALUES ('a', 'dev-0001')";
    write(&world.database, device).await;
    assert_eq!(world.read("a", "/api/v2/devices").await["count"], 1);
    proxy.cut();
    for path in GUARDED {
        let answer = world.get("a", path).await;
        judge_problem(
            &answer,
            503,
            "source_unavailable",
            "The data cannot be read right now",
        );
        assert!(retry_after(&answer) >= 1);
        assert!(!answer.text().contains("127.0.0.1"), "{}", answer.text());
    }
    let health = http_get(&world.url("/api/v2/health"), &[]).await;
    assert_eq!(health.status(), 200);
    proxy.restore();
    assert_eq!(world.read("a", "/api/v2/devices").await["count"], 1);
    world.shutdown().await;
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_what_no_name_can_be_is_never_asked_for() {
    let world = World::start().await;
    for path in [
        "/api/v2/devices/nobody",
        "/api/v2/devices/dev'%20OR%20'1'='1",
        "/api/v2/devices/dev-0001%22%3BDROP%20TABLE%20telemetry",
        "/api/v2/devices/%00",
        "/api/v2/devices/dev%20one/telemetry",
        "/api/v2/devices/%2F.*%2F/telemetry/latest",
    ] {
        let answer = world.get("a", path).await;
        judge_problem(&answer, 404, "device_not_found", "Device not found");
    }
    for id in [
        "1",
        "0",
        "-1",
        "9223372036854775807",
        "9223372036854775808",
        "1%20OR%201=1",
        "one",
    ] {
        let answer = world.get("a", &format!("/api/v2/alerts/{id}")).await;
        judge_problem(&answer, 404, "alert_not_found", "Alert not found");
    }
    for path in [
        "/api/v2",
        "/api/v2/",
        "/api/v2/tenants",
        "/api/v2/devices/",
        "/api/v1/devices",
        "/",
        "/live-assets/x.js",
    ] {
        let answer = world.get("a", path).await;
        judge_problem(&answer, 404, "not_found", "Not found");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn a_range_is_strict_and_has_a_length() {
    let world = World::start().await;
    let now = "2026-11-27T10:00:00Z";
    for query in [
        format!("start={now}&end={now}"),
        format!("start={now}&end=2026-11-27T09:00:00Z"),
    ] {
        let answer = world
            .get("a", &format!("/api/v2/devices/one/telemetry?{query}"))
            .await;
        judge_problem(&answer, 400, "empty_span", "start must be before end");
    }
    for (field, odd) in [
        ("start", "yesterday"),
        ("end", "2026-02-30T00:00:00Z"),
        ("end", "1764237600"),
        ("start", "2026-11-27T10:00:00+01:00"),
        ("start", "'%20OR%20time%20IS%20NOT%20NULL"),
    ] {
        let answer = world
            .get("a", &format!("/api/v2/devices/one/telemetry?{field}={odd}"))
            .await;
        let detail = format!("{field} must be an ISO 8601 time; a + in an address is %2B");
        judge_problem(&answer, 400, "invalid_time", &detail);
    }
    world.shutdown().await;
}

#[tokio::test]
async fn every_parameter_that_cannot_be_is_named_with_its_rule() {
    let world = World::start().await;
    let (page, offset) = (
        ("limit", "must be 1 to 1000"),
        ("offset", "must be 0 to 100000"),
    );
    let (readings, latest) = (
        "/api/v2/devices/one/telemetry",
        "/api/v2/devices/one/telemetry/latest",
    );
    let status = ("status", "must be OPEN, ACKNOWLEDGED or CLOSED");
    let kind = (
        "alert_type",
        "must be at most 200 characters, none of them NUL",
    );
    let long = "x".repeat(201);
    for (path, query, wrong) in [
        ("/api/v2/devices", "limit=0&offset=-1", vec![page, offset]),
        (
            "/api/v2/devices",
            "limit=1001&offset=100001",
            vec![page, offset],
        ),
        ("/api/v2/alerts", "limit=ten&offset=1.5", vec![page, offset]),
        ("/api/v2/alerts", "status=open", vec![status]),
        ("/api/v2/alerts", "status=OPEN&status=CLOSED", vec![status]),
        ("/api/v2/alerts", "alert_type=%00", vec![kind]),
        ("/api/v2/alerts", &format!("alert_type={long}"), vec![kind]),
        (readings, "limit=0", vec![page]),
        (readings, "limit=1001", vec![page]),
        (latest, "count=0", vec![("count", "must be 1 to 10")]),
        (latest, "count=11", vec![("count", "must be 1 to 10")]),
    ] {
        let answer = world.get("a", &format!("{path}?{query}")).await;
        judge_problem(
            &answer,
            422,
            "invalid_fields",
            "Some parameters are not valid",
        );
        let expected = wrong
            .iter()
            .map(|(field, detail)| json!({"field": field, "detail": detail}));
        assert_eq!(
            answer.json()["errors"],
            expected.collect::<Value>(),
            "{path}?{query}"
        );
    }
    world.shutdown().await;
}

#[tokio::test]
async fn another_method_is_refused_with_those_that_would_do() {
    let world = World::start().await;
    let bearer = format!("Bearer {}", token_of("a"));
    let read = "GET, HEAD, OPTIONS";
    let paths = GUARDED
        .iter()
        .chain(&["/api/v2/health"])
        .map(|path| (*path, read));
    for (path, allow) in paths.chain([
        ("/live", "GET"),
        ("/api/v2/ws", "GET"),
        ("/live-assets/live.js", "GET"),
    ]) {
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            let answer =
                http_request(method, &world.url(path), &[("authorization", &bearer)], b"").await;
            judge_problem(&answer, 405, "method_not_allowed", "Method not allowed");
            assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
        }
    }
    world.shutdown().await;
}

#[tokio::test]
async fn pages_of_allowed_origins_may_read_and_those_of_others_may_not() {
    let open = World::start().await;
    let choosy = World::with(|settings| {
        settings.socket.allowed_origins = vec!["https://app.example.org".to_owned()];
    })
    .await;
    let bearer = format!("Bearer {}", token_of("a"));
    for (world, origin, allowed) in [
        (&open, "https://anybody.example.org", true),
        (&choosy, "https://app.example.org", true),
        (&choosy, "https://app.example.org.evil.example", false),
        (&choosy, "http://app.example.org", false),
        (&choosy, "null", false),
    ] {
        let allowed = allowed.then_some(origin);
        for (method, path, status) in [
            ("GET", "/api/v2/devices", 200),
            ("GET", "/api/v2/devices/nobody", 404),
            ("GET", "/api/v2/nowhere", 404),
            ("OPTIONS", "/api/v2/devices", 204),
        ] {
            let headers = [("authorization", bearer.as_str()), ("origin", origin)];
            let answer = http_request(method, &world.url(path), &headers, b"").await;
            judge(&answer, path);
            assert_eq!(answer.status(), status, "{method} {path}");
            assert_eq!(
                answer.header("access-control-allow-origin"),
                allowed,
                "{method} {path} {origin}"
            );
            assert_eq!(answer.header("vary"), Some("Origin"));
        }
    }
    // Before a browser has shown a token, it asks whether it may.
    let preflight = http_request(
        "OPTIONS",
        &open.url("/api/v2/devices"),
        &[("origin", "https://x.example")],
        b"",
    )
    .await;
    let told = [
        "access-control-allow-methods",
        "access-control-allow-headers",
    ]
    .map(|name| preflight.header(name));
    assert_eq!(
        told,
        [
            Some("GET, HEAD, OPTIONS"),
            Some("Authorization, X-Request-Id")
        ]
    );
    open.shutdown().await;
    choosy.shutdown().await;
}

#[tokio::test]
async fn a_tenant_that_asks_too_often_waits_and_no_other_does() {
    let world = World::start().await;
    for path in &GUARDED[..6] {
        assert_ne!(world.get("a", path).await.status(), 429, "{path}");
    }
    // What is not found is counted too, and costs no query.
    for n in 6..100 {
        let answer = world.get("a", "/api/v2/devices/no%20name").await;
        assert_eq!(answer.status(), 404, "request {n}");
    }
    let refused = world.get("a", "/api/v2/alerts").await;
    judge_problem(&refused, 429, "rate_limited", "Rate limit exceeded");
    assert!((1..=60).contains(&retry_after(&refused)));
    // Another token of the same tenant is the same tenant.
    let admin = token_with(&json!({"role": "customer_admin", "sub": "somebody else"}));
    assert_eq!(world.get_by(&admin, "/api/v2/devices").await.status(), 429);
    assert_eq!(world.get("b", "/api/v2/devices").await.status(), 200);
    let health = http_get(&world.url("/api/v2/health"), &[]).await;
    assert_eq!(health.status(), 200);
    // Who may not read for a while may still watch.
    assert_eq!(world.get("a", "/api/v2/ws-ticket").await.status(), 200);
    world.shutdown().await;
}

#[tokio::test]
async fn a_tenant_that_reads_much_at_once_leaves_connections_to_others() {
    let world = World::with(|settings| settings.database.db_pool_size = 4).await;
    let owner = world.database.owner_pool();
    let mut slow = owner.begin().await.unwrap();
    let lock = sqlx::query("LOCK TABLE device_state");
    lock.execute(&mut *slow).await.unwrap();
    let mut reads = JoinSet::new();
    for _ in 0..20 {
        let url = world.url("/api/v2/devices");
        let bearer = format!("Bearer {}", token_of("a"));
        reads.spawn(async move { http_get(&url, &[("authorization", &bearer)]).await });
    }
    let waiting = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    wait_until("reads wait for the lock", PATIENCE, async || {
        number(owner, waiting).await >= 2
    })
    .await;
    for _ in 0..10 {
        assert_eq!(world.get("b", "/api/v2/alerts").await.status(), 200);
    }
    slow.rollback().await.unwrap();
    reads.shutdown().await;
    world.shutdown().await;
}
