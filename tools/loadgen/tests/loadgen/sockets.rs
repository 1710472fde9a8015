//! `loadgen sockets` judged by services that are right, and by such that are wrong in one place.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

const DEVICES: usize = 3;
/// The write that a fault concerns, and its device.
const WRITE: u64 = 6;
const DEVICE: usize = 2;

/// What the service does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// One socket never gets one row.
    Drop,
    Repeat,
    /// One row goes to a socket of the other tenant.
    Stray,
    /// One socket is told that nothing can be read.
    Stale,
    /// One row never comes to anybody, and the next one does.
    Skip,
}

/// The service, its database and its devices in one.
struct World {
    fault: Fault,
    /// By tenant.
    sockets: Mutex<HashMap<String, Vec<TcpStream>>>,
    written: Mutex<HashMap<String, u64>>,
}

impl World {
    fn start(fault: Fault) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let world = Arc::new(Self {
            fault,
            sockets: Mutex::default(),
            written: Mutex::default(),
        });
        thread::spawn(move || {
            for socket in listener.incoming() {
                let world = Arc::clone(&world);
                thread::spawn(move || world.serve(socket.unwrap()));
            }
        });
        address
    }

    fn serve(&self, mut socket: TcpStream) {
        let mut reader = BufReader::new(socket.try_clone().unwrap());
        while let Some(path) = request(&mut reader) {
            if let Some((_, tenant)) = path.split_once("?token=token-of-") {
                return self.watch(tenant, socket, reader);
            }
            let body = if path == "/metrics" {
                "telemetry_queries_total{kind=\"telemetry\"} 7\n".to_owned()
            } else if let Some(rest) = path.strip_suffix("/write") {
                let tenant = rest.rsplit('/').next().unwrap();
                format!(r#"{{"rows":{DEVICES},"seq":{}}}"#, self.write(tenant))
            } else {
                r#"{"transactions":9}"#.to_owned()
            };
            let length = body.len();
            write!(
                socket,
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"
            )
            .unwrap();
        }
    }

    fn watch(&self, tenant: &str, mut socket: TcpStream, mut reader: BufReader<TcpStream>) {
        let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
        write!(
            socket,
            "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        )
        .unwrap();
        // A ping in between, as proxies and services send them.
        socket.write_all(b"\x89\x02hi").unwrap();
        for device in 1..=DEVICES {
            let wish: Value = serde_json::from_str(&message(&mut reader)).unwrap();
            assert_eq!(wish["device_id"], format!("dev-{device:04}"));
            send(&socket, r#"{"type":"subscribed","channel":"device"}"#);
            send(&socket, &row(device, 4));
        }
        assert!(message(&mut reader).contains("alerts"));
        send(&socket, r#"{"type":"subscribed","channel":"alerts"}"#);
        send(&socket, r#"{"type":"alerts","alerts":[]}"#);
        assert_eq!(message(&mut reader), "hi");
        let mut sockets = self.sockets.lock().unwrap();
        sockets.entry(tenant.to_owned()).or_default().push(socket);
    }

    /// All devices of a tenant have a new row, and their sockets get it.
    fn write(&self, tenant: &str) -> u64 {
        let mut written = self.written.lock().unwrap();
        let seq = written.entry(tenant.to_owned()).or_insert(4);
        *seq += 1;
        let sockets = self.sockets.lock().unwrap();
        for (number, socket) in sockets[tenant].iter().enumerate() {
            for device in 1..=DEVICES {
                let hit = tenant == "one" && *seq == WRITE && device == DEVICE;
                let first = number == 0;
                match self.fault {
                    Fault::Drop if hit && first => continue,
                    Fault::Skip if hit => continue,
                    Fault::Repeat if hit && first => send(socket, &row(device, *seq)),
                    Fault::Stray if hit && first => send(&sockets["two"][0], &row(device, *seq)),
                    Fault::Stale if hit && first => {
                        send(socket, r#"{"type":"state","state":"stale"}"#);
                    }
                    _ => {}
                }
                send(socket, &row(device, *seq));
            }
        }
        *seq
    }
}

fn row(device: usize, seq: u64) -> String {
    format!(
        r#"{{"type":"telemetry","device_id":"dev-{device:04}","data":{{"metrics":{{}},"seq":{seq}}}}}"#
    )
}

fn send(mut socket: &TcpStream, text: &str) {
    let length = u8::try_from(text.len()).unwrap();
    assert!(length < 126);
    socket
        .write_all(&[&[0x81, length], text.as_bytes()].concat())
        .unwrap();
}

/// The payload of the next frame of a client.
fn message(reader: &mut impl Read) -> String {
    let mut head = [0; 6];
    reader.read_exact(&mut head).unwrap();
    let mut payload = vec![0; usize::from(head[1] & 0x7f)];
    reader.read_exact(&mut payload).unwrap();
    for (byte, mask) in payload.iter_mut().zip(head[2..].iter().cycle()) {
        *byte ^= mask;
    }
    String::from_utf8(payload).unwrap()
}

/// The path of the next request; none when the other side has closed.
fn request(reader: &mut impl BufRead) -> Option<String> {
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
    let mut line = first.clone();
    while line.trim() != "" {
        line.clear();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    }
    Some(first.split(' ').nth(1)?.to_owned())
}

/// Whether the load is content with such a service, and what it printed and complained about.
fn judged(fault: Fault) -> (bool, String, String) {
    let world = World::start(fault);
    let tokens = std::env::temp_dir().join(format!("loadgen-{}-{fault:?}", std::process::id()));
    std::fs::write(&tokens, "one token-of-one\ntwo token-of-two\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .args(["sockets", "--url", &format!("http://{world}/api/v2/ws")])
        .args(["--devices-url", &format!("http://{world}")])
        .args(["--metrics-url", &format!("http://{world}/metrics")])
        .arg("--tokens")
        .arg(&tokens)
        .args(["--connections", "6", "--devices", "3", "--changes", "8"])
        .args(["--pace-ms", "5", "--rest-ms", "50", "--settle-ms", "5"])
        .args(["--patience", "1"])
        .output()
        .unwrap();
    std::fs::remove_file(tokens).unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.success(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn a_service_that_loses_nothing_is_a_complete_run() {
    let (content, printed, complaint) = judged(Fault::None);
    assert!(content, "{printed}{complaint}");
    let report: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(
        (
            &report["complete"],
            &report["few_sockets"],
            &report["pushes"]
        ),
        (&true.into(), &2.into(), &(8 * 3 * DEVICES).into())
    );
    assert!(report["last_ms"]["p99"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_row_that_is_repeated_or_skipped_or_a_source_that_fails_voids_the_run() {
    for fault in [Fault::Repeat, Fault::Stale] {
        let (content, printed, _) = judged(fault);
        assert!(
            !content && printed.contains("\"complete\":false"),
            "{fault:?}: {printed}"
        );
    }
}

#[test]
fn a_row_that_somebody_does_not_get_or_the_wrong_one_gets_voids_the_run() {
    for fault in [Fault::Drop, Fault::Stray, Fault::Skip] {
        let (content, printed, complaint) = judged(fault);
        assert!(!content, "{fault:?}: {printed}{complaint}");
    }
}
