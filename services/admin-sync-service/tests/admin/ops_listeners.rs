//! Ops listeners of other services that say what they are told to: a real socket, a scripted answer for each path.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use service_kit::settings::Url;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// One listener.
pub struct OpsListener {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
    _serving: JoinSet<()>,
}

#[derive(Default)]
struct Script {
    answers: HashMap<String, (u16, Vec<u8>)>,
    asked: HashMap<String, usize>,
    silent: bool,
}

impl OpsListener {
    /// A ready service of this version, up for 100 s, that knows these projects.
    pub async fn ready(version: &str, projects: &Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let script = Arc::new(Mutex::new(Script::default()));
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, Arc::clone(&script)));
        let made = Self {
            address,
            script,
            _serving: serving,
        };
        let database = json!({"status": "ready", "since": "2025-07-10T10:00:00.000Z"});
        made.health(
            200,
            &json!({"status": "ready", "checks": {"database": database}}),
        );
        made.projects(projects);
        made.version(version);
        made
    }

    /// Where it is, as a setting.
    pub fn url(&self) -> Url {
        format!("http://{}", self.address).parse().unwrap()
    }

    /// What `/health/ready` answers.
    pub fn health(&self, status: u16, body: &Value) {
        self.says("/health/ready", status, body.to_string());
    }

    /// What `/status` tells of projects.
    pub fn projects(&self, projects: &Value) {
        let status = json!({"projects": projects, "streams": 0, "uptime_seconds": 100});
        self.says("/status", 200, status.to_string());
    }

    /// The build.
    pub fn version(&self, version: &str) {
        let line = format!("build_info{{commit=\"c0ffee\",version=\"{version}\"}} 1\n");
        self.says("/metrics", 200, line);
    }

    /// What a path answers.
    pub fn says(&self, path: &str, status: u16, body: impl Into<Vec<u8>>) {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        script
            .answers
            .insert(path.to_owned(), (status, body.into()));
    }

    /// Takes requests, and answers none of them.
    pub fn falls_silent(&self) {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.silent = true;
    }

    /// How often a path was asked for.
    pub fn asked(&self, path: &str) -> usize {
        let script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.asked.get(path).copied().unwrap_or_default()
    }
}

/// A project as public-service tells of it.
pub fn told(slug: &str, state: &str, as_of: &str) -> Value {
    json!({
        "slug": slug, "state": state, "as_of": as_of, "subscribers": 2, "version": "e-7", "units": 3,
        "last_error": null, "next_attempt_at": "2025-07-10T12:00:30.000Z", "circuit_open": false,
        "upstream": {"requests": 10, "not_modified": 4, "failures": 1},
        "unmapped": [{"value": "Reservado", "count": 2, "example": "A-1",
                      "first_seen": "2025-07-10T11:00:00.000Z", "last_seen": "2025-07-10T12:00:00.000Z"}],
        "skipped": 1, "duplicates": 5, "settings_complaints": ["timeout_seconds is 0"],
    })
}

async fn serve(listener: TcpListener, script: Arc<Mutex<Script>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                connections.spawn(answer_all(client, Arc::clone(&script)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn answer_all(client: TcpStream, script: Arc<Mutex<Script>>) {
    let mut client = BufReader::new(client);
    loop {
        let mut line = String::new();
        if client.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        while line.trim() != "" {
            line.clear();
            if client.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let Some((status, body)) = answer(&script, path) else {
            return std::future::pending().await;
        };
        let head = format!(
            "HTTP/1.1 {status} OK\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let whole = [head.as_bytes(), &body].concat();
        if client.write_all(&whole).await.is_err() {
            return;
        }
    }
}

fn answer(script: &Mutex<Script>, path: String) -> Option<(u16, Vec<u8>)> {
    let mut script = script.lock().unwrap_or_else(PoisonError::into_inner);
    let found = script.answers.get(&path).cloned();
    *script.asked.entry(path).or_default() += 1;
    (!script.silent).then(|| found.unwrap_or((404, Vec::new())))
}
