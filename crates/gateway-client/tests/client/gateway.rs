//! A gateway on a real socket that answers as it is told: per token, or not at all.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};
use service_kit::settings::Url;
use test_kit::{PATIENCE, wait_until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What it does with every request.
#[derive(Clone, Debug)]
pub(crate) enum Mood {
    /// Sends are answered by the fate of their tokens, lists with what it holds open.
    Well,
    /// One answer to everything.
    Answers(u16, String),
    /// Never an answer.
    Silent,
    /// The connection is closed instead of an answer.
    Cut,
}

/// One request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Value,
    pub(crate) size: usize,
}

#[derive(Debug)]
pub(crate) struct ScriptedGateway {
    url: Url,
    script: Arc<Script>,
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Script {
    state: Mutex<State>,
    turned: watch::Sender<()>,
}

#[derive(Debug)]
struct State {
    mood: Mood,
    /// Status by token; the others are delivered.
    fates: HashMap<String, u16>,
    /// Events with such data wait.
    held: HashSet<String>,
    seen: Vec<Seen>,
    instance: Value,
    open: Vec<String>,
}

impl ScriptedGateway {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::new(Script {
            state: Mutex::new(State {
                mood: Mood::Well,
                fates: HashMap::new(),
                held: HashSet::new(),
                seen: Vec::new(),
                instance: instance("one", 1),
                open: Vec::new(),
            }),
            turned: watch::Sender::new(()),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&script)));
        Self {
            url: Url::parse(&url).unwrap(),
            script,
            _tasks: tasks,
        }
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    pub(crate) fn set(&self, mood: Mood) {
        self.script.state().mood = mood;
    }

    /// From now on sends to this token are answered so.
    pub(crate) fn answer(&self, token: &str, status: u16) {
        self.script.state().fates.insert(token.to_owned(), status);
    }

    /// All tokens are known again, nothing waits, nothing was seen.
    pub(crate) fn forget(&self) {
        let mut state = self.script.state();
        state.fates.clear();
        state.held.clear();
        state.seen.clear();
    }

    /// Events with this data are not answered until `release`.
    pub(crate) fn hold(&self, data: &str) {
        self.script.state().held.insert(data.to_owned());
    }

    pub(crate) fn release(&self, data: &str) {
        self.script.state().held.remove(data);
        self.script.turned.send_replace(());
    }

    /// What it says to hold open, and as which run.
    pub(crate) fn lists(&self, instance: Value, open: &[&str]) {
        let mut state = self.script.state();
        state.instance = instance;
        state.open = open.iter().map(|token| (*token).to_owned()).collect();
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.script.state().seen.clone()
    }

    pub(crate) async fn has_seen(&self, data: &str) {
        wait_until("the gateway is asked", PATIENCE, async || {
            let state = self.script.state();
            state.seen.iter().any(|seen| first_data(&seen.body) == data)
        })
        .await;
    }

    pub(crate) async fn has_seen_requests(&self, number: usize) {
        wait_until("the gateway is asked so often", PATIENCE, async || {
            self.script.state().seen.len() >= number
        })
        .await;
    }
}

/// A run of a gateway as it names itself.
pub(crate) fn instance(id: &str, minute: u32) -> Value {
    json!({ "id": id, "started_at": format!("2026-01-01T00:{minute:02}:00.000Z") })
}

impl Script {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// `None` for a connection that is to be closed.
    async fn answer(&self, asked: Seen) -> Option<(u16, String)> {
        let data = first_data(&asked.body).to_owned();
        let mut turned = self.turned.subscribe();
        self.state().seen.push(asked.clone());
        while self.state().held.contains(&data) {
            turned.changed().await.unwrap();
        }
        let mood = self.state().mood.clone();
        match mood {
            Mood::Well => Some(self.state().well(&asked)),
            Mood::Answers(status, body) => Some((status, body)),
            Mood::Silent => std::future::pending().await,
            Mood::Cut => None,
        }
    }
}

impl State {
    fn well(&self, asked: &Seen) -> (u16, String) {
        if asked.line.starts_with("GET /internal/connections") {
            let open = self.open.iter().map(|token| {
                json!({ "token": token, "url": format!("/of/{token}"), "since": "2026-01-01T00:00:00Z", "bytes_queued": 0 })
            });
            let list =
                json!({ "instance": self.instance, "connections": open.collect::<Vec<_>>() });
            return (200, list.to_string());
        }
        if let Some(sends) = asked.body["sends"].as_array() {
            let results = sends.iter().map(|send| {
                let (status, body) = self.of(send);
                json!({ "status": status, "body": body })
            });
            let results = json!({ "results": results.collect::<Vec<_>>() });
            return (200, results.to_string());
        }
        let (status, body) = self.of(&asked.body);
        (status, body.to_string())
    }

    fn of(&self, send: &Value) -> (u16, Value) {
        let token = send["token"].as_str().unwrap();
        match self.fates.get(token) {
            None => (200, json!({ "status": "ok" })),
            Some(status) => (
                *status,
                json!({ "error": { "message": "as told", "code": "TOLD" } }),
            ),
        }
    }
}

fn first_data(body: &Value) -> &str {
    let send = body.get("sends").map_or(body, |sends| &sends[0]);
    send["event"]["data"].as_str().unwrap_or_default()
}

async fn accept(listener: TcpListener, script: Arc<Script>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                connections.spawn(serve(accepted.unwrap().0, Arc::clone(&script)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One kept-alive connection.
async fn serve(mut stream: TcpStream, script: Arc<Script>) {
    let mut unread = Vec::new();
    while let Some(asked) = read(&mut stream, &mut unread).await {
        let Some((status, body)) = script.answer(asked).await else {
            return;
        };
        let size = body.len();
        let head = format!("HTTP/1.1 {status} Told\r\ncontent-length: {size}\r\n\r\n");
        if stream.write_all((head + &body).as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Option<Seen> {
    let head = loop {
        if let Some(end) = unread.windows(4).position(|it| it == b"\r\n\r\n") {
            let head = unread.drain(..end + 4).collect();
            break String::from_utf8(head).unwrap();
        }
        if stream.read_buf(unread).await.unwrap_or(0) == 0 {
            return None;
        }
    };
    let mut lines = head.lines();
    let line = lines.next().unwrap().to_owned();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    let headers: HashMap<_, _> = headers.collect();
    let size = headers.get("content-length");
    let size = size.map_or(0, |size| size.parse().unwrap());
    while unread.len() < size {
        if stream.read_buf(unread).await.unwrap_or(0) == 0 {
            return None;
        }
    }
    let body: Vec<u8> = unread.drain(..size).collect();
    let body = serde_json::from_slice(&body).unwrap_or_default();
    Some(Seen {
        line,
        headers,
        body,
        size,
    })
}
