//! The key server.

use serde_json::json;
use test_kit::{KeyServer, PATIENCE, http_get, wait_until};
use tokio::task::JoinSet;

#[tokio::test]
async fn it_publishes_the_key_that_it_signs_with() {
    let server = KeyServer::start().await;
    let (url, first) = (format!("{}/any/path", server.url()), server.jwks());
    assert_eq!(http_get(&url, &[]).await.json(), first);
    assert_eq!(first["keys"][0]["kid"], server.kid().as_str());
    let (claims, pem) = (json!({"sub": "ana"}), server.public_pem());
    let token = server.sign(&claims);
    server.rotate();
    assert_ne!(http_get(&url, &[]).await.json(), first);
    assert_ne!(server.public_pem(), pem);
    assert_ne!(server.sign(&claims), token);
    server.rotate();
    server.rotate();
    assert_eq!(server.sign(&claims), token, "the keys come round again");
    assert_eq!(server.requests(), 2);
    assert!(server.heads()[0].starts_with("GET /any/path HTTP/1.1\r\n"));
}

#[tokio::test]
async fn it_says_what_it_is_told_to_say_and_holds_its_tongue() {
    let server = KeyServer::start().await;
    server.answer(503, "busy");
    let told = http_get(&server.url(), &[]).await;
    assert_eq!((told.status(), told.text()), (503, "busy"));
    server.fall_silent();
    let (mut waiting, url) = (JoinSet::new(), server.url());
    waiting.spawn(async move { http_get(&url, &[]).await.status() });
    let heard = async || server.requests() == 2;
    wait_until("the request is heard", PATIENCE, heard).await;
    assert!(waiting.try_join_next().is_none());
    server.come_back();
    assert_eq!(waiting.join_next().await.unwrap().unwrap(), 200);
}

#[tokio::test]
#[should_panic(expected = "can be ")]
async fn while_it_is_away_connections_are_reset() {
    let server = KeyServer::start().await;
    server.go_away();
    http_get(&server.url(), &[]).await;
}
