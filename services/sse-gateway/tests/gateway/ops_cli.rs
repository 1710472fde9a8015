//! How the gateway is started: flags of launchers, settings that cannot be used.

use test_kit::{ServiceProcess, http_get};

async fn refused(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let mut process = ServiceProcess::spawn_with("sse-gateway", arguments, environment);
    assert_eq!(process.wait_exit().await, Some(2), "{}", process.output());
    process.output()
}

#[tokio::test]
async fn unusable_settings_end_with_2_and_name_the_setting() {
    for (name, value) in [
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "abc"),
        ("HEARTBEAT_INTERVAL_SECONDS", "0"),
        ("HEARTBEAT_INTERVAL_SECONDS", "1.5"),
        ("CALLBACK_URL", "nowhere"),
        ("CALLBACK_URL", "ftp://x/"),
        ("CALLBACK_URL", "http://user:hunter2@x/"),
        ("EVENT_FORMAT", "xml"),
        ("REJECT_MODE", "never"),
        ("SEND_BUFFER_BYTES", "0"),
    ] {
        let output = refused(&[], &[(name, value)]).await;
        assert!(output.contains(name), "{name}={value}: {output}");
    }
    let output = refused(&[], &[("CALLBACK_URL", "hunter2")]).await;
    assert!(!output.contains("hunter2"), "{output}");
    assert!(refused(&["--port", "x"], &[]).await.contains("PORT"));
}

#[tokio::test]
async fn any_whole_number_of_seconds_is_a_heartbeat() {
    let environment = [("HEARTBEAT_INTERVAL_SECONDS", "4000000000")];
    let mut process = ServiceProcess::spawn_with("sse-gateway", &["--check-config"], &environment);
    assert_eq!(process.wait_exit().await, Some(0), "{}", process.output());
}

#[tokio::test]
async fn a_way_in_that_is_open_to_everybody_is_warned_of() {
    let open = |line: &test_kit::LogLine| {
        let message = line.json["message"].as_str().unwrap_or_default();
        line.json["level"] == "WARN" && message.contains("INTERNAL_SECRET")
    };
    for (more, warns) in [
        (("HOST", "0.0.0.0"), true),
        (("HOST", "127.0.0.1"), false),
        (("INTERNAL_SECRET", "hunter2"), false),
        (("INTERNAL_PORT", "0"), false),
    ] {
        let environment = [("HOST", "0.0.0.0"), ("PORT", "0"), ("OPS_PORT", "0"), more];
        let mut process = ServiceProcess::spawn("sse-gateway", &environment);
        process.address("public").await;
        if warns {
            process.wait_for_line("the warning", open).await;
        } else {
            assert!(!process.output().contains("INTERNAL_SECRET"), "{more:?}");
        }
        process.sigterm();
        assert_eq!(process.wait_exit().await, Some(0), "{}", process.output());
    }
}

#[tokio::test]
async fn the_flags_of_launchers_are_heard_in_both_spellings() {
    for arguments in [
        &["--callback-url", "http://127.0.0.1:9/", "--port", "0"][..],
        &["--callback-url=http://127.0.0.1:9/?secret=a=b", "--port=0"],
    ] {
        let environment = [("PORT", "1"), ("HOST", "127.0.0.1"), ("OPS_PORT", "0")];
        let mut process = ServiceProcess::spawn_with("sse-gateway", arguments, &environment);
        let address = process.address("public").await;
        let ready = http_get(&format!("http://{address}/readyz"), &[]).await;
        assert_eq!(ready.status(), 200);
        process.sigterm();
        assert_eq!(process.wait_exit().await, Some(0), "{}", process.output());
        assert!(
            !process.output().contains("a=b"),
            "the secret is not logged"
        );
    }
}

#[tokio::test]
async fn an_empty_callback_url_is_none() {
    let environment = [
        ("CALLBACK_URL", ""),
        ("PORT", "0"),
        ("HOST", "127.0.0.1"),
        ("OPS_PORT", "0"),
    ];
    let process = ServiceProcess::spawn("sse-gateway", &environment);
    let address = process.address("public").await;
    let ready = http_get(&format!("http://{address}/readyz"), &[]).await;
    assert_eq!(ready.status(), 503);
}

#[tokio::test]
async fn the_program_asks_the_one_that_runs_whether_it_is_ready() {
    // Ready from its first moment with a backend, and never without one.
    let backend = ("CALLBACK_URL", "http://127.0.0.1:9/");
    for (backend, code, told) in [
        (backend, 0, "OK\n"),
        (("CALLBACK_URL", ""), 1, "CALLBACK_URL is not set"),
    ] {
        let ports = [("HOST", "127.0.0.1"), ("PORT", "0"), ("OPS_PORT", "0")];
        let mut gateway = ServiceProcess::spawn("sse-gateway", &[&ports[..], &[backend]].concat());
        let address = gateway.address("ops").await;
        let (_, ops) = address.rsplit_once(':').unwrap();
        assert_health(ops, code, told).await;
        gateway.sigterm();
        assert_eq!(gateway.wait_exit().await, Some(0));
        assert_health(ops, 1, "does not answer").await;
    }
}

async fn assert_health(ops: &str, code: i32, told: &str) {
    // A launcher's flag is understood here, too.
    let arguments = ["health", "--port", "3001"];
    let mut process = ServiceProcess::spawn_with("sse-gateway", &arguments, &[("OPS_PORT", ops)]);
    assert_eq!(process.wait_exit().await, Some(code));
    let output = process.output();
    assert!(output.contains(told), "{output}");
}
