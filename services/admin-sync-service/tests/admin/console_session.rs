//! Who is signed in to the console: how a session begins and ends, what it opens, and what pages of other sites cannot do
//! with it.

use std::time::Duration;

use admin_sync_service::settings::{AdminAuth, Settings};
use serde_json::{Map, Value, json};
use service_kit::clock::Clock;
use service_kit::secrets::Vault;
use test_kit::{Answer, ServiceProcess, http_get, http_request};

use crate::bodies::{ok, problem};
use crate::world::{AUTHORIZATION, PASSWORD, USER, World};

const KEY: &str = "the SECRET_KEY of these tests";
const OURS: (&str, &str) = ("x-requested-with", "farol-console");
const WRONG: (&str, &str) = ("authorization", "Basic YW5hOndyb25n");

fn keyed(settings: &mut Settings) {
    settings.integration.secret_key = Some(KEY.into());
}

async fn session(world: &World, headers: &[(&str, &str)]) -> Answer {
    http_get(&world.url("/console/session"), headers).await
}

async fn sign_in(world: &World, headers: &[(&str, &str)]) -> Answer {
    http_request("POST", &world.url("/console/session"), headers, b"").await
}

/// What a browser sends from now on.
async fn signed_in(world: &World) -> String {
    let answer = sign_in(world, &[AUTHORIZATION, OURS]).await;
    ok(&answer);
    cookie_of(&answer)
}

fn cookie_of(answer: &Answer) -> String {
    let set = answer.header("set-cookie").expect("a cookie");
    set.split(';').next().unwrap().to_owned()
}

/// A 401 that takes the cookie away, and asks a browser for nothing where the console asked.
fn forgotten(answer: &Answer) {
    problem(answer, 401, "unauthorized");
    let set = answer.header("set-cookie").expect("a cookie");
    assert!(
        set.starts_with("farol_session=; ") && set.contains("Max-Age=0"),
        "{set}"
    );
}

#[tokio::test]
async fn whoever_signs_in_has_a_cookie_that_opens_what_the_password_opens() {
    let world = World::with(|settings| {
        settings.console.session_hours = 3;
        settings.console.public_url = Some("https://board.example.org/".parse().unwrap());
        settings.stream.sse_public_url = Some("https://live.example.org/".parse().unwrap());
    })
    .await;
    let out = ok(&session(&world, &[]).await);
    assert_eq!(out, json!({"user": null, "auth": "on", "basic": true}));

    let answer = sign_in(&world, &[AUTHORIZATION, OURS]).await;
    let body = ok(&answer);
    let set = answer.header("set-cookie").unwrap();
    let (cookie, attributes) = set.split_once("; ").unwrap();
    assert_eq!(
        attributes,
        "Path=/; Max-Age=10800; HttpOnly; SameSite=Strict"
    );
    assert!(!set.contains(PASSWORD) && !set.contains(USER), "{set}");
    assert_eq!(
        body,
        json!({
            "user": USER, "auth": "on", "basic": true, "version": env!("CARGO_PKG_VERSION"),
            "time_zone": "America/Sao_Paulo", "modalidades": (1..=15).collect::<Vec<_>>(),
            "stream_url": "https://live.example.org", "viewer_url": "https://board.example.org",
            "unmapped_status": "available",
        })
    );

    let cookie = [("cookie", cookie)];
    let known = session(&world, &cookie).await;
    assert_eq!(ok(&known), body);
    assert_eq!(known.header("set-cookie"), None, "it is not renewed");
    for path in ["/sync/status", "/sync/history", "/openapi.json"] {
        ok(&http_get(&world.url(path), &cookie).await);
    }
    let force = world.url("/sync/force");
    let forced = http_request("POST", &force, &[cookie[0], OURS], b"").await;
    let id = ok(&forced)["request_id"].as_str().unwrap().to_owned();
    assert_eq!(world.row(id.parse().unwrap()).await["requested_by"], USER);
    world.shutdown().await;
}

#[tokio::test]
async fn a_session_ends_when_its_hours_are_over_and_is_not_prolonged() {
    let (clock, hand) = Clock::manual(Clock::system().now());
    let world = World::at(clock, |settings| settings.console.session_hours = 1).await;
    let cookie = signed_in(&world).await;
    let headers = [("cookie", &*cookie)];
    for _ in 0..2 {
        hand.advance(Duration::from_secs(1799));
        ok(&http_get(&world.url("/sync/status"), &headers).await);
        assert_eq!(ok(&session(&world, &headers).await)["user"], USER);
    }
    hand.advance(Duration::from_secs(2));
    forgotten(&http_get(&world.url("/sync/status"), &headers).await);
    let out = session(&world, &headers).await;
    assert_eq!(ok(&out)["user"], Value::Null);
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    world.shutdown().await;
}

#[tokio::test]
async fn a_session_from_the_future_is_refused() {
    let (clock, hand) = Clock::manual(Clock::system().now());
    let world = World::at(clock.clone(), |_| {}).await;
    let now = clock.now();
    hand.advance(Duration::from_mins(5));
    let cookie = signed_in(&world).await;
    hand.set(now);
    forgotten(&http_get(&world.url("/sync/status"), &[("cookie", &cookie)]).await);
    world.shutdown().await;
}

#[tokio::test]
async fn every_replica_with_the_same_key_knows_a_session_and_a_new_password_ends_it_there() {
    let world = World::with(keyed).await;
    let cookie = signed_in(&world).await;
    let headers = [("cookie", &*cookie)];
    let twin = world.replica(keyed);
    let stranger = world.replica(|_| {});
    let renewed = world.replica(|settings| {
        keyed(settings);
        settings.access.admin_password = Some("another password".into());
    });
    let renamed = world.replica(|settings| {
        keyed(settings);
        settings.access.admin_username = Some("maria".to_owned());
    });
    let ask = async |address| http_get(&format!("http://{address}/sync/status"), &headers).await;
    ok(&ask(twin.address).await);
    for other in [&stranger, &renewed, &renamed] {
        forgotten(&ask(other.address).await);
    }
    for replica in [twin, stranger, renewed, renamed] {
        replica.shutdown().await;
    }
    let world = world.restarted(keyed).await;
    ok(&ask(world.service.address).await);
    world.shutdown().await;
}

#[tokio::test]
async fn what_the_vault_of_credentials_sealed_is_no_session() {
    let world = World::with(keyed).await;
    let now = Clock::system().now().timestamp();
    let content = json!({"user": USER, "since": now, "fingerprint": ""});
    let content: Map<_, _> = content.as_object().unwrap().clone();
    let sealed = Vault::new(&KEY.into()).seal(&content);
    for value in [sealed, Value::Object(content).to_string()] {
        let cookie = format!("farol_session={value}");
        forgotten(&http_get(&world.url("/sync/status"), &[("cookie", &cookie)]).await);
    }
    world.shutdown().await;
}

#[tokio::test]
async fn an_authorization_header_wins_over_a_cookie() {
    let world = World::start().await;
    let cookie = signed_in(&world).await;
    let good = ("cookie", &*cookie);
    for headers in [[good, WRONG], [good, ("authorization", "Bearer x")]] {
        let answer = http_get(&world.url("/sync/status"), &headers).await;
        problem(&answer, 401, "unauthorized");
        assert_eq!(answer.header("set-cookie"), None, "the cookie is good");
        problem(&session(&world, &headers).await, 401, "unauthorized");
    }
    let bad = ("cookie", "farol_session=bad");
    ok(&http_get(&world.url("/sync/status"), &[bad, AUTHORIZATION]).await);
    assert_eq!(
        ok(&session(&world, &[bad, AUTHORIZATION]).await)["user"],
        USER
    );
    world.shutdown().await;
}

#[tokio::test]
async fn a_bad_cookie_is_no_guess_and_is_taken_away() {
    let world = World::with(|settings| settings.access.auth_failures_per_minute = 2).await;
    for cookie in [
        "farol_session=",
        "farol_session=nonsense",
        "a=b; farol_session=\"x\"; c=d",
        "farol_session=1; farol_session=2; farol_session=3",
    ] {
        forgotten(&http_get(&world.url("/sync/status"), &[("cookie", cookie)]).await);
    }
    let other = http_get(&world.url("/sync/status"), &[("cookie", "other=1")]).await;
    problem(&other, 401, "unauthorized");
    assert_eq!(other.header("set-cookie"), None, "it is not ours");
    // One that a neighbour has set beside it does not lock anybody out.
    let good = signed_in(&world).await;
    let both = format!("farol_session=tossed; {good}");
    ok(&http_get(&world.url("/sync/status"), &[("cookie", &both)]).await);
    world.shutdown().await;
}

#[tokio::test]
async fn with_a_session_whatever_acts_needs_the_header_of_the_console() {
    let world = World::start().await;
    let cookie = signed_in(&world).await;
    let cookie = ("cookie", &*cookie);
    let run = world.request().await;
    let task = world.row(run).await["task_id"].as_str().unwrap().to_owned();
    let acts = [
        ("POST", "/sync/force?overlap=queue".to_owned()),
        ("POST", format!("/sync/executions/{run}/cancel")),
        ("POST", format!("/api/tasks/{task}/cancel")),
        ("DELETE", format!("/api/tasks/{task}")),
        ("PUT", "/sync/status".to_owned()),
        ("PATCH", "/nothing".to_owned()),
        ("POST", "/api/deployments/version".to_owned()),
    ];
    // As forms and scripts of other origins can send it without asking first: what is missing cannot be made up for by
    // odd types of bodies, or by other values.
    for (method, path) in &acts {
        for headers in [
            &[cookie][..],
            &[cookie, ("content-type", "text/plain")],
            &[
                cookie,
                ("content-type", "application/x-www-form-urlencoded"),
            ],
            &[cookie, ("content-type", "multipart/form-data; boundary=x")],
            &[cookie, ("x-requested-with", "XMLHttpRequest")],
            &[cookie, ("x-requested-with", "Farol-Console")],
            &[cookie, ("x-requested-with", "")],
            &[cookie, ("sec-fetch-site", "same-origin")],
            &[cookie, OURS, ("sec-fetch-site", "cross-site")],
            &[cookie, OURS, ("sec-fetch-site", "same-site")],
        ] {
            let body = br#"{"mode":"update","ignored":"="}"#;
            let answer = http_request(method, &world.url(path), headers, body).await;
            problem(&answer, 403, "cross_site");
        }
    }
    assert_eq!(world.runs().await, 1);
    assert_eq!(world.row(run).await["state"], "queued");
    // A preflight is not answered with leave.
    let preflight = [
        ("origin", "https://evil.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "x-requested-with"),
        cookie,
    ];
    for path in ["/sync/force", "/console/session"] {
        let answer = http_request("OPTIONS", &world.url(path), &preflight, b"").await;
        assert_eq!(answer.status(), 405, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
        assert_eq!(
            answer.header("access-control-allow-headers"),
            None,
            "{path}"
        );
    }
    for site in ["same-origin", "none"] {
        let headers = [cookie, OURS, ("sec-fetch-site", site)];
        let url = world.url("/sync/force?overlap=queue");
        ok(&http_request("POST", &url, &headers, b"").await);
    }
    world.shutdown().await;
}

#[tokio::test]
async fn nobody_is_signed_in_or_out_by_a_page_of_another_site() {
    let world = World::with(|settings| settings.access.auth_failures_per_minute = 1).await;
    let cookie = signed_in(&world).await;
    let url = world.url("/console/session");
    for method in ["POST", "DELETE"] {
        for headers in [
            &[AUTHORIZATION][..],
            &[WRONG, ("content-type", "text/plain")],
            &[AUTHORIZATION, ("x-requested-with", "fetch")],
            &[AUTHORIZATION, OURS, ("sec-fetch-site", "cross-site")],
            &[WRONG, OURS, ("sec-fetch-site", "same-site")],
            &[("cookie", &cookie)],
        ] {
            let answer = http_request(method, &url, headers, b"").await;
            problem(&answer, 403, "cross_site");
            assert_eq!(answer.header("set-cookie"), None);
        }
    }
    // None of it was a guess.
    signed_in(&world).await;
    world.shutdown().await;
}

#[tokio::test]
async fn only_name_and_password_begin_a_session_and_guesses_at_them_are_limited() {
    let world = World::with(|settings| settings.access.auth_failures_per_minute = 2).await;
    let cookie = signed_in(&world).await;
    for headers in [&[OURS][..], &[OURS, ("cookie", &cookie)]] {
        let answer = sign_in(&world, headers).await;
        problem(&answer, 401, "unauthorized");
        assert_eq!(answer.head.all("www-authenticate"), ["Session"]);
    }
    for _ in 0..2 {
        let answer = sign_in(&world, &[WRONG, OURS]).await;
        problem(&answer, 401, "unauthorized");
        assert_eq!(answer.head.all("www-authenticate"), ["Session"]);
        assert_eq!(answer.header("set-cookie"), None);
    }
    let locked = sign_in(&world, &[AUTHORIZATION, OURS]).await;
    problem(&locked, 429, "too_many_failed_logins");
    assert_eq!(locked.header("set-cookie"), None);
    // Whoever is in stays in.
    ok(&http_get(&world.url("/sync/status"), &[("cookie", &cookie)]).await);
    world.shutdown().await;
}

#[tokio::test]
async fn the_console_is_never_asked_for_basic_credentials() {
    let world = World::with(|settings| {
        settings.jwt.jwt_hs256_secret = Some("a secret of thirty-two bytes: 32!".into());
    })
    .await;
    let over = ("cookie", "farol_session=over");
    for (headers, challenges) in [
        (&[][..], ["Basic", "Bearer"]),
        (
            &[("x-requested-with", "XMLHttpRequest")],
            ["Basic", "Bearer"],
        ),
        (&[OURS], ["Session", "Bearer"]),
        (&[OURS, over], ["Session", "Bearer"]),
        (&[OURS, WRONG], ["Session", "Bearer"]),
    ] {
        for path in ["/sync/status", "/nothing"] {
            let answer = http_get(&world.url(path), headers).await;
            problem(&answer, 401, "unauthorized");
            let told = answer.head.all("www-authenticate");
            let told = told.iter().map(|it| it.split(' ').next().unwrap());
            assert_eq!(told.collect::<Vec<_>>(), challenges, "{path}");
        }
    }
    world.shutdown().await;
}

#[tokio::test]
async fn signing_out_makes_this_browser_forget() {
    let world = World::start().await;
    let cookie = signed_in(&world).await;
    for headers in [&[OURS, ("cookie", &*cookie)][..], &[OURS]] {
        let url = world.url("/console/session");
        let answer = http_request("DELETE", &url, headers, b"").await;
        assert_eq!(answer.status(), 204);
        assert_eq!(
            answer.header("set-cookie"),
            Some("farol_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict")
        );
    }
    world.shutdown().await;
}

#[tokio::test]
async fn behind_a_proxy_of_ours_that_speaks_tls_the_cookie_is_for_tls_alone() {
    let proto = ("x-forwarded-proto", "https");
    let trusting = World::with(|settings| {
        settings.access.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let doubting = World::start().await;
    for (world, proto, secure) in [
        (&trusting, Some(proto), true),
        (&trusting, Some(("x-forwarded-proto", "http")), false),
        (&trusting, None, false),
        (&doubting, Some(proto), false),
    ] {
        let headers: Vec<_> = [AUTHORIZATION, OURS].into_iter().chain(proto).collect();
        let url = world.url("/console/session");
        for method in ["POST", "DELETE"] {
            let answer = http_request(method, &url, &headers, b"").await;
            let set = answer.header("set-cookie").unwrap();
            assert_eq!(set.ends_with("; Secure"), secure, "{proto:?}: {set}");
        }
    }
    trusting.shutdown().await;
    doubting.shutdown().await;
}

#[tokio::test]
async fn with_the_door_off_everybody_is_anonymous_and_nobody_signs_in() {
    let world = World::with(|settings| settings.access.admin_auth = AdminAuth::Off).await;
    for answer in [
        session(&world, &[]).await,
        session(&world, &[WRONG]).await,
        sign_in(&world, &[OURS]).await,
    ] {
        let body = ok(&answer);
        assert_eq!(
            (&body["user"], &body["auth"], &body["basic"]),
            (&json!("anonymous"), &json!("off"), &json!(false))
        );
        assert_eq!(body["time_zone"], "America/Sao_Paulo");
        assert_eq!(answer.header("set-cookie"), None);
    }
    world.shutdown().await;
}

#[tokio::test]
async fn where_only_tokens_are_known_nobody_signs_in() {
    let world = World::with(|settings| {
        settings.access.admin_username = None;
        settings.access.admin_password = None;
        settings.jwt.jwt_hs256_secret = Some("a secret of thirty-two bytes: 32!".into());
    })
    .await;
    let out = ok(&session(&world, &[]).await);
    assert_eq!(out, json!({"user": null, "auth": "on", "basic": false}));
    let answer = sign_in(&world, &[AUTHORIZATION, OURS]).await;
    problem(&answer, 401, "unauthorized");
    assert_eq!(
        answer.header("www-authenticate"),
        Some(r#"Bearer realm="farol""#)
    );
    forgotten(&http_get(&world.url("/sync/status"), &[("cookie", "farol_session=x")]).await);
    world.shutdown().await;
}

#[tokio::test]
async fn neither_a_password_nor_a_cookie_is_ever_logged() {
    let nowhere = "postgres://ana:s3cret-of-db@127.0.0.1:9/farol";
    let mut service = ServiceProcess::spawn(
        "admin-sync-service",
        &[
            ("DATABASE_URL", nowhere),
            (
                "RABBITMQ_URL",
                "amqp://ana:s3cret-of-broker@127.0.0.1:9/%2f",
            ),
            ("SECRET_KEY", KEY),
            ("ADMIN_USERNAME", USER),
            ("ADMIN_PASSWORD", PASSWORD),
            ("LOG_LEVEL", "trace"),
            ("PORT", "0"),
            ("OPS_PORT", "0"),
            ("DRAIN_SECONDS", "0"),
        ],
    );
    let url = format!("http://{}/console/session", service.address("public").await);
    let answer = http_request("POST", &url, &[AUTHORIZATION, OURS], b"").await;
    ok(&answer);
    let cookie = cookie_of(&answer);
    let tossed = "farol_session=s3cret-of-a-neighbour";
    for headers in [
        &[("cookie", &*cookie)][..],
        &[("cookie", tossed)],
        &[WRONG, ("cookie", &cookie)],
        &[OURS, ("cookie", &cookie)],
    ] {
        for method in ["GET", "POST", "DELETE"] {
            http_request(method, &url, headers, b"").await;
            http_request(
                method,
                &url.replace("console/session", "sync/status"),
                headers,
                b"",
            )
            .await;
        }
    }
    service.sigterm();
    service.wait_exit().await;
    let output = service.output();
    assert!(output.contains("signed in to the console"), "{output}");
    let sealed = cookie.split_once('=').unwrap().1;
    for secret in [
        PASSWORD,
        AUTHORIZATION.1.trim_start_matches("Basic "),
        WRONG.1.trim_start_matches("Basic "),
        sealed,
        &sealed[..40],
        KEY,
        "s3cret",
    ] {
        assert!(!output.contains(secret), "{secret} in {output}");
    }
}
