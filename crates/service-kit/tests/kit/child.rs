//! A service in a process of its own, since signals, the log and the exit code belong to a process. The process is
//! this test binary again, told by its environment to be the service.

use std::{net::TcpListener, sync::Arc};

use service_kit::{
    VERSION,
    broker::{BrokerMetrics, BrokerSettings, Link, Publisher},
    clock::Clock,
    lifecycle::Lifecycle,
    metrics::Metrics,
    ops,
    random::Random,
    settings::LogSettings,
    telemetry,
};
use test_kit::{ServiceProcess, http_get, rabbit_url, rabbit_url_with_password};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const ROLE: &str = "KIT_TEST_ROLE";

/// A role that goes on with the address of a broker, and logs everything.
const BROKER: &str = "publishes to ";

/// Not a test of its own: what the other tests of this file start.
#[test]
fn this_binary_is_the_service_when_it_is_asked_to_be() {
    let Some(role) = std::env::var_os(ROLE) else {
        return;
    };
    // The test harness has begun a line; ours start on their own.
    println!();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let code = runtime.block_on(serve(role.to_str().unwrap()));
    drop(runtime);
    std::process::exit(i32::from(code != std::process::ExitCode::SUCCESS));
}

async fn serve(role: &str) -> std::process::ExitCode {
    let broker = role.strip_prefix(BROKER);
    telemetry::init(&LogSettings {
        log_level: if broker.is_some() { "trace" } else { "info" }.to_owned(),
        ..LogSettings::default()
    });
    let life = Lifecycle::with_signals(Clock::system()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let metrics = Metrics::new("child", VERSION, "test").unwrap();
    let status = Arc::new(|| {
        tracing::info!("status asked");
        serde_json::Value::Null
    });
    let told = ops::Told {
        metrics,
        pulse: life.pulse(),
        readiness: life.readiness(),
        status,
        openapi: None,
    };
    let ops = ops::spawn(listener, told).unwrap();
    match role {
        "stubborn" => life
            .tasks()
            .spawn_tracked("stubborn", std::future::pending()),
        "panicking" => life
            .tasks()
            .spawn_critical("doomed", crate::lifecycle::doomed()),
        _ => {}
    }
    let _publisher = broker.map(|url| publish_to(url, &life));
    let code = life.run_until_stopped(&crate::lifecycle::quick()).await;
    ops.stop().await;
    code
}

fn publish_to(url: &str, life: &Lifecycle) -> Publisher {
    let metrics = Metrics::new("child", VERSION, "test").unwrap();
    let link = Link {
        tasks: life.tasks(),
        stopping: life.stopping(),
        latch: life.readiness().latch("broker"),
        random: Random::system(),
        metrics: BrokerMetrics::register(&metrics, "child").unwrap(),
    };
    let settings = BrokerSettings {
        rabbitmq_url: url.into(),
    };
    Publisher::start(&settings, &[], "child/publisher", link).unwrap()
}

fn spawn(role: &str) -> ServiceProcess {
    spawn_with(role, &[])
}

/// A process that publishes to the broker at `url`, with more variables in its environment.
pub fn spawn_publisher(url: &str, environment: &[(&str, &str)]) -> ServiceProcess {
    spawn_with(&format!("{BROKER}{url}"), environment)
}

fn spawn_with(role: &str, environment: &[(&str, &str)]) -> ServiceProcess {
    let this = std::env::current_exe().unwrap();
    let name = "child::this_binary_is_the_service_when_it_is_asked_to_be";
    let arguments = ["--exact", name, "--nocapture"];
    let environment = [&[(ROLE, role)], environment].concat();
    ServiceProcess::spawn_with(this.to_str().unwrap(), &arguments, &environment)
}

/// Waits until the process says that its broker is there.
pub async fn until_connected(process: &ServiceProcess) {
    let connected = |line: &test_kit::LogLine| {
        line.field("check") == Some("broker") && line.json["ready"] == true
    };
    process
        .wait_for_line("the broker is ready", connected)
        .await;
}

fn says(process: &ServiceProcess, message: &str) -> impl Future<Output = test_kit::LogLine> {
    process.wait_for_line(message, move |line| line.field("message") == Some(message))
}

#[tokio::test]
async fn sigterm_ends_the_process_clean() {
    let mut process = spawn("plain");
    process.address("ops").await;
    process.sigterm();
    assert_eq!(process.wait_exit().await, Some(0), "{}", process.output());
}

#[tokio::test]
async fn sigint_does_the_same() {
    let mut process = spawn("plain");
    process.address("ops").await;
    process.sigint();
    assert_eq!(process.wait_exit().await, Some(0), "{}", process.output());
}

#[tokio::test]
async fn a_second_signal_stops_hard_and_names_the_work_left() {
    let mut process = spawn("stubborn");
    process.address("ops").await;
    process.sigterm();
    says(&process, "stopping: not ready, draining").await;
    process.sigterm();
    let line = says(&process, "stopping hard, work is left").await;
    assert!(
        line.field("left").unwrap().contains("stubborn"),
        "{}",
        line.text
    );
    assert_eq!(process.wait_exit().await, Some(1), "{}", process.output());
}

#[tokio::test]
async fn a_panic_is_a_log_line_and_the_end_of_the_process() {
    let mut process = spawn("panicking");
    let line = says(&process, "panicked").await;
    assert_eq!(line.field("panic"), Some("on purpose"));
    assert!(line.field("location").unwrap().contains("lifecycle.rs"));
    let line = says(&process, "stopped by a failure").await;
    assert_eq!(line.field("reason"), Some("task doomed: it panicked"));
    assert_eq!(process.wait_exit().await, Some(1));
}

#[tokio::test]
async fn a_line_written_on_behalf_of_a_request_carries_its_identity() {
    let process = spawn("plain");
    let address = process.address("ops").await;
    http_get(
        &format!("http://{address}/status"),
        &[("x-request-id", "abc-123")],
    )
    .await;
    let line = says(&process, "status asked").await;
    assert_eq!(line.field("request_id"), Some("abc-123"), "{}", line.text);
    assert_eq!(line.field("level"), Some("INFO"));
    let line = says(&process, "listening").await;
    assert_eq!(line.field("request_id"), None);
}

#[tokio::test]
async fn a_head_that_nobody_can_read_is_no_error_of_ours() {
    let mut process = spawn("plain");
    let address = process.address("ops").await;
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"garbage\r\n\r\n").await.unwrap();
    let mut status = [0; 12];
    client.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 400");
    drop(client);
    process.sigterm();
    assert_eq!(process.wait_exit().await, Some(0));
    let output = process.output();
    assert!(!output.contains("\"level\":\"ERROR\""), "{output}");
}

#[tokio::test]
async fn at_every_level_the_log_tells_a_refused_password_and_never_shows_it() {
    let url = rabbit_url_with_password("swordfish");
    let mut process = spawn_publisher(&url, &[]);
    let told = |part: &'static str| {
        process.wait_for_line(part, move |line| {
            line.field("detail")
                .is_some_and(|detail| detail.contains(part))
        })
    };
    told("ACCESS_REFUSED").await;
    process.sigterm();
    assert_eq!(process.wait_exit().await, Some(0));
    let output = process.output();
    // lapin's own way of writing "sword".
    for hidden in ["swordfish", "115, 119, 111, 114, 100", "\"target\":\"lapin"] {
        assert!(!output.contains(hidden), "{hidden}");
    }
    assert!(
        output.contains("\"level\":\"TRACE\""),
        "it does log everything"
    );
}

#[tokio::test]
async fn a_process_that_publishes_ends_clean_and_without_a_panic() {
    let mut process = spawn_publisher(&rabbit_url(), &[]);
    until_connected(&process).await;
    process.sigterm();
    assert_eq!(process.wait_exit().await, Some(0));
    let output = process.output();
    assert!(!output.contains("panicked"), "{output}");
}
