//! Who may come in: every route but the open ones asks, wrong guesses are limited by address, and other sites' pages are kept out.

use admin_sync_service::settings::{AdminAuth, Settings};
use argon2::{Argon2, Params, PasswordHasher as _};
use test_kit::{Answer, http_get, http_request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::bodies::{ok, problem};
use crate::world::{AUTHORIZATION, PASSWORD, World};

/// `ana:wrong`.
const WRONG: (&str, &str) = ("authorization", "Basic YW5hOndyb25n");

/// What needs no credentials: the gateway has a secret of its own (`live_callback.rs`), the console's shell and files are
/// the same for everybody, and its session judges by itself (`console_session.rs`).
const OPEN: [&str; 5] = [
    "/api/sse/callback",
    "/console",
    "/console-assets/{name}",
    "/console/session",
    "/console/{page}",
];

fn refused(answer: &Answer) {
    let body = problem(answer, 401, "unauthorized");
    assert_eq!(body["detail"], "Invalid credentials");
    let challenge = answer.header("www-authenticate").expect("a challenge");
    assert!(challenge.starts_with("Basic "), "{challenge}");
}

#[tokio::test]
async fn every_route_and_method_of_the_contract_asks_for_credentials() {
    let world = World::start().await;
    let contract = ok(&world.get("/openapi.json").await);
    let mut called = 0;
    let paths = contract["paths"].as_object().unwrap();
    assert!(OPEN.iter().all(|path| paths.contains_key(*path)));
    for (path, item) in paths
        .iter()
        .filter(|(path, _)| !OPEN.contains(&path.as_str()))
    {
        let path = path.replace("{id}", "1").replace("{name}", "docs.js");
        assert!(item.as_object().is_some_and(|methods| !methods.is_empty()));
        for method in [
            "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE",
        ] {
            let answer = http_request(method, &world.url(&path), &[], b"").await;
            assert_eq!(answer.status(), 401, "{method} {path}");
            assert!(
                answer.header("www-authenticate").is_some(),
                "{method} {path}"
            );
            called += 1;
        }
    }
    assert!(called > 80, "{called}");
    for path in [
        "/",
        "/nothing",
        "/sync",
        "/sync/status/",
        "/api/tasks/x/status",
        "/metrics",
    ] {
        refused(&http_get(&world.url(path), &[]).await);
    }
    assert_eq!(world.runs().await, 0);
    world.shutdown().await;
}

#[tokio::test]
async fn behind_the_door_what_is_not_there_is_not_found_and_a_wrong_method_names_the_right_ones() {
    let world = World::start().await;
    for path in [
        "/",
        "/sync",
        "/sync/executions",
        "/health/live",
        "/metrics",
        "/docs/other.js",
    ] {
        problem(&world.get(path).await, 404, "not_found");
    }
    for (method, path, allow) in [
        ("POST", "/sync/status", "GET"),
        ("GET", "/sync/force", "POST"),
        ("DELETE", "/sync/executions/1", "GET"),
        ("GET", "/sync/executions/1/cancel", "POST"),
        ("PUT", "/openapi.json", "GET"),
    ] {
        let answer = http_request(method, &world.url(path), &[AUTHORIZATION], b"").await;
        problem(&answer, 405, "method_not_allowed");
        assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn whatever_is_not_the_one_name_and_password_is_refused() {
    let world = World::with(|settings| settings.access.auth_failures_per_minute = 1000).await;
    for header in [
        "Basic YW5hOndyb25n",                 // ana:wrong
        "Basic bWFyaWE6czNjcmV0LW9mLWFuYQ==", // maria:s3cret-of-ana
        "Basic YW5hOg==",                     // ana:
        "Basic Og==",                         // :
        "Basic YW5h",                         // ana
        "Basic YW5hOnMzY3JldC1vZi1hbmE=x",
        "Basic",
        "Basic !!!!",
        "Bearer YW5hOnMzY3JldC1vZi1hbmE=",
        "YW5hOnMzY3JldC1vZi1hbmE=",
        "Basic YW5hOnMzY3JldC1vZi1hbmEA", // … and a NUL
    ] {
        refused(&http_get(&world.url("/sync/status"), &[("authorization", header)]).await);
    }
    let lower = http_get(
        &world.url("/sync/status"),
        &[("authorization", "basic YW5hOnMzY3JldC1vZi1hbmE=")],
    )
    .await;
    ok(&lower);
    world.shutdown().await;
}

#[tokio::test]
async fn wrong_guesses_lock_their_address_out_and_no_other() {
    let world = World::with(|settings| {
        settings.access.auth_failures_per_minute = 3;
        settings.access.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let from = |address: &'static str, header| [("x-forwarded-for", address), header];
    for _ in 0..5 {
        let bare = [("x-forwarded-for", "192.0.2.1")];
        refused(&http_get(&world.url("/sync/status"), &bare).await);
    }
    for _ in 0..3 {
        refused(&http_get(&world.url("/sync/status"), &from("192.0.2.1", WRONG)).await);
    }
    for header in [WRONG, AUTHORIZATION] {
        let answer = http_get(&world.url("/sync/status"), &from("192.0.2.1", header)).await;
        problem(&answer, 429, "too_many_failed_logins");
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
    }
    ok(&http_get(
        &world.url("/sync/status"),
        &from("192.0.2.2", AUTHORIZATION),
    )
    .await);
    refused(
        &http_get(
            &world.url("/sync/status"),
            &[("x-forwarded-for", "192.0.2.1")],
        )
        .await,
    );
    world.shutdown().await;
}

#[tokio::test]
async fn a_stranger_is_not_believed_about_its_address() {
    let world = World::with(|settings| settings.access.auth_failures_per_minute = 2).await;
    for address in ["192.0.2.1", "192.0.2.2"] {
        let headers = [("x-forwarded-for", address), WRONG];
        refused(&http_get(&world.url("/sync/status"), &headers).await);
    }
    let headers = [("x-forwarded-for", "192.0.2.3"), AUTHORIZATION];
    problem(
        &http_get(&world.url("/sync/status"), &headers).await,
        429,
        "too_many_failed_logins",
    );
    world.shutdown().await;
}

#[tokio::test]
async fn a_password_may_be_kept_as_a_hash() {
    let world = World::with(hashed).await;
    ok(&world.get("/sync/status").await);
    refused(&http_get(&world.url("/sync/status"), &[WRONG]).await);
    ok(&world.get("/sync/status").await);
    // The right password under another name, after it was found right once.
    let maria = [("authorization", "Basic bWFyaWE6czNjcmV0LW9mLWFuYQ==")];
    refused(&http_get(&world.url("/sync/status"), &maria).await);
    world.shutdown().await;
}

#[tokio::test]
async fn a_crowd_with_the_right_password_is_not_taken_for_guessers() {
    let world = World::with(|settings| {
        hashed(settings);
        settings.access.auth_failures_per_minute = 1;
    })
    .await;
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..30 {
        let url = world.url("/sync/status");
        asking.spawn(async move { http_get(&url, &[AUTHORIZATION]).await.status() });
    }
    assert!(
        asking
            .join_all()
            .await
            .into_iter()
            .all(|status| status == 200)
    );
    world.shutdown().await;
}

#[tokio::test]
async fn a_page_of_another_site_cannot_act_with_the_operators_credentials() {
    let world = World::start().await;
    for site in ["cross-site", "same-site"] {
        let answer = world
            .post_with("/sync/force", &[("sec-fetch-site", site)], b"")
            .await;
        problem(&answer, 403, "cross_site");
        let read = http_get(
            &world.url("/sync/status"),
            &[AUTHORIZATION, ("sec-fetch-site", site)],
        )
        .await;
        ok(&read);
    }
    assert_eq!(world.runs().await, 0);
    for site in ["same-origin", "none"] {
        ok(&world
            .post_with(
                "/sync/force?overlap=queue",
                &[("sec-fetch-site", site)],
                b"",
            )
            .await);
    }
    world.shutdown().await;
}

#[tokio::test]
async fn with_the_door_off_everybody_may_come_in() {
    let world = World::with(|settings| settings.access.admin_auth = AdminAuth::Off).await;
    for headers in [&[][..], &[WRONG]] {
        let answer = http_get(&world.url("/sync/status"), headers).await;
        assert_eq!(ok(&answer)["status"], "idle");
    }
    world.shutdown().await;
}

/// Over plain HTTP to another machine browsers send no `Sec-Fetch-Site`, but for what changes something an `Origin`.
#[tokio::test]
async fn a_page_of_another_origin_cannot_act_where_browsers_say_no_more_than_its_origin() {
    for auth in [AdminAuth::On, AdminAuth::Off] {
        let world = World::with(|settings| settings.access.admin_auth = auth).await;
        let address = world.service.address;
        let ours = format!("http://{address}");
        let force = async |headers: &[(&str, &str)]| {
            world
                .post_with("/sync/force?overlap=queue", headers, b"")
                .await
        };
        let port = address.port();
        for foreign in [
            "http://evil.lan",
            "null",
            "",
            &format!("http://localhost:{port}"),
            "http://127.0.0.1",
            &format!("{ours}.evil.example"),
            &format!("http://evil.example/{ours}"),
        ] {
            problem(&force(&[("origin", foreign)]).await, 403, "cross_site");
        }
        let read = [AUTHORIZATION, ("origin", "http://evil.lan")];
        ok(&http_get(&world.url("/sync/status"), &read).await);
        assert_eq!(world.runs().await, 0);
        // A proxy may have changed the scheme or the host: what the page cannot have added counts then.
        for headers in [
            &[("origin", ours.as_str())][..],
            &[("origin", &format!("https://{address}"))],
            &[
                ("origin", "http://evil.lan"),
                ("sec-fetch-site", "same-origin"),
            ],
            &[
                ("origin", "http://farol.lan"),
                ("x-requested-with", "farol-console"),
            ],
        ] {
            ok(&force(headers).await);
        }
        world.shutdown().await;
    }
}

/// Or any page could have its own name lead to this machine, and be of our origin.
#[tokio::test]
async fn with_the_door_off_nobody_is_answered_under_a_name_of_the_internet() {
    let world = World::with(|settings| settings.access.admin_auth = AdminAuth::Off).await;
    let guarded = World::start().await;
    for (host, status) in [
        ("evil.example", 403),
        ("127.0.0.1.evil.example:80", 403),
        ("localhost.evil.example.", 403),
        ("evillocalhost.example", 403),
        ("notlocal", 200),
        ("[", 403),
        ("127.0.0.1", 200),
        ("[::1]:8000", 200),
        ("192.0.2.1:8000", 200),
        ("localhost", 200),
        ("LOCALHOST.:8000", 200),
        ("farol-admin:8000", 200),
        ("admin.farol.svc.cluster.local", 200),
        ("farol.lan", 200),
    ] {
        for path in ["/sync/status", "/console/session"] {
            assert_eq!(asked_as(&world, host, path).await, status, "{host}{path}");
        }
        let shown = asked_as(&guarded, host, "/console/session").await;
        assert_eq!(shown, 200, "{host}");
    }
    world.shutdown().await;
    guarded.shutdown().await;
}

/// The status of a GET under a name.
async fn asked_as(world: &World, host: &str, path: &str) -> u16 {
    let mut stream = TcpStream::connect(world.service.address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn every_answer_has_the_headers_of_every_answer() {
    let world = World::start().await;
    for (path, headers) in [
        ("/sync/status", &[AUTHORIZATION][..]),
        ("/sync/status", &[]),
        ("/nothing", &[AUTHORIZATION]),
        ("/docs", &[AUTHORIZATION]),
    ] {
        let answer = http_get(&world.url(path), headers).await;
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        assert!(answer.header("x-request-id").is_some(), "{path}");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn the_page_to_try_the_api_is_all_ours_and_runs_no_inline_script() {
    let world = World::start().await;
    for (path, media_type) in [
        ("/docs", "text/html; charset=utf-8"),
        ("/docs/docs.js", "text/javascript; charset=utf-8"),
        ("/docs/docs.css", "text/css; charset=utf-8"),
    ] {
        let answer = world.get(path).await;
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(answer.header("content-type"), Some(media_type));
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert!(
            !answer.text().contains("http://") && !answer.text().contains("https://"),
            "{path}"
        );
    }
    let page = world.get("/docs").await;
    assert!(!page.text().contains("<style") && !page.text().contains("<script>"));
    world.shutdown().await;
}

/// The password as its hash, at little cost.
fn hashed(settings: &mut Settings) {
    let cheap = Argon2::from(Params::new(64, 1, 1, None).unwrap());
    let hash = cheap.hash_password_with_salt(PASSWORD.as_bytes(), b"a salt of ana's");
    settings.access.admin_password = None;
    settings.access.admin_password_hash = Some(hash.unwrap().to_string().into());
}
