//! The same streams over HTTP/2 and TLS, where one browser is not bound to six.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use farol_core::sse::{Parsed, Parser};
use public_service::settings::Settings;
use reqwest::{Client, ClientBuilder, Response, Version};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use test_kit::PATIENCE;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::raw::Raw;
use crate::world::World;

const UNITS: [(&str, &str); 2] = [("A101", "available"), ("A102", "hold")];

/// A stream as a general HTTP client reads it.
struct Stream {
    response: Response,
    parser: Parser,
    waiting: VecDeque<Parsed>,
}

impl Stream {
    async fn open(client: &Client, url: &str, version: Version) -> Self {
        let response = client.get(url).send().await.unwrap();
        assert_eq!(
            (response.status().as_u16(), response.version()),
            (200, version)
        );
        for (name, value) in [
            ("content-type", Some("text/event-stream")),
            ("cache-control", Some("no-store")),
            ("x-accel-buffering", Some("no")),
            ("access-control-allow-origin", Some("*")),
            ("content-encoding", None),
        ] {
            let found = response.headers().get(name);
            assert_eq!(found.map(|value| value.to_str().unwrap()), value, "{name}");
        }
        // HTTP/2 forbids headers about the connection (RFC 9113, 8.2.2).
        if version == Version::HTTP_2 {
            assert!(!response.headers().contains_key("transfer-encoding"));
            assert!(!response.headers().contains_key("connection"));
        }
        let (parser, waiting) = (Parser::default(), VecDeque::new());
        Self {
            response,
            parser,
            waiting,
        }
    }

    /// The next event that is no ping; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Parsed> {
        while self.waiting.is_empty() {
            let chunk = timeout(PATIENCE, self.response.chunk()).await;
            let chunk = chunk
                .expect("an event in time")
                .expect("an unbroken stream")?;
            let told = self.parser.feed(&chunk).into_iter();
            self.waiting
                .extend(told.filter(|event| event.event != "ping"));
        }
        self.waiting.pop_front()
    }

    /// The data of the next event, which must have this name.
    async fn expect(&mut self, name: &str) -> Value {
        let event = self.next().await.expect("one more event");
        assert_eq!(event.event, name, "{event:?}");
        serde_json::from_str(&event.data).unwrap()
    }
}

/// A client that believes nobody but this authority.
fn client(change: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Client {
    #[expect(
        clippy::disallowed_methods,
        reason = "a viewer of the tests, not a caller of client APIs"
    )]
    let builder = Client::builder().no_proxy();
    change(builder).build().unwrap()
}

fn without_tls() -> ClientConfig {
    trusting(RootCertStore::empty(), &[])
}

fn trusting(roots: RootCertStore, protocols: &[&[u8]]) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    config
}

/// One connection of cleartext HTTP/2.
fn http2() -> Client {
    client(|builder| {
        let tls = without_tls();
        builder
            .http2_prior_knowledge()
            .tls_backend_preconfigured(tls)
    })
}

/// A certificate for `farol.test` in files, gone with its value.
struct Certificate {
    folder: PathBuf,
    der: CertificateDer<'static>,
}

impl Certificate {
    fn make(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed(["farol.test".to_owned()]).unwrap();
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let certificate = Self {
            folder,
            der: made.cert.der().clone(),
        };
        std::fs::write(certificate.chain(), made.cert.pem()).unwrap();
        std::fs::write(certificate.key(), made.signing_key.serialize_pem()).unwrap();
        certificate
    }

    fn chain(&self) -> PathBuf {
        self.folder.join("chain.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.join("key.pem")
    }

    /// A client that finds `farol.test` at `address` and offers these protocols.
    fn client(&self, address: SocketAddr, protocols: &[&[u8]]) -> Client {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        let tls = trusting(roots, protocols);
        client(|builder| {
            builder
                .tls_backend_preconfigured(tls)
                .resolve("farol.test", address)
        })
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A departure is noticed over HTTP/2 at the next frame, which a ping is.
fn lively(settings: &mut Settings) {
    settings.stream.ping_seconds = Duration::from_millis(100);
}

async fn behind_tls(certificate: &Certificate) -> World {
    let world = World::with(|settings| {
        lively(settings);
        settings.tls.tls_cert_file = Some(certificate.chain());
        settings.tls.tls_key_file = Some(certificate.key());
    })
    .await;
    world.project("tower", &UNITS).await;
    world
}

fn secure(world: &World, path: &str) -> String {
    format!("https://farol.test:{}{path}", world.address.port())
}

#[tokio::test]
async fn http_2_without_tls_carries_many_streams_on_one_connection() {
    let world = World::with(lively).await;
    let tower = world.project("tower", &UNITS).await;
    let client = http2();
    let mut streams = Vec::new();
    for _ in 0..20 {
        let url = world.stream_url("tower");
        let mut stream = Stream::open(&client, &url, Version::HTTP_2).await;
        stream.expect("connected").await;
        stream.expect("status_update").await;
        streams.push(stream);
    }
    world.streams_are(20).await;

    tower.set("A101", "sold");
    for stream in &mut streams {
        let change = stream.expect("bulk_update").await;
        assert_eq!(change["updates"]["A101"], "sold");
    }
    drop(streams);
    world.streams_are(0).await;
    drop(client);
    world.shutdown().await;
}

#[tokio::test]
async fn http_2_resumes_refuses_and_reads_as_http_1_does() {
    let world = World::with(|settings| settings.limit.max_streams = 1).await;
    world.project("tower", &UNITS).await;
    let client = http2();
    let url = world.stream_url("tower");
    let mut stream = Stream::open(&client, &format!("{url}?mode=full"), Version::HTTP_2).await;
    stream.expect("connected").await;
    stream.expect("status_update").await;

    for (path, status, code) in [
        ("/api/public/tower/status/stream", 503, "too_many_streams"),
        ("/api/public/nobody/status/stream", 404, "project_not_found"),
        (
            "/api/public/tower/status/stream?mode=x",
            422,
            "invalid_fields",
        ),
    ] {
        let answer = client.get(world.url(path)).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), answer.version()),
            (status, Version::HTTP_2)
        );
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(body["code"], code, "{path}");
    }
    let read = client
        .get(world.url("/api/status/tower"))
        .send()
        .await
        .unwrap();
    assert!(
        read.text()
            .await
            .unwrap()
            .starts_with(r#"{"project":"tower""#)
    );
    drop((stream, client));
    world.shutdown().await;
}

#[tokio::test]
async fn a_drain_ends_streams_of_http_2_with_a_goodbye() {
    let world = World::start().await;
    world.project("tower", &UNITS).await;
    let client = http2();
    let url = world.stream_url("tower");
    let mut stream = Stream::open(&client, &url, Version::HTTP_2).await;
    stream.expect("connected").await;
    stream.expect("status_update").await;

    let goodbye = async {
        let last = stream.next().await.unwrap();
        assert_eq!((last.event.as_str(), last.retry), ("closed", Some(1_000)));
        assert_eq!(stream.next().await, None, "finished, not cut");
        drop((stream, client));
    };
    tokio::join!(world.shutdown(), goodbye);
}

#[tokio::test]
async fn tls_speaks_what_the_client_prefers() {
    let certificate = Certificate::make("tls-speaks");
    let world = behind_tls(&certificate).await;
    for (offer, version) in [
        (&[&b"h2"[..], b"http/1.1"][..], Version::HTTP_2),
        (&[&b"http/1.1"[..]][..], Version::HTTP_11),
        (&[][..], Version::HTTP_11),
    ] {
        let client = certificate.client(world.address, offer);
        let url = secure(&world, "/api/public/tower/status/stream");
        let mut stream = Stream::open(&client, &url, version).await;
        assert_eq!(stream.expect("connected").await["project"], "tower");
        let whole = stream.expect("status_update").await;
        assert_eq!(whole["statuses"]["A102"], "reserved");
        drop((stream, client));
        world.streams_are(0).await;
    }
    world.shutdown().await;
}

#[tokio::test]
async fn a_listener_with_a_certificate_serves_nobody_in_clear() {
    let certificate = Certificate::make("tls-only");
    let world = behind_tls(&certificate).await;
    let mut raw = Raw::connect(world.address).await;
    raw.send("GET /api/public/tower/status HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    let told = raw.read_bytes_to_end().await;
    assert!(!told.windows(5).any(|five| five == b"HTTP/"), "{told:?}");
    world.shutdown().await;
}

#[tokio::test]
async fn a_drain_ends_streams_over_tls_with_a_goodbye() {
    let certificate = Certificate::make("tls-drain");
    let world = behind_tls(&certificate).await;
    let mut streams = Vec::new();
    for offer in [&[&b"h2"[..]][..], &[&b"http/1.1"[..]][..]] {
        let client = certificate.client(world.address, offer);
        let version = [Version::HTTP_11, Version::HTTP_2][usize::from(offer[0] == b"h2")];
        let url = secure(&world, "/api/public/tower/status/stream");
        let mut stream = Stream::open(&client, &url, version).await;
        stream.expect("connected").await;
        stream.expect("status_update").await;
        streams.push(stream);
    }

    let goodbyes = async {
        for mut stream in streams {
            assert_eq!(stream.expect("closed").await["reason"], "draining");
            assert_eq!(stream.next().await, None, "finished, not cut");
        }
    };
    tokio::join!(world.shutdown(), goodbyes);
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_keeps_the_service_from_starting() {
    let world = World::start().await;
    let certificate = Certificate::make("tls-broken");
    std::fs::write(certificate.key(), "no key").unwrap();
    let url = world.database.public_url();
    let (chain, key) = (certificate.chain(), certificate.key());
    let environment = [
        ("PORT", "0"),
        ("OPS_PORT", "0"),
        ("DATABASE_URL", url.as_str()),
        ("TLS_CERT_FILE", chain.to_str().unwrap()),
        ("TLS_KEY_FILE", key.to_str().unwrap()),
    ];
    let mut process = test_kit::ServiceProcess::spawn("public-service", &environment);
    assert_eq!(process.wait_exit().await, Some(1));
    let output = process.output();
    assert!(output.contains("key.pem"), "it names the file: {output}");
    world.shutdown().await;
}

#[tokio::test]
async fn http_2_clients_that_vanish_give_their_seats_back() {
    let world = World::with(lively).await;
    world.project("tower", &UNITS).await;
    let mut clients = JoinSet::new();
    for _ in 0..10 {
        let url = world.stream_url("tower");
        clients.spawn(async move {
            let client = http2();
            for _ in 0..5 {
                let mut stream = Stream::open(&client, &url, Version::HTTP_2).await;
                stream.expect("connected").await;
            }
        });
    }
    clients.join_all().await;
    world.streams_are(0).await;
    world.shutdown().await;
}

#[tokio::test]
async fn over_http2_too_a_viewer_that_takes_nothing_is_dropped() {
    let world = World::with(|settings| {
        settings.stream.write_deadline_seconds = Duration::from_secs(1);
    })
    .await;
    let board: Vec<_> = (0..200).map(|n| (format!("A{n:04}"), "sold")).collect();
    let board: Vec<_> = board
        .iter()
        .map(|(unit, word)| (unit.as_str(), *word))
        .collect();
    world.project("tower", &board).await;
    let narrow = client(|builder| {
        builder
            .http2_prior_knowledge()
            .http2_initial_stream_window_size(1_024)
            .tls_backend_preconfigured(without_tls())
    });

    let taken = narrow.get(world.stream_url("tower")).send().await.unwrap();
    assert_eq!(taken.version(), Version::HTTP_2);
    world.streams_are(1).await;

    world.streams_are(0).await;
    drop(taken);
    world.shutdown().await;
}

#[tokio::test]
async fn an_http2_connection_that_asks_nothing_does_not_hold_up_a_stop() {
    let world = World::with(|settings| {
        settings.shutdown.shutdown_seconds = Some(PATIENCE * 3);
    })
    .await;
    world.project("tower", &UNITS).await;
    let viewer = http2();
    let url = world.url("/api/public/tower/status");
    assert_eq!(viewer.get(&url).send().await.unwrap().status(), 200);

    // Judged by the patience of `shutdown`, which is shorter than the hard stop.
    world.shutdown().await;
}
