//! How the keys of an issuer are learned: seldom, by one request for all, and with the last ones while it is away.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use service_kit::settings::ShutdownSettings;
use test_kit::{KeyServer, LogCapture, PATIENCE, wait_until};
use tokio::task::JoinSet;

use crate::issuer::{Reader, good, later};

const PAUSE: Duration = Duration::from_secs(10);
const FRESH: Duration = Duration::from_mins(5);

async fn asked(server: &KeyServer, times: usize) {
    let enough = async || server.requests() >= times;
    wait_until("the key server was asked", PATIENCE, enough).await;
    assert_eq!(server.requests(), times);
}

#[tokio::test]
async fn keys_are_looked_at_again_after_five_minutes() {
    let server = KeyServer::start().await;
    let reader = Reader::of_keycloak(&server);
    let token = server.sign(&good());
    assert_eq!(
        server.requests(),
        0,
        "nothing is asked before a token comes"
    );
    assert!(reader.believes(&token).await && reader.believes(&token).await);
    later(Duration::from_secs(299)).await;
    assert!(reader.believes(&token).await);
    assert_eq!(server.requests(), 1);
    later(Duration::from_secs(1)).await;
    server.rotate();
    assert_eq!(reader.refuses(&token).await, "an unknown key");
    assert_eq!(server.requests(), 2);
    assert_eq!(reader.fetches("ok"), 2);
}

#[tokio::test]
async fn a_new_key_is_found_by_one_more_request() {
    let server = KeyServer::start().await;
    let reader = Reader::of_keycloak(&server);
    let old = server.sign(&good());
    assert!(reader.believes(&old).await);
    later(PAUSE).await;
    server.rotate();
    let new = server.sign(&good());
    for _ in 0..3 {
        assert!(reader.believes(&new).await);
        reader.refuses(&old).await;
    }
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn names_of_keys_at_random_cost_one_request_in_ten_seconds() {
    let server = KeyServer::start().await;
    let reader = Reader::of_keycloak(&server);
    let unknown = |n: u32| {
        let header = json!({"alg": "RS256", "kid": format!("made-up-{n}")});
        server.sign_as(&header, &good())
    };
    for round in 1..=3 {
        for n in 0..20 {
            assert_eq!(reader.refuses(&unknown(n)).await, "an unknown key");
        }
        assert_eq!(server.requests(), round);
        assert!(reader.believes(&server.sign(&good())).await);
        later(PAUSE).await;
    }
}

#[tokio::test]
async fn a_crowd_before_cold_keys_is_one_request() {
    let server = KeyServer::start().await;
    let reader = Arc::new(Reader::of_keycloak(&server));
    server.fall_silent();
    let mut crowd = JoinSet::new();
    for _ in 0..50 {
        let (reader, token) = (Arc::clone(&reader), server.sign(&good()));
        crowd.spawn(async move { reader.believes(&token).await });
    }
    asked(&server, 1).await;
    server.come_back();
    assert!(crowd.join_all().await.into_iter().all(|believed| believed));
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn who_leaves_early_does_not_take_the_request_along() {
    let server = KeyServer::start().await;
    let reader = Arc::new(Reader::of_keycloak(&server));
    server.fall_silent();
    let mut first = JoinSet::new();
    let (one, token) = (Arc::clone(&reader), server.sign(&good()));
    first.spawn(async move { one.believes(&token).await });
    asked(&server, 1).await;
    first.shutdown().await;
    server.come_back();
    assert!(reader.believes(&server.sign(&good())).await);
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_key_server_that_is_away_at_first_is_found_later() {
    let server = KeyServer::start().await;
    let reader = Reader::of_keycloak(&server);
    let token = server.sign(&good());
    server.go_away();
    for _ in 0..3 {
        reader.cannot_tell(&token).await;
    }
    assert_eq!((server.requests(), reader.fetches("unreachable")), (1, 1));
    server.come_back();
    later(PAUSE).await;
    assert!(reader.believes(&token).await);
    assert_eq!((server.requests(), reader.fetches("ok")), (2, 1));
}

#[tokio::test]
async fn a_key_server_that_goes_away_later_is_replaced_by_its_last_keys_for_an_hour() {
    let server = KeyServer::start().await;
    let reader = Reader::of_keycloak(&server);
    let token = server.sign(&good());
    assert!(reader.believes(&token).await);
    server.go_away();
    later(FRESH).await;
    for _ in 0..3 {
        assert!(reader.believes(&token).await);
    }
    assert_eq!(server.requests(), 2);
    // Who waits for an attempt and who does not get the same answer, and attempts stay apart.
    later(PAUSE).await;
    assert!(reader.believes(&token).await);
    asked(&server, 3).await;
    let header = json!({"alg": "RS256", "kid": "of-this-hour"});
    reader.cannot_tell(&server.sign_as(&header, &good())).await;
    later(Duration::from_mins(55)).await;
    reader.cannot_tell(&token).await;
    server.come_back();
    later(PAUSE).await;
    assert!(reader.believes(&token).await);
}

#[tokio::test]
async fn a_key_server_that_hangs_is_waited_for_once() {
    let server = KeyServer::start().await;
    let reader = Arc::new(Reader::of_keycloak(&server));
    let token = server.sign(&good());
    assert!(reader.believes(&token).await);
    later(FRESH).await;
    server.fall_silent();
    let mut waiting = JoinSet::new();
    let (one, same) = (Arc::clone(&reader), token.clone());
    waiting.spawn(async move { one.believes(&same).await });
    asked(&server, 2).await;
    // The deadline is the only thing left that can happen, so paused time goes there by itself.
    tokio::time::pause();
    assert!(waiting.join_next().await.unwrap().unwrap());
    tokio::time::resume();
    assert_eq!(reader.fetches("unreachable"), 1);
    // The next attempt hangs as well, and nobody waits for it.
    assert!(reader.believes(&token).await);
    assert!(reader.believes(&token).await);
}

#[tokio::test]
async fn an_answer_without_keys_in_it_is_an_outage() {
    let key = |change: Value| {
        let mut key = json!({"kty": "RSA", "kid": "test-key-1", "n": "AQAB", "e": "AQAB"});
        for (name, value) in change.as_object().unwrap() {
            key[name] = value.clone();
        }
        json!({ "keys": [key] }).to_string()
    };
    for (status, body) in [
        (200, "<html>".to_owned()),
        (200, String::new()),
        (200, "{}".to_owned()),
        (200, r#"{"keys": []}"#.to_owned()),
        (200, r#"{"keys": {}}"#.to_owned()),
        (200, key(json!({"kty": "EC"}))),
        (200, key(json!({"use": "enc"}))),
        (200, key(json!({"alg": "RS512"}))),
        (200, format!("{}{}", key(json!({})), " ".repeat(256 * 1024))),
        (404, key(json!({}))),
        (500, "hunter2".to_owned()),
    ] {
        let server = KeyServer::start().await;
        let reader = Reader::of_keycloak(&server);
        server.answer(status, body.clone());
        let why = reader.cannot_tell(&server.sign(&good())).await;
        assert!(!why.contains("hunter2"), "{why}");
        assert_eq!(reader.fetches("unusable"), 1, "{status} {body:.80}");
    }
}

#[tokio::test]
async fn what_a_key_server_babbles_later_does_not_cost_the_last_keys() {
    let server = KeyServer::start().await;
    let reader = Reader::of_keycloak(&server);
    let token = server.sign(&good());
    assert!(reader.believes(&token).await);
    server.answer(200, r#"{"keys": []}"#);
    later(FRESH).await;
    assert!(reader.believes(&token).await);
    assert_eq!(reader.fetches("unusable"), 1);
}

#[tokio::test]
async fn a_short_key_proves_nothing() {
    let server = KeyServer::start().await;
    let reader = Reader::of_keycloak(&server);
    // 17 bits, and public exponent 1, under which every signature is its own message.
    for (n, e) in [("AQAB", "AQAB"), (modulus(&server).as_str(), "AQ")] {
        let key = json!({"kty": "RSA", "kid": "test-key-1", "n": n, "e": e});
        server.answer(200, json!({ "keys": [key] }).to_string());
        let why = reader.refuses(&server.sign(&good())).await;
        assert_eq!(why, "the signature does not match");
        later(FRESH).await;
    }
}

#[tokio::test]
async fn a_token_that_names_no_key_is_tried_with_the_only_one() {
    let server = KeyServer::start().await;
    let reader = Reader::of_keycloak(&server);
    let nameless = server.sign_as(&json!({"alg": "RS256"}), &good());
    assert!(reader.believes(&nameless).await);
    let mut two = server.jwks();
    server.rotate();
    let other = server.jwks()["keys"][0].clone();
    two["keys"].as_array_mut().unwrap().push(other);
    server.answer(200, two.to_string());
    later(FRESH).await;
    reader.refuses(&nameless).await;
}

#[tokio::test]
async fn an_outage_is_one_line_without_the_token() {
    let log = LogCapture::start();
    let server = KeyServer::start().await;
    let reader = Reader::of_keycloak(&server);
    let token = server.sign(&good());
    // A status that no other test of this process makes a key server answer.
    server.answer(418, "");
    for _ in 0..3 {
        reader.cannot_tell(&token).await;
        later(PAUSE).await;
    }
    assert_eq!(server.requests(), 3);
    let text = log.text();
    let lines = text.lines().filter(|line| line.contains("status 418"));
    assert_eq!(lines.count(), 1, "{text}");
    log.assert_silent_about(&token);
}

#[tokio::test]
async fn a_process_that_is_leaving_waits_for_no_key_server() {
    let server = KeyServer::start().await;
    let reader = Arc::new(Reader::of_keycloak(&server));
    server.fall_silent();
    let mut waiting = JoinSet::new();
    let (one, token) = (Arc::clone(&reader), server.sign(&good()));
    waiting.spawn(async move { one.cannot_tell(&token).await });
    asked(&server, 1).await;
    reader.lifecycle.trigger();
    let life = reader.lifecycle.clone();
    let code = life.run_until_stopped(&ShutdownSettings::default()).await;
    assert_eq!(code, std::process::ExitCode::SUCCESS);
    waiting.join_next().await.unwrap().unwrap();
}

fn modulus(server: &KeyServer) -> String {
    let key = &server.jwks()["keys"][0];
    key["n"].as_str().unwrap().to_owned()
}
