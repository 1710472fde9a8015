//! A backend that writes down what it is told and answers as a test wants: late, twice, nonsense or not at all.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use test_kit::{PATIENCE, wait_until};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What the backend does with a call.
#[derive(Clone, Debug)]
pub enum Act {
    /// Answers with a status and a body.
    Say(u16, String),
    /// The same, with a header line.
    SayWith(u16, &'static str, String),
    /// Answers so, but later.
    Later(Duration, Box<Act>),
    /// Answers with this status twice, in one breath.
    Twice(u16),
    /// Writes these bytes and hangs up.
    Garbage(&'static str),
    /// Answers with this status, and hangs up in the midst of the body.
    BreakOff(u16),
    /// Answers with this status, and never comes to the end of the body.
    Drag(u16),
    /// Hangs up.
    Cut,
    /// Never answers, and keeps the connection.
    Hang,
}

impl Act {
    /// 200 with nothing to do.
    pub fn ok() -> Self {
        Self::Say(200, "{}".to_owned())
    }

    /// Only a status.
    pub fn status(status: u16) -> Self {
        Self::Say(status, String::new())
    }

    /// Later by so many milliseconds.
    pub fn after(self, milliseconds: u64) -> Self {
        Self::Later(Duration::from_millis(milliseconds), Box::new(self))
    }

    /// Whether nothing can follow on the same connection.
    fn is_last(&self) -> bool {
        match self {
            Self::BreakOff(_) | Self::Drag(_) => true,
            Self::Later(_, act) => act.is_last(),
            _ => false,
        }
    }
}

/// One call of the gateway.
#[derive(Clone, Debug)]
pub struct Call {
    /// The request line and the headers.
    pub head: String,
    /// The body.
    pub json: Value,
    /// Its place among all events of this backend.
    pub at: usize,
    /// The place of the end of its answer; `None` while there is none.
    pub answered_at: Option<usize>,
    /// The status that was answered whole.
    pub status: Option<u16>,
}

impl Call {
    pub fn is(&self, action: &str) -> bool {
        self.json["action"] == action
    }

    pub fn token(&self) -> String {
        self.json["token"].as_str().unwrap().to_owned()
    }

    pub fn url(&self) -> &str {
        self.json["request"]["url"].as_str().unwrap()
    }
}

type Script = Arc<Mutex<Box<dyn FnMut(&Call) -> Act + Send>>>;

/// A running backend.
pub struct Backend {
    pub address: SocketAddr,
    shared: Shared,
    _tasks: JoinSet<()>,
}

#[derive(Clone)]
struct Shared {
    calls: Arc<Mutex<Vec<Call>>>,
    places: Arc<Mutex<usize>>,
    script: Script,
}

impl Backend {
    /// One that says ok to everything.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Shared {
            calls: Arc::default(),
            places: Arc::default(),
            script: Arc::new(Mutex::new(Box::new(|_| Act::ok()))),
        };
        let mut tasks = JoinSet::new();
        let serving = shared.clone();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(serving.clone().serve(stream));
            }
        });
        Self {
            address,
            shared,
            _tasks: tasks,
        }
    }

    /// What it does from now on.
    pub fn script(&self, script: impl FnMut(&Call) -> Act + Send + 'static) {
        *self.shared.script.lock().unwrap() = Box::new(script);
    }

    /// What it does with connects from now on; disconnects are taken.
    pub fn on_connect(&self, act: Act) {
        self.script(move |call| {
            if call.is("connect") {
                act.clone()
            } else {
                Act::ok()
            }
        });
    }

    /// What it does with disconnects from now on; connects are accepted.
    pub fn on_disconnect(&self, mut acts: impl FnMut() -> Act + Send + 'static) {
        self.script(move |call| {
            if call.is("disconnect") {
                acts()
            } else {
                Act::ok()
            }
        });
    }

    /// Everything that it was told.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().unwrap().clone()
    }

    /// The calls of this kind.
    pub fn calls_of(&self, action: &str) -> Vec<Call> {
        let mut calls = self.calls();
        calls.retain(|call| call.is(action));
        calls
    }

    /// Waits for so many calls of this kind, and gives them.
    pub async fn wait_for(&self, action: &str, count: usize) -> Vec<Call> {
        let what = format!("{count} × {action}");
        wait_until(&what, PATIENCE, async || {
            self.calls_of(action).len() >= count
        })
        .await;
        self.calls_of(action)
    }
}

impl Shared {
    async fn serve(self, mut stream: TcpStream) {
        let mut unread = Vec::new();
        while let Some((head, body)) = read_request(&mut stream, &mut unread).await {
            let json = serde_json::from_slice(&body).expect("the gateway speaks JSON");
            let mut call = Call {
                head,
                json,
                at: self.place(),
                answered_at: None,
                status: None,
            };
            let index = {
                let mut calls = self.calls.lock().unwrap();
                calls.push(call.clone());
                calls.len() - 1
            };
            let act = (self.script.lock().unwrap())(&call);
            let kept = act_on(&mut stream, &act).await;
            call.status = kept;
            {
                let mut calls = self.calls.lock().unwrap();
                calls[index].status = kept;
                calls[index].answered_at = Some(self.place());
            }
            if kept.is_none() || act.is_last() {
                return;
            }
        }
    }

    fn place(&self) -> usize {
        let mut places = self.places.lock().unwrap();
        *places += 1;
        *places
    }
}

/// The status that was answered; `None` where the connection is done for.
async fn act_on(stream: &mut TcpStream, act: &Act) -> Option<u16> {
    match act {
        Act::Say(status, body) => say(stream, *status, "", body).await,
        Act::SayWith(status, header, body) => say(stream, *status, header, body).await,
        Act::Later(wait, act) => {
            tokio::time::sleep(*wait).await;
            Box::pin(act_on(stream, act)).await
        }
        Act::Twice(status) => {
            let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\n{{}}");
            stream.write_all(answer.repeat(2).as_bytes()).await.ok()?;
            Some(*status)
        }
        Act::Garbage(bytes) => {
            let _ = stream.write_all(bytes.as_bytes()).await;
            None
        }
        Act::BreakOff(status) => {
            begin(stream, *status).await?;
            Some(*status)
        }
        Act::Drag(status) => {
            begin(stream, *status).await?;
            let _ = stream.read(&mut [0; 1]).await;
            Some(*status)
        }
        Act::Cut => None,
        Act::Hang => {
            // Until the gateway gives up.
            let _ = stream.read(&mut [0; 1]).await;
            None
        }
    }
}

async fn begin(stream: &mut TcpStream, status: u16) -> Option<()> {
    let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 10\r\n\r\nshort");
    stream.write_all(answer.as_bytes()).await.ok()
}

async fn say(stream: &mut TcpStream, status: u16, header: &str, body: &str) -> Option<u16> {
    let length = body.len();
    let answer = format!("HTTP/1.1 {status} X\r\n{header}Content-Length: {length}\r\n\r\n{body}");
    stream.write_all(answer.as_bytes()).await.ok()?;
    Some(status)
}

async fn read_request(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Option<(String, Vec<u8>)> {
    loop {
        let end = unread.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8(unread[..end].to_vec()).unwrap();
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.trim().parse::<usize>().unwrap())
            });
            let whole = end + 4 + length.unwrap();
            if unread.len() >= whole {
                let body = unread[end + 4..whole].to_vec();
                unread.drain(..whole);
                return Some((head, body));
            }
        }
        if stream.read_buf(unread).await.ok()? == 0 {
            return None;
        }
    }
}
