//! The load judged by servers that are right and servers that are wrong in one place: a bench may
//! only be believed if a single lost frame voids it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod gateway;
mod servers;
mod sockets;

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use servers::{Fault, start};

const STREAMS: usize = 40;

/// Runs the load against a server and returns its report and whether it was content.
fn loaded(server: SocketAddr, more: &[&str]) -> (Value, bool) {
    let streams = STREAMS.to_string();
    let url = format!("http://{server}/stream");
    let raw = server.to_string();
    let mut load = Command::new(env!("CARGO_BIN_EXE_loadgen"));
    load.args([
        "streams",
        "--url",
        &url,
        "--raw",
        &raw,
        "--connections",
        &streams,
        "--snapshot",
    ]);
    load.args(["--changes", "4", "--pace-ms", "5", "--frame-bytes", "300"])
        .args(more);
    let Output {
        stdout,
        stderr,
        status,
    } = load.output().unwrap();
    let text = String::from_utf8_lossy(&stdout).into_owned();
    let report = serde_json::from_str(&text);
    let report = report
        .map_err(|_| String::from_utf8_lossy(&stderr).into_owned())
        .unwrap();
    (report, status.success())
}

#[test]
fn everybody_who_got_everything_is_a_complete_run() {
    let (report, content) = loaded(start(STREAMS, Fault::None), &["--source-addresses", "3"]);
    assert!(content, "{report}");
    assert_eq!(report["complete"], true);
    assert_eq!(report["deliveries"], STREAMS * 4);
    assert_eq!(report["frame_bytes"], 300.0);
}

#[test]
fn one_frame_that_one_stream_never_gets_voids_the_run() {
    let (report, content) = loaded(
        start(STREAMS, Fault::Drop { change: 3 }),
        &["--patience", "2"],
    );
    assert!(!content, "{report}");
    assert_eq!(report["complete"], false);
    assert_eq!(report["missing"], 1);
}

#[test]
fn one_frame_that_one_stream_gets_twice_voids_the_run() {
    let (report, content) = loaded(start(STREAMS, Fault::Repeat { change: 2 }), &[]);
    assert!(!content, "{report}");
    assert_eq!(
        (&report["repeated"], &report["missing"]),
        (&1.into(), &0.into())
    );
}

#[test]
fn a_slow_stream_may_skip_changes_if_it_ends_at_the_newest() {
    let slow = [
        "--slow-fraction",
        "0.05",
        "--slow-rate",
        "0",
        "--patience",
        "5",
    ];
    let (report, content) = loaded(start(STREAMS, Fault::SlowGetsOnlyTheLast), &slow);
    assert!(content, "{report}");
    assert_eq!(report["slow"]["connections"], 2);
    assert_eq!(report["slow"]["fewest_versions"], 1);
    assert_eq!(report["deliveries"], (STREAMS - 2) * 4);
}

#[test]
fn a_slow_stream_that_never_gets_the_newest_voids_the_run() {
    let slow = [
        "--slow-fraction",
        "0.05",
        "--slow-rate",
        "0",
        "--patience",
        "2",
    ];
    let (report, content) = loaded(start(STREAMS, Fault::SlowGetNothing), &slow);
    assert!(!content, "{report}");
    assert_eq!(report["slow"]["behind"], 2);
}

#[test]
fn the_raw_limit_serves_every_stream_and_says_what_it_cost() {
    let mut raw = Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .args(["raw", "--port", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(raw.stdout.take().unwrap())
        .lines()
        .map(|line| line.unwrap());
    let mut line = || serde_json::from_str::<Value>(&lines.next().unwrap()).unwrap();
    let port = u16::try_from(line()["port"].as_u64().unwrap()).unwrap();
    let (report, content) = loaded(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), &[]);
    assert!(content, "{report}");
    let own = line();
    assert_eq!(
        (&own["deliveries"], &own["skipped"]),
        (&(STREAMS * 4).into(), &0.into())
    );
    assert!(raw.wait().unwrap().success());
}

#[test]
fn gets_are_counted_and_a_body_of_another_length_is_an_error() {
    let gets = |server: SocketAddr| {
        Command::new(env!("CARGO_BIN_EXE_loadgen"))
            .args([
                "gets",
                "--url",
                &format!("http://{server}/"),
                "--connections",
                "4",
                "--seconds",
                "0.3",
            ])
            .output()
            .unwrap()
    };
    let right = gets(servers::answering(|_| 100));
    assert!(right.status.success());
    let report: Value = serde_json::from_slice(&right.stdout).unwrap();
    assert!(
        report["requests"].as_u64().unwrap() > 0 && report["body_bytes"] == 100,
        "{report}"
    );
    let wrong = gets(servers::answering(|turn| if turn == 20 { 50 } else { 100 }));
    assert!(!wrong.status.success());
}
