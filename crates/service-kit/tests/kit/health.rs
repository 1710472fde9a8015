//! `health` on the command line, against ops listeners of this process and against strangers. Exit codes and output
//! belong to a process: it is this test binary again, told by its environment to be a service's program.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    process::ExitCode,
    sync::Arc,
    thread,
};

use service_kit::{
    cli,
    clock::Clock,
    lifecycle::Lifecycle,
    metrics::Metrics,
    ops, service_settings,
    settings::{DatabaseSettings, OpsSettings},
};
use test_kit::ServiceProcess;

const ARGUMENTS: &str = "KIT_TEST_HEALTH";

// The database's address is required, and a probe must not need it.
service_settings! {
    "kit-service";
    OPS_PORT = "1";
    ops: OpsSettings,
    database: DatabaseSettings,
}

/// Not a test of its own: what the others start.
#[test]
fn this_binary_is_the_program_when_it_is_asked_to_be() {
    let Some(arguments) = std::env::var_os(ARGUMENTS) else {
        return;
    };
    println!();
    let words = arguments.to_str().unwrap().split(' ').map(Into::into);
    let words = ["kit-service".into()].into_iter().chain(words);
    let code = cli::start_with::<Settings>("kit-service", words)
        .err()
        .unwrap();
    let codes = [ExitCode::SUCCESS, ExitCode::FAILURE, ExitCode::from(2)];
    let code = codes.iter().position(|known| *known == code).unwrap();
    std::process::exit(i32::try_from(code).unwrap());
}

async fn run(arguments: &str, environment: &[(&str, &str)]) -> (i32, String) {
    let this = std::env::current_exe().unwrap();
    let name = "health::this_binary_is_the_program_when_it_is_asked_to_be";
    let harness = ["--exact", name, "--nocapture"];
    let environment = [&[(ARGUMENTS, arguments)], environment].concat();
    let mut process = ServiceProcess::spawn_with(this.to_str().unwrap(), &harness, &environment);
    let code = process.wait_exit().await.unwrap();
    (code, process.output())
}

async fn ask(arguments: &str, address: SocketAddr) -> (i32, String) {
    run(arguments, &[("OPS_PORT", &address.port().to_string())]).await
}

fn start(life: &Lifecycle, host: &str) -> ops::Ops {
    let told = ops::Told {
        metrics: Metrics::new("kit", "1.2.3", "abc").unwrap(),
        pulse: life.pulse(),
        readiness: life.readiness(),
        status: Arc::new(|| serde_json::Value::Null),
        openapi: None,
    };
    ops::spawn(TcpListener::bind((host, 0)).unwrap(), told).unwrap()
}

#[tokio::test]
async fn ready_is_0_and_not_ready_is_1_with_what_is_missing_and_alive_is_0_all_the_same() {
    let life = Lifecycle::new(Clock::system());
    let latch = life.readiness().latch("schema");
    let ops = start(&life, "127.0.0.1");
    let (code, output) = ask("health", ops.address()).await;
    assert_eq!(code, 1, "{output}");
    for told in ["/health/ready says 503", "schema", "starting"] {
        assert!(output.contains(told), "{output}");
    }
    assert_eq!(ask("health --live", ops.address()).await.0, 0);
    latch.ready();
    let (code, output) = ask("health", ops.address()).await;
    assert_eq!(code, 0, "{output}");
    assert!(output.contains("OK"), "{output}");
    ops.stop().await;
}

#[tokio::test]
async fn the_address_is_read_as_the_service_reads_it() {
    let life = Lifecycle::new(Clock::system());
    let ops = start(&life, "0.0.0.0");
    let port = ops.address().port();
    let everywhere = [("OPS_HOST", "0.0.0.0"), ("OPS_PORT", &port.to_string())];
    assert_eq!(run("health", &everywhere).await.0, 0);
    // A flag wins over the environment, a file over the program's own default.
    let arguments = format!("health --set OPS_PORT={port}");
    assert_eq!(run(&arguments, &[("OPS_PORT", "9")]).await.0, 0);
    let path = format!("{}/health-{port}.toml", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&path, format!("ops_port = {port}\n")).unwrap();
    let file = format!("health --config {path}");
    assert_eq!(run(&file, &[]).await.0, 0);
    assert_eq!(run("health", &[("CONFIG_FILE", &path)]).await.0, 0);
    std::fs::remove_file(path).unwrap();
    let (code, output) = run("health", &[]).await;
    assert_eq!(code, 1);
    assert!(output.contains("127.0.0.1:1 does not answer"), "{output}");
    ops.stop().await;
}

#[tokio::test]
async fn settings_and_arguments_that_cannot_be_used_are_2() {
    for (arguments, environment, told) in [
        ("health", ("OPS_PORT", "http"), "OPS_PORT"),
        ("health", ("OPS_PORT", "0"), "OPS_PORT is 0"),
        ("health", ("OPS_HOST", "nowhere"), "OPS_HOST"),
        ("health --set OPS_PROT=1", ("OPS_PORT", "1"), "ops_port"),
        ("health --dead", ("OPS_PORT", "1"), "--dead"),
        ("--set OPS_PORT=1 health", ("OPS_PORT", "1"), "health"),
        ("wealth", ("OPS_PORT", "1"), "wealth"),
    ] {
        let (code, output) = run(arguments, &[environment]).await;
        assert_eq!(code, 2, "{arguments}: {output}");
        assert!(output.contains(told), "{arguments}: {output}");
    }
}

/// Takes one connection, answers `piece` and then more of `more` until nobody listens.
fn stranger(piece: &'static [u8], more: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        assert!(stream.read(&mut request).unwrap() > 0);
        stream.write_all(piece).unwrap();
        while !more.is_empty() && stream.write_all(more).is_ok() {}
        // Ends with what the client sends after that, which is its end.
        if piece.is_empty() {
            let _ = stream.read(&mut request);
        }
    });
    address
}

#[tokio::test]
async fn whoever_is_silent_or_endless_or_no_service_is_1() {
    let silent = ask("health", stranger(b"", b"")).await;
    assert_eq!(silent.0, 1);
    assert!(silent.1.contains("does not answer"), "{}", silent.1);
    let (code, output) = ask("health", stranger(b"220 mail ready\r\n", b"")).await;
    assert_eq!(code, 1);
    assert!(output.contains("does not speak HTTP"), "{output}");
    let endless = stranger(b"HTTP/1.1 503 No\r\n\r\n", b"no no no ");
    let (code, output) = ask("health", endless).await;
    assert_eq!(code, 1);
    assert!(output.len() < 80_000, "{}", output.len());
    let found = stranger(b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", b"");
    assert_eq!(ask("health", found).await.0, 1);
}
