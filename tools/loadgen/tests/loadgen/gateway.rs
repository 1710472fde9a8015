//! `loadgen gateway` judged by gateways that are right, and by such that are wrong in one place.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

/// What the gateway does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// Says that it is done, and sends nothing.
    Drop,
    Repeat,
    /// Sends to somebody else too.
    Stray,
    /// Never tells of one disconnect.
    Silence,
}

/// The events that one fault concerns, by what is in their data.
const MARK: &str = "bench-25\\\"";

struct Gateway {
    fault: Fault,
    callback: SocketAddr,
    streams: Mutex<HashMap<String, TcpStream>>,
}

impl Gateway {
    fn start(fault: Fault, callback: u16) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let gateway = Arc::new(Self {
            fault,
            callback: SocketAddr::from((Ipv4Addr::LOCALHOST, callback)),
            streams: Mutex::default(),
        });
        thread::spawn(move || {
            for socket in listener.incoming() {
                let gateway = Arc::clone(&gateway);
                thread::spawn(move || gateway.serve(socket.unwrap()));
            }
        });
        address
    }

    fn serve(&self, socket: TcpStream) {
        let mut reader = BufReader::new(socket.try_clone().unwrap());
        while let Some((line, body)) = request(&mut reader) {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["GET", path, _] => return self.stream(path, socket, reader),
                _ => self.send(&body, &socket),
            }
        }
    }

    fn stream(&self, path: &str, mut socket: TcpStream, mut reader: BufReader<TcpStream>) {
        let token = format!("token-of{}", path.replace('/', "-"));
        self.tell("connect", &token, path);
        let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
        self.streams
            .lock()
            .unwrap()
            .insert(token.clone(), socket.try_clone().unwrap());
        socket.write_all(head).unwrap();
        while reader.read(&mut [0; 64]).is_ok_and(|length| length > 0) {}
        if self.fault != Fault::Silence || path != "/3" {
            self.tell("disconnect", &token, path);
        }
    }

    fn send(&self, body: &str, mut socket: &TcpStream) {
        let order: Value = serde_json::from_str(body).unwrap();
        let event = format!("data: {}\n\n", order["event"]["data"].as_str().unwrap());
        let token = order["token"].as_str().unwrap();
        let to: &[&str] = match self.fault {
            Fault::Drop if body.contains(MARK) => &[],
            Fault::Repeat if body.contains(MARK) => &[token, token],
            Fault::Stray if body.contains(MARK) => &[token, "token-of-0"],
            _ => &[token],
        };
        for token in to {
            let streams = self.streams.lock().unwrap();
            streams[*token]
                .try_clone()
                .unwrap()
                .write_all(event.as_bytes())
                .unwrap();
        }
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"status\":\"ok\"}";
        socket.write_all(answer).unwrap();
    }

    fn tell(&self, action: &str, token: &str, path: &str) {
        let body =
            format!(r#"{{"action":"{action}","token":"{token}","request":{{"url":"{path}"}}}}"#);
        let length = body.len();
        let mut socket = TcpStream::connect(self.callback).unwrap();
        write!(
            socket,
            "POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        BufReader::new(socket).read_line(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"));
    }
}

/// The first line and the body of the next request; none when the other side has closed.
fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, String)> {
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((first, String::from_utf8(body).unwrap()))
}

/// Whether the load is content with such a gateway, and what it printed and complained about.
fn judged(fault: Fault) -> (bool, String, String) {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let callback = free.local_addr().unwrap().port();
    drop(free);
    let gateway = Gateway::start(fault, callback);
    let output = Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .args(["gateway", "--url", &format!("http://{gateway}")])
        .args(["--callback-port", &callback.to_string()])
        .args(["--connections", "10", "--sends", "40", "--patience", "2"])
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.success(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn a_gateway_that_loses_nothing_is_a_complete_run() {
    let (content, printed, complaint) = judged(Fault::None);
    assert!(content, "{printed}{complaint}");
    let report: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(report["complete"], true);
    assert!(report["sends_per_second"].as_f64().unwrap() > 0.0);
}

#[test]
fn an_event_that_is_lost_repeated_or_sent_to_another_voids_the_run() {
    for fault in [Fault::Drop, Fault::Repeat, Fault::Stray] {
        let (content, printed, _) = judged(fault);
        assert!(!content, "{fault:?}: {printed}");
    }
}

#[test]
fn a_disconnect_that_nobody_tells_voids_the_run() {
    let (content, _, complaint) = judged(Fault::Silence);
    assert!(
        !content && complaint.contains("9 disconnects"),
        "{complaint}"
    );
}
