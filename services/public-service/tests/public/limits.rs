//! What one address, and all together, may take, and how those are told who get
//! nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use test_kit::{SseClient, http_get};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::answers::{judge_problem, retry_after};
use crate::raw::{Raw, header};
use crate::world::{World, waiting};

const UNITS: [(&str, &str); 1] = [("A101", "available")];

/// What our writer answers to a GET of the stream with these headers.
async fn refused_by_our_writer(world: &World, headers: &str) -> (String, serde_json::Value) {
    let mut raw = Raw::connect(world.address).await;
    raw.send(format!(
        "GET /api/public/tower/status/stream HTTP/1.1\r\nHost: x\r\n{headers}\r\n"
    ))
    .await;
    let (head, body) = raw.answer().await;
    (head, serde_json::from_slice(&body).unwrap())
}

/// Streams refused so far: because all places were taken, because one client had its share.
async fn refused(world: &World) -> (u64, u64) {
    let count = async |reason| {
        let name = format!("public_streams_refused_total{{reason=\"{reason}\"}}");
        world.count(&name).await
    };
    (count("full").await, count("client_full").await)
}

#[tokio::test]
async fn no_more_streams_are_open_than_there_are_seats() {
    let world = World::with(|settings| settings.limit.max_streams = 2).await;
    world.project("tower", &UNITS).await;
    let mut first = world.stream("tower").await;
    let second = world.stream("tower").await;
    first.skip_to("status_update").await;
    assert_eq!(world.count("public_streams_max").await, 2);
    assert_eq!(refused(&world).await, (0, 0));

    let url = world.stream_url("tower");
    let third = http_get(&url, &[]).await;
    judge_problem(&third, 503, "too_many_streams", "over actix");
    assert!((2..=10).contains(&retry_after(&third)));
    let (head, body) = refused_by_our_writer(&world, "").await;
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert_eq!(body["code"], "too_many_streams");
    let wait: u64 = header(&head, "retry-after").unwrap().parse().unwrap();
    assert!((2..=10).contains(&wait));
    assert_eq!(refused(&world).await, (2, 0));
    assert_eq!(
        world.status("tower").await.status(),
        200,
        "a GET takes no seat"
    );

    drop(second);
    world.streams_are(1).await;
    let mut third = world.stream("tower").await;
    third.expect("connected").await;
    world.shutdown().await;
}

#[tokio::test]
async fn those_who_are_refused_do_not_all_come_back_at_once() {
    let world = World::with(|settings| settings.limit.max_streams = 1).await;
    world.project("tower", &UNITS).await;
    let _only = world.stream("tower").await;
    let mut waits = BTreeSet::new();
    for _ in 0..40 {
        let answer = http_get(&world.stream_url("tower"), &[]).await;
        waits.insert(retry_after(&answer));
    }
    assert!(waits.len() >= 4, "{waits:?}");
    assert!(waits.iter().all(|wait| (2..=10).contains(wait)));
    world.shutdown().await;
}

#[tokio::test]
async fn one_address_gets_its_share_and_another_its_own() {
    let world = World::with(|settings| {
        settings.limit.max_streams_per_ip = 2;
        settings.limit.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    world.project("tower", &UNITS).await;
    let mine = [("x-forwarded-for", "203.0.113.9, 192.0.2.1")];
    let first = world.stream_with("tower", "", &mine).await;
    let second = world.stream_with("tower", "", &mine).await;

    // What stands left of the address is the client's own claim.
    for claim in ["192.0.2.1", "198.51.100.4, 192.0.2.1", "192.0.2.1:4711"] {
        let headers = [("x-forwarded-for", claim)];
        let answer = http_get(&world.stream_url("tower"), &headers).await;
        judge_problem(&answer, 429, "too_many_streams_of_client", claim);
        assert!((2..=10).contains(&retry_after(&answer)));
        let header_line = format!("X-Forwarded-For: {claim}\r\n");
        let (head, body) = refused_by_our_writer(&world, &header_line).await;
        assert!(head.starts_with("HTTP/1.1 429 "), "{claim}: {head}");
        assert_eq!(
            body["detail"],
            json!("Too many open streams of this client")
        );
        assert!(header(&head, "retry-after").is_some());
    }
    assert_eq!(refused(&world).await, (0, 6));
    let theirs = [("x-forwarded-for", "192.0.2.2")];
    let other = world.stream_with("tower", "", &theirs).await;

    drop(first);
    world.streams_are(2).await;
    let again = world.stream_with("tower", "", &mine).await;
    drop((second, other, again));
    world.shutdown().await;
}

#[tokio::test]
async fn a_claim_that_is_no_text_does_not_hide_the_address_behind_it() {
    let world = World::with(|settings| {
        settings.limit.max_streams_per_ip = 1;
        settings.limit.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    world.project("tower", &UNITS).await;
    for (address, version) in [("192.0.2.1", "HTTP/1.1"), ("192.0.2.2", "HTTP/1.0")] {
        let mine = [("x-forwarded-for", address)];
        let only = world.stream_with("tower", "", &mine).await;
        let mut again = Raw::connect(world.address).await;
        let get = format!("GET /api/status/tower/stream {version}\r\nHost: x\r\n");
        let claim = [b"X-Forwarded-For: \xff, ", address.as_bytes()].concat();
        again
            .send(get)
            .await
            .send(claim)
            .await
            .send("\r\n\r\n")
            .await;
        let (head, _) = again.answer().await;
        assert!(head.contains(" 429 "), "{version}: {head}");
        only.close();
    }
    world.shutdown().await;
}

#[tokio::test]
async fn an_ipv6_customer_is_one_client_in_a_whole_network() {
    let world = World::with(|settings| {
        settings.limit.max_streams_per_ip = 1;
        settings.limit.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    world.project("tower", &UNITS).await;
    let from = |address: &'static str| [("x-forwarded-for", address)];
    let one = world.stream_with("tower", "", &from("2001:db8::1")).await;
    let answer = http_get(&world.stream_url("tower"), &from("2001:db8::ffff")).await;
    assert_eq!(answer.status(), 429);
    let two = world
        .stream_with("tower", "", &from("2001:db8:0:1::1"))
        .await;
    drop((one, two));
    world.shutdown().await;
}

#[tokio::test]
async fn a_stranger_is_not_believed_about_addresses() {
    let world = World::with(|settings| settings.limit.max_streams_per_ip = 1).await;
    world.project("tower", &UNITS).await;
    let claims = [("x-forwarded-for", "192.0.2.1")];
    let only = world.stream_with("tower", "", &claims).await;
    let others = [("x-forwarded-for", "192.0.2.2")];
    let answer = http_get(&world.stream_url("tower"), &others).await;
    assert_eq!(answer.status(), 429);
    let (head, _) = refused_by_our_writer(&world, "X-Forwarded-For: 192.0.2.3\r\n").await;
    assert!(head.starts_with("HTTP/1.1 429 "), "{head}");
    drop(only);
    world.shutdown().await;
}

#[tokio::test]
async fn a_seat_that_was_refused_or_left_is_not_lost() {
    let world = World::with(|settings| {
        settings.limit.max_streams = 3;
        settings.limit.max_streams_per_ip = 3;
    })
    .await;
    world.project("tower", &UNITS).await;
    for round in 0..10 {
        let streams = [
            world.stream("tower").await,
            world.stream("tower").await,
            world.stream("tower").await,
        ];
        for path in ["nobody", "tower"] {
            let answer = http_get(&world.stream_url(path), &[]).await;
            assert!(matches!(answer.status(), 404 | 503), "{round}");
        }
        streams.into_iter().for_each(SseClient::close);
        world.streams_are(0).await;
    }
    assert_eq!(world.count("public_streams_open").await, 0);
    world.shutdown().await;
}

#[tokio::test]
async fn who_asks_for_slugs_at_random_leaves_room_for_the_settings_of_the_known() {
    let world = World::with(|settings| settings.database.db_pool_size = 4).await;
    world.project("tower", &UNITS).await;
    world.status("tower").await;
    let mut owner = world.database.owner_pool().begin().await.unwrap();
    let lock = "LOCK TABLE projects IN ACCESS EXCLUSIVE MODE";
    sqlx::query(lock).execute(&mut *owner).await.unwrap();
    let mut strangers = JoinSet::new();
    let began = Instant::now();
    for n in 0..40 {
        let url = world.url(&format!("/api/status/random-{n}"));
        strangers.spawn(async move { http_get(&url, &[]).await });
    }

    let mut most = 0;
    while !strangers.is_empty() {
        let now = waiting(&world).await;
        // Lookups are given up after two seconds. The server goes on waiting for those a
        // while, beside the next ones: what it counts then says nothing of us.
        if began.elapsed() < Duration::from_secs(2) {
            most = now.max(most);
        }
        while let Some(answer) = strangers.try_join_next() {
            let answer = answer.unwrap();
            judge_problem(&answer, 503, "database_unavailable", "a stranger");
        }
    }

    assert_eq!(most, 3, "two lookups, and the settings");
    owner.rollback().await.unwrap();
    world.shutdown().await;
}
