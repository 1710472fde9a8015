//! What is remembered of requests, and answers that are held back.

use demo_world::{ClientApi, Fault};
use test_kit::{PATIENCE, wait_until};

use crate::client::{ask, hear, send};

#[tokio::test]
async fn requests_are_remembered_with_their_headers() {
    let api = ClientApi::start().unwrap();
    let tower = api.project("tower");
    ask(&tower, &[("X-Request-Id", "abc")]).await;
    let seen = tower.requests();
    assert_eq!((seen.len(), seen[0].method.as_str()), (1, "GET"));
    assert_eq!(
        (seen[0].path.as_str(), seen[0].header("x-REQUEST-id")),
        ("/tower/units", Some("abc"))
    );
}

#[tokio::test]
async fn held_requests_are_counted_at_once_and_answered_after_release() {
    let api = ClientApi::start().unwrap();
    let tower = api.project("tower");
    let gate = tower.hold();
    let (one, other) = (send(&tower, &[]).await, send(&tower, &[]).await);
    tower.wait_for_requests(2).await.unwrap();
    assert_eq!((tower.request_count(), tower.concurrent_max()), (2, 2));
    assert!(
        one.try_read(&mut [0; 1]).is_err(),
        "answered before the release"
    );
    gate.release();
    assert_eq!(
        (hear(one).await.status(), hear(other).await.status()),
        (200, 200)
    );
}

#[tokio::test]
async fn a_reader_that_gives_up_is_no_longer_in_flight() {
    let api = ClientApi::start().unwrap();
    let tower = api.project("tower");
    tower.set_fault(Fault::Silence);
    for round in 1..=3 {
        let stream = send(&tower, &[]).await;
        tower.wait_for_requests(round).await.unwrap();
        drop(stream);
        let gone = async || tower.in_flight() == 0;
        wait_until("the reader's leaving is noticed", PATIENCE, gone).await;
    }
    assert_eq!(tower.concurrent_max(), 1);
}

#[tokio::test]
async fn one_connection_carries_many_requests() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let api = ClientApi::start().unwrap();
    let tower = api.project("tower");
    tower.set_units([("A101", "sold")]);
    let mut stream = tokio::net::TcpStream::connect(api.address()).await.unwrap();
    let request = "GET /tower/units HTTP/1.1\r\nhost: x\r\n\r\n".repeat(3);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut all = Vec::new();
    while String::from_utf8_lossy(&all).matches("A101").count() < 3 {
        assert!(
            stream.read_buf(&mut all).await.unwrap() > 0,
            "closed too early"
        );
    }
    assert_eq!(tower.request_count(), 3);
}

#[tokio::test]
async fn a_stopped_api_frees_its_port() {
    let api = ClientApi::start().unwrap();
    let address = api.address();
    ask(&api.project("tower"), &[]).await;
    api.stop().await;
    let again = ClientApi::on(std::net::TcpListener::bind(address).unwrap()).unwrap();
    assert_eq!(ask(&again.project("tower"), &[]).await.status(), 200);
}
