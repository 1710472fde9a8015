//! The version stream, and announcements for it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use service_kit::settings::Url;
use test_kit::SseClient;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::bodies::fields;
use crate::live::{Live, closed};
use crate::world::World;

const PATH: &str = "/api/sse/utils/version?request_id=page-1";

async fn version(stream: &mut SseClient) -> Value {
    stream.expect("version").await.json()
}

async fn announce(live: &Live, body: Value) -> Value {
    let answer = live.world.post("/api/deployments/version", &body).await;
    assert_eq!(answer.status(), 202, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn a_page_learns_the_version_when_it_comes_and_whenever_it_changes() {
    let live = Live::start().await;
    let mut page = live.open(PATH).await;
    assert_eq!(
        version(&mut page).await,
        json!({"version": service_kit::VERSION})
    );
    let told = announce(&live, json!({"version": "2.0.0", "changelog": "all new"})).await;
    assert_eq!(
        told,
        json!({"requestId": null, "delivered": true, "status": "delivered"})
    );
    let new = json!({"version": "2.0.0", "changelog": "all new"});
    assert_eq!(version(&mut page).await, new);
    let mut late = live.open("/api/sse/utils/version?request_id=page-2").await;
    assert_eq!(version(&mut late).await, new);
    live.shutdown().await;
}

#[tokio::test]
async fn what_is_announced_for_one_page_reaches_that_page_only_and_waits_for_it() {
    let live = Live::start().await;
    for number in 0..12 {
        let body = json!({"version": format!("3.0.{number}"), "request_id": "page-1"});
        assert_eq!(
            announce(&live, body).await,
            json!({"requestId": "page-1", "delivered": false, "status": "queued"})
        );
    }
    let mut other = live.open("/api/sse/utils/version?request_id=page-2").await;
    version(&mut other).await;
    let mut page = live.open(PATH).await;
    assert_eq!(version(&mut page).await["version"], service_kit::VERSION);
    for number in 2..12 {
        assert_eq!(version(&mut page).await["version"], format!("3.0.{number}"));
    }
    let body = json!({"version": "4.0.0", "request_id": "page-1"});
    assert_eq!(announce(&live, body).await["status"], "delivered");
    assert_eq!(version(&mut page).await["version"], "4.0.0");
    announce(&live, json!({"version": "5.0.0"})).await;
    assert_eq!(version(&mut other).await["version"], "5.0.0");
    live.shutdown().await;
}

#[tokio::test]
async fn an_older_connection_of_the_same_page_is_told_that_it_is_replaced() {
    // Looks at the gateway so often that one falls between the replacement and the close.
    let live = Live::with(|settings| {
        settings.stream.sse_check_ms = Duration::from_millis(10);
    })
    .await;
    let mut old = live.open(PATH).await;
    version(&mut old).await;
    let mut new = live.open(PATH).await;
    version(&mut new).await;
    closed(&mut old, "replaced").await;
    live.connections_are(1).await;
    announce(&live, json!({"version": "2.0.0"})).await;
    assert_eq!(version(&mut new).await["version"], "2.0.0");
    live.shutdown().await;
}

#[tokio::test]
async fn the_frontend_s_own_file_is_followed() {
    let file = Arc::new(Mutex::new(r#"{"version":"1.0.0","built":7}"#.to_owned()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/version.json", listener.local_addr().unwrap());
    let mut server = JoinSet::new();
    let told = Arc::clone(&file);
    server.spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut head = [0; 4096];
            let _ = socket.read(&mut head).await;
            let body = told.lock().unwrap().clone();
            let size = body.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {size}\r\nconnection: close\r\n\r\n{body}"
            );
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    let live = Live::with(|settings| {
        settings.stream.frontend_version_url = Some(Url::parse(&url).unwrap());
        settings.stream.frontend_version_ms = Duration::from_millis(50);
    })
    .await;
    let mut page = live.open(PATH).await;
    assert_eq!(version(&mut page).await, json!({"version": "1.0.0"}));
    "garbage".clone_into(&mut file.lock().unwrap());
    r#"{"version":"1.1.0","changelog":"less"}"#.clone_into(&mut file.lock().unwrap());
    assert_eq!(
        version(&mut page).await,
        json!({"version": "1.1.0", "changelog": "less"})
    );
    live.shutdown().await;
}

#[tokio::test]
async fn an_announcement_that_cannot_be_is_refused_by_field() {
    let world = World::start().await;
    for (body, wrong) in [
        (json!({}), vec!["version"]),
        (json!([]), vec!["version"]),
        (json!({"version": ""}), vec!["version"]),
        (
            json!({"version": 7, "changelog": 7, "request_id": "a:b"}),
            vec!["version", "changelog", "request_id"],
        ),
        (
            json!({"version": "1", "request_id": ""}),
            vec!["request_id"],
        ),
    ] {
        let answer = world.post("/api/deployments/version", &body).await;
        assert_eq!(fields(&answer), wrong, "{body}");
    }
    let answer = world.post_with("/api/deployments/version", &[], b"{").await;
    assert_eq!(answer.status(), 400);
    world.shutdown().await;
}
