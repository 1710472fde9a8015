//! The end of the service, and the absence of its database: the real binary,
//! real signals, a Postgres that is killed.

use std::collections::BTreeSet;

use public_service::settings::Settings;
use serde_json::Value;
use test_kit::{
    Database, PATIENCE, PrivatePostgres, ProjectRow, ServiceProcess, SseClient, http_get,
    wait_until,
};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::answers::{judge_problem, retry_after};
use crate::raw::Raw;
use crate::world::{World, waiting};

const VIEWERS: usize = 1_000;
const DRAIN_SECONDS: u64 = 5;

/// The real binary, and where it listens.
struct Service {
    process: ServiceProcess,
    address: String,
    ops: String,
}

impl Service {
    async fn start(database: &Database, settings: &[(&str, &str)]) -> Self {
        let url = database.public_url();
        let mut environment = vec![
            ("PORT", "0"),
            ("OPS_PORT", "0"),
            ("DATABASE_URL", url.as_str()),
            ("DB_POOL_SIZE", "2"),
            ("UPSTREAM_ALLOW_PRIVATE", "true"),
            ("SETTINGS_RELOAD_SECONDS", "1"),
        ];
        environment.extend(settings);
        let process = ServiceProcess::spawn("public-service", &environment);
        let address = process.address("public").await;
        let ops = process.address("ops").await;
        let service = Self {
            process,
            address,
            ops,
        };
        wait_until("the service is ready", PATIENCE, async || {
            service.ready().await == 200
        })
        .await;
        service
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn stream(&self, slug: &str) -> SseClient {
        let url = self.url(&format!("/api/public/{slug}/status/stream"));
        let mut stream = SseClient::connect(&url, &[]).await;
        stream.expect("connected").await;
        stream
    }

    async fn ready(&self) -> u16 {
        let url = format!("http://{}/health/ready", self.ops);
        http_get(&url, &[]).await.status()
    }

    async fn streams(&self) -> u64 {
        let url = format!("http://{}/status", self.ops);
        http_get(&url, &[]).await.json()["streams"]
            .as_u64()
            .unwrap()
    }

    async fn refuses_connections(&self) -> bool {
        TcpStream::connect(&self.address).await.is_err()
    }

    /// Waits for the end; panics unless the code is this and no bug was logged.
    async fn ends_with(mut self, code: i32) {
        assert_eq!(
            self.process.wait_exit().await,
            Some(code),
            "{}",
            self.process.output()
        );
        let output = self.process.output();
        for word in ["panicked", "leak", "died of a bug"] {
            assert!(!output.contains(word), "{word}: {output}");
        }
    }
}

/// A project of the client API of `world`, as a row for any database.
fn row(world: &demo_world::ClientApi, slug: &str) -> ProjectRow {
    let handle = world.project(slug);
    handle.set_units([("A101", "available"), ("A102", "hold")]);
    ProjectRow::named(slug).upstream(world.base_url(), handle.endpoint())
}

/// What can be seen of a drain from outside, until no stream is left.
async fn watch_drain(service: &Service) -> BTreeSet<u64> {
    let mut seen = BTreeSet::new();
    let mut refused_while_streaming = false;
    wait_until("the streams end", PATIENCE * 2, async || {
        let refused = service.refuses_connections().await;
        let left = service.streams().await;
        let ready = service.ready().await;
        assert!(
            left == VIEWERS as u64 || ready == 503,
            "{left} streams left, still ready"
        );
        refused_while_streaming |= refused && left > 0;
        seen.insert(left);
        // The last ones may take the ops listener with them before it can be asked again.
        left < 50
    })
    .await;
    assert!(refused_while_streaming, "the listener did not close first");
    seen
}

#[tokio::test]
async fn sigterm_lets_a_thousand_viewers_go_each_at_its_own_moment() {
    let database = Database::fresh().await;
    let client_api = demo_world::ClientApi::start().unwrap();
    database.insert_project(row(&client_api, "tower")).await;
    let drain = DRAIN_SECONDS.to_string();
    let service = Service::start(&database, &[("DRAIN_SECONDS", &drain)]).await;
    let mut streams = Vec::with_capacity(VIEWERS);
    for _ in 0..VIEWERS {
        streams.push(service.stream("tower").await);
    }
    assert_eq!(service.streams().await, VIEWERS as u64);

    service.process.sigterm();
    let seen = watch_drain(&service).await;
    service.ends_with(0).await;

    assert!(seen.len() > 5, "all at once: {seen:?}");
    let mut retries = BTreeSet::new();
    for mut stream in streams {
        let events = stream.read_to_end().await;
        let last = events.last().expect("a goodbye");
        assert_eq!(
            (last.event.as_str(), last.json()["reason"].as_str()),
            ("closed", Some("draining"))
        );
        assert!(!stream.cut_short());
        retries.insert(last.retry.expect("when to come back"));
    }
    assert!(
        retries
            .iter()
            .all(|ms| (1_000..=1_000 + 2_000 * DRAIN_SECONDS).contains(ms))
    );
    assert!(
        retries.len() > VIEWERS / 2,
        "{} different moments",
        retries.len()
    );
    assert!(retries.last().unwrap() - retries.first().unwrap() > 5_000);
}

#[tokio::test]
async fn a_second_sigterm_is_the_end_at_once() {
    let database = Database::fresh().await;
    let client_api = demo_world::ClientApi::start().unwrap();
    database.insert_project(row(&client_api, "tower")).await;
    let service = Service::start(&database, &[("DRAIN_SECONDS", "3000")]).await;
    let _stream = service.stream("tower").await;

    service.process.sigterm();
    wait_until("it drains", PATIENCE, async || service.ready().await == 503).await;
    assert_eq!(service.streams().await, 1);
    service.process.sigterm();

    service.ends_with(1).await;
}

#[tokio::test]
async fn viewers_do_not_notice_that_postgres_was_killed() {
    let mut postgres = PrivatePostgres::start().await;
    let database = Database::on(&postgres.url()).await;
    let client_api = demo_world::ClientApi::start().unwrap();
    for slug in ["tower", "stranger"] {
        database.insert_project(row(&client_api, slug)).await;
    }
    let service = Service::start(&database, &[("DRAIN_SECONDS", "0")]).await;
    let mut stream = service.stream("tower").await;
    stream.expect("status_update").await;

    postgres.kill9();
    let tower = client_api.project("tower");
    tower.set("A101", "sold");
    let change = stream.skip_to("bulk_update").await.json();
    assert_eq!(change["updates"]["A101"], "sold");
    let mut second = service.stream("tower").await;
    let whole = second.expect("status_update").await.json();
    assert_eq!(whole["statuses"]["A101"], "sold");
    let read = service.url("/api/public/stranger/status");
    let stream_url = service.url("/api/status/stranger/stream");
    let (by_read, by_stream) = tokio::join!(http_get(&read, &[]), http_get(&stream_url, &[]));
    for answer in [by_read, by_stream] {
        judge_problem(&answer, 503, "database_unavailable", "a stranger");
        assert!((2..=10).contains(&retry_after(&answer)));
    }

    postgres.restart().await;
    wait_until("it recovers", PATIENCE * 3, async || {
        http_get(&read, &[]).await.status() == 200
    })
    .await;
    let mut stranger = service.stream("stranger").await;
    stranger.expect("status_update").await;
    tower.set("A102", "sold");
    assert_eq!(
        stream.skip_to("bulk_update").await.json()["updates"]["A102"],
        "sold"
    );
    drop((stream, second, stranger));
    service.process.sigterm();
    service.ends_with(0).await;
}

#[tokio::test]
async fn whoever_carries_a_stream_it_ends_with_closed_and_when_to_come_back() {
    let world = World::start().await;
    world.project("tower", &[("A101", "sold")]).await;
    let mut streams = Vec::new();
    for version in ["HTTP/1.1", "HTTP/1.0"] {
        let request = format!("GET /api/status/tower/stream {version}\r\nHost: x\r\n\r\n");
        let connection = TcpStream::connect(world.address).await.unwrap();
        let mut stream = SseClient::on(connection, request.as_bytes()).await;
        stream.skip_to("status_update").await;
        streams.push(stream);
    }
    world.shutdown().await;
    for mut stream in streams {
        let last = stream.read_to_end().await.pop().unwrap();
        assert_eq!((last.event.as_str(), last.id), ("closed", None));
        assert_eq!(last.retry, Some(1_000));
        assert_eq!(last.data, r#"{"reason":"draining"}"#);
        assert!(!stream.cut_short());
    }
}

#[tokio::test]
async fn a_source_that_hangs_does_not_hold_up_the_end() {
    let world = World::start().await;
    let patient = |row: ProjectRow| row.timeout(60);
    let tower = world
        .project_with("tower", &[("A101", "sold")], patient)
        .await;
    let _gate = tower.hold();
    let mut stream = world.stream("tower").await;
    stream.expect("connected").await;
    tower.wait_for_requests(1).await.unwrap();
    world.shutdown().await;
    assert_eq!(stream.skip_to("closed").await.json()["reason"], "draining");
}

#[tokio::test]
async fn no_source_is_asked_by_those_who_are_leaving() {
    let world = World::with(|settings| settings.shutdown.drain_seconds = PATIENCE / 5).await;
    let tower = world.project("tower", &[("A101", "sold")]).await;
    // So many that some stay for most of the drain, and would be polled for.
    let mut streams = Vec::new();
    for _ in 0..50 {
        streams.push(world.stream("tower").await);
    }
    tower.wait_for_requests(2).await.unwrap();
    let asked = tower.request_count();

    world.shutdown().await;

    let more = tower.request_count() - asked;
    assert!(more <= 1, "{more} requests in a drain of several intervals");
    for mut stream in streams {
        assert_eq!(stream.read_to_end().await.pop().unwrap().event, "closed");
    }
}

#[tokio::test]
async fn a_database_that_does_not_answer_does_not_hold_up_the_end() {
    let brief = |settings: &mut Settings| {
        settings.shutdown.shutdown_seconds = Some(PATIENCE / 10);
    };
    let world = World::with(brief).await;
    world.project("tower", &[("A101", "sold")]).await;
    world.status("tower").await;
    let mut owner = world.database.owner_pool().begin().await.unwrap();
    let lock = "LOCK TABLE projects IN ACCESS EXCLUSIVE MODE";
    sqlx::query(lock).execute(&mut *owner).await.unwrap();
    wait_until("settings are being read", PATIENCE, async || {
        waiting(&world).await > 0
    })
    .await;
    world.shutdown().await;

    // The same for the look at the schema, with which a service begins.
    let (world, _proxy) = World::with_cuttable_database(|settings, proxy| {
        brief(settings);
        proxy.pause();
    })
    .await;
    world.shutdown().await;
}

#[tokio::test]
async fn connections_that_say_nothing_do_not_hold_up_the_end() {
    let world = World::start().await;
    world.project("tower", &[("A101", "sold")]).await;
    let mut silent = Raw::connect(world.address).await;
    let mut kept = Raw::connect(world.address).await;
    kept.send("GET /api/status/tower HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    let (_, body) = kept.answer().await;
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["count"], 1);
    world.shutdown().await;
    assert_eq!(silent.read_to_end().await, "");
    assert_eq!(kept.read_to_end().await, "");
}

#[tokio::test]
async fn nobody_slips_into_a_draining_service() {
    let world = World::with(|settings| settings.shutdown.drain_seconds = PATIENCE / 20).await;
    world.project("tower", &[("A101", "sold")]).await;
    let mut comers = JoinSet::new();
    let mut stays = world.stream("tower").await;
    stays.skip_to("status_update").await;
    for _ in 0..50 {
        let address = world.address;
        comers.spawn(async move {
            let Ok(mut raw) = TcpStream::connect(address).await else {
                return String::new();
            };
            let get = b"GET /api/status/tower/stream HTTP/1.1\r\nHost: x\r\n\r\n";
            let mut told = Vec::new();
            // Refused, reset, told 503 or streamed to with a goodbye: but never left hanging.
            if tokio::io::AsyncWriteExt::write_all(&mut raw, get)
                .await
                .is_ok()
            {
                let _ = tokio::io::AsyncReadExt::read_to_end(&mut raw, &mut told).await;
            }
            String::from_utf8(told).unwrap()
        });
    }
    world.shutdown().await;
    for told in comers.join_all().await {
        let streamed = told.starts_with("HTTP/1.1 200 OK") && told.contains("event: closed\n");
        let refused = told.starts_with("HTTP/1.1 503 ") && told.contains("\"draining\"");
        assert!(streamed || refused || told.is_empty(), "{told}");
    }
    assert_eq!(stays.read_to_end().await.pop().unwrap().event, "closed");
}
