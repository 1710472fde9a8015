//! Backends that are not there or do not finish: what is known for sure is a rejection, and only the rest is taken back.

use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::backend::Act;
use crate::world::{World, judge};

/// An address at which connections are neither taken nor refused: its queue of two is full.
struct BlackHole {
    address: SocketAddr,
    _listener: Socket,
    _queue: Vec<TcpStream>,
}

impl BlackHole {
    async fn open() -> Self {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        listener.bind(&any.into()).unwrap();
        listener.listen(1).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let mut queue = Vec::new();
        // A connect that finds room is done at once.
        let room = Duration::from_millis(200);
        while let Ok(stream) = timeout(room, TcpStream::connect(address)).await {
            queue.push(stream.unwrap());
        }
        Self {
            address,
            _listener: listener,
            _queue: queue,
        }
    }

    fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

#[tokio::test]
async fn a_rejection_is_one_whatever_becomes_of_its_body() {
    let world = World::start().await;
    for (act, status, code) in [
        (Act::BreakOff(403), 403, "BACKEND_FORBIDDEN"),
        (Act::BreakOff(302), 502, "BACKEND_ERROR"),
        (Act::Drag(401), 401, "BACKEND_AUTH_FAILED"),
        (Act::Say(500, "x".repeat(2_000_000)), 500, "BACKEND_ERROR"),
    ] {
        world.backend.on_connect(act);
        judge(&world.get("/s").await, status, code);
    }
    world.all_told().await;
    assert!(world.backend.calls_of("disconnect").is_empty());
    world.shutdown().await;
}

#[tokio::test]
async fn a_disconnect_is_taken_by_a_status_alone() {
    let world = World::start().await;
    let (stream, _) = world.stream("/s").await;
    world.backend.on_disconnect(|| Act::BreakOff(410));
    drop(stream);
    world.backend.wait_for("disconnect", 1).await;
    world.all_told().await;
    assert_eq!(world.backend.calls_of("disconnect").len(), 1);
    world.shutdown().await;
}

#[tokio::test]
async fn a_backend_that_takes_no_connection_is_unavailable() {
    let hole = BlackHole::open().await;
    let world = World::with(|settings| {
        settings.callback.callback_url = Some(hole.url().into());
    })
    .await;
    judge(&world.get("/s").await, 503, "BACKEND_UNAVAILABLE");
    world.all_told().await;
    world.shutdown().await;
}

#[tokio::test]
async fn a_connect_that_was_never_sent_is_not_taken_back() {
    let hole = BlackHole::open().await;
    let world = World::with(|settings| {
        settings.callback.callback_url = Some(hole.url().into());
        settings.callback.callback_timeout_ms = Some(Duration::from_millis(50));
        settings.callback.callback_settle_ms = Some(Duration::from_millis(200));
    })
    .await;
    judge(&world.get("/s").await, 504, "GATEWAY_TIMEOUT");
    world.all_told().await;
    let name = r#"gateway_disconnects_total{reason="error"}"#;
    assert!(world.metric(name).await.abs() < 0.1);
    world.shutdown().await;
}
