//! The end of a gateway: in order, in a hurry, and without warning.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use test_kit::{PATIENCE, ServiceProcess, SseClient, http_get, wait_until};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::backend::{Act, Backend};
use crate::world::{World, judge};

const CROWD: usize = 500;

fn process(backend: &Backend) -> ServiceProcess {
    let url = format!("http://{}/", backend.address);
    let environment = [
        ("CALLBACK_URL", url.as_str()),
        ("HOST", "127.0.0.1"),
        ("PORT", "0"),
        ("OPS_PORT", "0"),
        ("DRAIN_SECONDS", "2"),
    ];
    ServiceProcess::spawn("sse-gateway", &environment)
}

async fn crowd(address: &str) -> Vec<SseClient> {
    let mut opening = JoinSet::new();
    for number in 0..CROWD {
        let url = format!("http://{address}/s/{number}");
        opening.spawn(async move { SseClient::connect(&url, &[]).await });
    }
    opening.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_with_500_streams_ends_each_with_a_hint_and_tells_every_disconnect() {
    test_kit::raise_fd_limit();
    let backend = Backend::start().await;
    let mut gateway = process(&backend);
    let address = gateway.address("public").await;
    let clients = crowd(&address).await;
    gateway.sigterm();
    let mut retries = BTreeSet::new();
    for mut client in clients {
        assert!(client.read_to_end().await.is_empty());
        assert!(!client.cut_short(), "ended, not cut");
        retries.insert(client.retry().expect("a hint when to come back"));
    }
    assert!(
        retries.len() > CROWD / 10,
        "the comebacks are spread: {}",
        retries.len()
    );
    assert_eq!(gateway.wait_exit().await, Some(0), "{}", gateway.output());
    let told = backend.calls_of("disconnect");
    let tokens: BTreeSet<String> = told.iter().map(crate::backend::Call::token).collect();
    assert_eq!((told.len(), tokens.len()), (CROWD, CROWD));
    assert!(
        told.iter()
            .all(|call| call.json["reason"] == "server_closed")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn after_kill_9_with_500_streams_the_next_process_is_another_instance_with_nobody() {
    test_kit::raise_fd_limit();
    let backend = Backend::start().await;
    let mut gateway = process(&backend);
    let address = gateway.address("public").await;
    let clients = crowd(&address).await;
    let instance = backend.calls_of("connect")[0].json["instance"].clone();
    gateway.kill9();
    for mut client in clients {
        client.read_to_end().await;
        assert!(client.cut_short());
    }
    gateway.wait_exit().await;
    assert!(
        backend.calls_of("disconnect").is_empty(),
        "the dead tell nothing"
    );

    let next = process(&backend);
    let address = next.address("public").await;
    let listed = http_get(&format!("http://{address}/internal/connections"), &[])
        .await
        .json();
    assert_ne!(listed["instance"]["id"], instance["id"]);
    assert_eq!(listed["connections"].as_array().map(Vec::len), Some(0));
}

#[tokio::test]
async fn while_draining_it_is_not_ready_and_takes_nobody() {
    let world = World::with(|settings| {
        settings.shutdown.drain_seconds = Duration::from_secs(4);
    })
    .await;
    let (mut stream, token) = world.stream("/s").await;
    // Both were there before the stop, as a load balancer's connections are.
    let mut kept = Kept::open(&world).await;
    let mut other = Kept::open(&world).await;
    // A head that has begun is still answered.
    kept.begin("GET /readyz").await;
    other.begin("GET /s").await;
    world.lifecycle.trigger();
    wait_until("the listener is closed", PATIENCE, async || {
        tokio::net::TcpStream::connect(world.address).await.is_err()
    })
    .await;
    let ready = kept.finish().await;
    assert!(
        ready.starts_with("HTTP/1.1 503 ") && ready.contains("not_ready"),
        "{ready}"
    );
    let refused = other.finish().await;
    assert!(
        refused.starts_with("HTTP/1.1 503 ") && refused.contains("DRAINING"),
        "{refused}"
    );
    assert!(refused.contains("Retry-After: "), "{refused}");
    assert!(stream.read_to_end().await.is_empty());
    assert!(!token.is_empty());
    world.shutdown().await;
}

#[tokio::test]
async fn a_connect_under_way_at_the_stop_is_opened_and_ended_in_order() {
    let world = World::start().await;
    world.backend.on_connect(Act::ok().after(300));
    let url = world.url("/s");
    let mut client = JoinSet::new();
    client.spawn(async move {
        let mut stream = SseClient::connect(&url, &[]).await;
        stream.read_to_end().await;
        assert!(!stream.cut_short());
    });
    world.backend.wait_for("connect", 1).await;
    world.lifecycle.trigger();
    client.join_all().await;
    let told = world.backend.wait_for("disconnect", 1).await;
    assert_eq!(told[0].json["reason"], "server_closed");
    world.shutdown().await;
}

#[tokio::test]
async fn a_connect_that_hangs_does_not_outlive_the_drain() {
    let world = World::start().await;
    world.backend.on_connect(Act::Hang);
    let url = world.url("/s");
    let mut client = JoinSet::new();
    client.spawn(async move { http_get(&url, &[]).await });
    world.backend.wait_for("connect", 1).await;
    world.lifecycle.trigger();
    judge(&client.join_all().await[0], 504, "GATEWAY_TIMEOUT");
    world.backend.wait_for("disconnect", 1).await;
    world.shutdown().await;
}

#[tokio::test]
async fn disconnects_that_nobody_takes_are_counted_in_the_exit() {
    let backend = Backend::start().await;
    let mut gateway = process(&backend);
    let address = gateway.address("public").await;
    let one = SseClient::connect(&format!("http://{address}/1"), &[]).await;
    let two = SseClient::connect(&format!("http://{address}/2"), &[]).await;
    backend.on_disconnect(|| Act::status(500));
    gateway.sigterm();
    let code = timeout(PATIENCE, gateway.wait_exit()).await.unwrap();
    assert_eq!(code, Some(1));
    let line = gateway
        .wait_for_line("the number", |line| line.json["untold"] == 2)
        .await;
    assert_eq!(line.json["level"], "ERROR");
    drop((one, two));
}

#[tokio::test]
async fn a_reader_that_takes_nothing_does_not_hold_up_the_stop() {
    let world = World::start().await;
    let stream = SseClient::connect_narrow(&world.url("/s"), &[], 4096).await;
    let token = world.backend.calls_of("connect")[0].token();
    for _ in 0..4 {
        world.send(&token, "x", &"x".repeat(100_000)).await;
    }
    assert_eq!(world.stop().await, ExitCode::SUCCESS);
    drop(stream);
}

/// A connection that is kept between requests.
struct Kept(tokio::net::TcpStream);

impl Kept {
    async fn open(world: &World) -> Self {
        Self(tokio::net::TcpStream::connect(world.address).await.unwrap())
    }

    /// Sends a request but for its end, and sees that it has arrived.
    async fn begin(&mut self, request: &str) {
        let whole = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
        let head = format!("{whole}{request} HTTP/1.1\r\nHost: x\r\n");
        self.0.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(br#"{"status":"ok"}"#) {
            assert!(self.0.read_buf(&mut answer).await.unwrap() > 0);
        }
    }

    /// Sends the end; gives everything that is answered.
    async fn finish(mut self) -> String {
        self.0.write_all(b"\r\n").await.unwrap();
        let mut answer = String::new();
        let read = self.0.read_to_string(&mut answer);
        timeout(PATIENCE, read).await.unwrap().unwrap();
        answer
    }
}
