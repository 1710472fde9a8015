//! `/health/live` of processes whose runtimes are really blocked.

use std::{
    net::TcpListener,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use actix_web::{App, HttpServer, Responder, web};
use serde_json::json;
use service_kit::{
    clock::Clock,
    lifecycle::{Lifecycle, Pulse},
    metrics::Metrics,
    ops,
};
use test_kit::{PATIENCE, http_get, wait_until};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::JoinSet,
};

/// A look that is not answered is the end at once.
const NO_PATIENCE: Duration = Duration::ZERO;

/// A runtime with one thread to run tasks on.
fn one_thread() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().unwrap()
}

/// Lets that thread wait, as code that blocks would. Dropping what is returned lets it go on.
fn block(runtime: &Handle) -> mpsc::Sender<()> {
    let (go_on, wait) = mpsc::channel();
    let (say, blocked) = mpsc::channel();
    runtime.spawn(async move {
        say.send(()).unwrap();
        let _ = wait.recv();
    });
    blocked.recv().unwrap();
    go_on
}

/// A request that blocks its worker: says so, and waits for the other end to be dropped.
async fn hold(held: web::Data<Mutex<(mpsc::Sender<()>, mpsc::Receiver<()>)>>) -> impl Responder {
    let held = held.lock().unwrap();
    held.0.send(()).unwrap();
    let _ = held.1.recv();
    "go on"
}

/// The ops listener of a service that runs on `runtime`.
fn start(runtime: &Runtime, pulse: impl FnOnce(&Lifecycle) -> Pulse) -> (ops::Ops, String) {
    let _inside = runtime.enter();
    let life = Lifecycle::new(Clock::system());
    let told = ops::Told {
        metrics: Metrics::new("kit", "1.2.3", "abc").unwrap(),
        pulse: pulse(&life),
        readiness: life.readiness(),
        status: Arc::new(|| serde_json::Value::Null),
        openapi: None,
    };
    let ops = ops::spawn(TcpListener::bind("127.0.0.1:0").unwrap(), told).unwrap();
    let url = format!("http://{}/health/live", ops.address());
    (ops, url)
}

#[test]
fn a_runtime_that_stands_still_is_not_alive_until_it_goes_on() {
    let service = one_thread();
    let (ops, url) = start(&service, |_| {
        Pulse::new(service.handle().clone(), NO_PATIENCE)
    });
    let blocked = block(service.handle());
    Runtime::new().unwrap().block_on(async {
        for _ in 0..2 {
            let answer = http_get(&url, &[]).await;
            assert_eq!(answer.status(), 503);
            assert_eq!(answer.json(), json!({"status": "stuck", "checks": {}}));
        }
        drop(blocked);
        wait_until("it is alive", PATIENCE, async || {
            http_get(&url, &[]).await.status() == 200
        })
        .await;
    });
    service.block_on(ops.stop());
}

#[test]
fn a_service_that_is_late_once_is_alive() {
    let service = one_thread();
    let (ops, url) = start(&service, Lifecycle::pulse);
    let blocked = block(service.handle());
    Runtime::new().unwrap().block_on(async {
        assert_eq!(http_get(&url, &[]).await.status(), 200);
    });
    drop(blocked);
    service.block_on(ops.stop());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_that_ended_is_not_stuck() {
    let other = one_thread();
    let pulse = Pulse::new(Handle::current(), NO_PATIENCE);
    pulse.also(other.handle().clone());
    let blocked = block(other.handle());
    assert!(!pulse.beats().await);
    drop(blocked);
    other.shutdown_background();
    wait_until("it is forgotten", PATIENCE, async || pulse.beats().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_of_a_web_server_is_watched_by_its_own_runtime() {
    let pulse = Pulse::new(Handle::current(), NO_PATIENCE);
    let watched = pulse.clone();
    let (go_on, wait) = mpsc::channel::<()>();
    let (say, blocked) = mpsc::channel::<()>();
    let held = web::Data::new(Mutex::new((say, wait)));
    let server = HttpServer::new(move || {
        watched.also(Handle::current());
        App::new()
            .app_data(held.clone())
            .route("/", web::get().to(hold))
    });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = server.workers(1).disable_signals().listen(listener);
    let server = server.unwrap().run();
    let (handle, mut running, mut asked) = (server.handle(), JoinSet::new(), JoinSet::new());
    running.spawn(server);
    asked.spawn(async move { http_get(&url, &[]).await.status() });
    tokio::task::spawn_blocking(move || blocked.recv().unwrap())
        .await
        .unwrap();
    assert!(!pulse.beats().await);
    drop(go_on);
    assert_eq!(asked.join_next().await.unwrap().unwrap(), 200);
    wait_until("it is alive", PATIENCE, async || pulse.beats().await).await;
    handle.stop(false).await;
    running.join_next().await.unwrap().unwrap().unwrap();
}
