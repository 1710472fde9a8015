//! A key server (JWKS) that goes away, hangs, lies and rotates its keys when a test says so, and signs tokens with
//! what it publishes. How tokens are made is in `tokens`.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::tokens::{TestKey, token};

/// How requests are answered.
#[derive(Debug, Clone)]
enum Mode {
    /// With the keys of the moment.
    Keys,
    /// With a reset.
    Away,
    /// Not before the mode changes.
    Silent,
    /// With this status and body.
    Text(u16, String),
}

/// Publishes one RSA key on every path while it lives. Answers one request per connection.
#[derive(Debug)]
pub struct KeyServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    mode: watch::Sender<Mode>,
    rotations: Mutex<usize>,
    heads: Mutex<Vec<String>>,
}

impl KeyServer {
    /// A key server on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a free port");
        let address = listener
            .local_addr()
            .expect("a bound listener has an address");
        let shared = Arc::new(Shared {
            mode: watch::Sender::new(Mode::Keys),
            rotations: Mutex::default(),
            heads: Mutex::default(),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&shared)));
        Self {
            address,
            shared,
            _tasks: tasks,
        }
    }

    /// Its address without a path: for `KEYCLOAK_INTERNAL_URL` or `JWT_JWKS_URL`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next key takes the place of the one that is published and signed with; the old one is withdrawn.
    pub fn rotate(&self) {
        *lock(&self.shared.rotations) += 1;
    }

    /// From now on every connection is reset; each counts as a request.
    pub fn go_away(&self) {
        self.shared.mode.send_replace(Mode::Away);
    }

    /// From now on requests are heard and not answered. Those that wait are answered as soon as this changes.
    pub fn fall_silent(&self) {
        self.shared.mode.send_replace(Mode::Silent);
    }

    /// From now on this is the answer to everything.
    pub fn answer(&self, status: u16, body: impl Into<String>) {
        self.shared
            .mode
            .send_replace(Mode::Text(status, body.into()));
    }

    /// Ends [`go_away`](Self::go_away), [`fall_silent`](Self::fall_silent) and [`answer`](Self::answer).
    pub fn come_back(&self) {
        self.shared.mode.send_replace(Mode::Keys);
    }

    /// How often it was asked so far.
    pub fn requests(&self) -> usize {
        self.heads().len()
    }

    /// The heads of what it was asked; of a connection that was reset, nothing.
    pub fn heads(&self) -> Vec<String> {
        lock(&self.shared.heads).clone()
    }

    /// The key set as it is published.
    pub fn jwks(&self) -> Value {
        self.shared.jwks()
    }

    /// The `kid` of the key that is published.
    pub fn kid(&self) -> String {
        self.shared.key().kid().to_owned()
    }

    /// The public half of that key as PEM.
    pub fn public_pem(&self) -> String {
        self.shared.key().public_pem()
    }

    /// A token as Keycloak makes them: RS256, with `kid`.
    pub fn sign(&self, claims: &Value) -> String {
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": self.kid()});
        self.sign_as(&header, claims)
    }

    /// A token with any header; the signature is RS256 of the published key whatever the header says.
    pub fn sign_as(&self, header: &Value, claims: &Value) -> String {
        token(header, claims, |input| self.shared.key().sign(input))
    }
}

impl Shared {
    fn key(&self) -> TestKey {
        TestKey::number(*lock(&self.rotations))
    }

    fn jwks(&self) -> Value {
        json!({"keys": [self.key().jwk()]})
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                connections.spawn(serve(client, Arc::clone(&shared)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// The client may leave at any time: that is what some tests are about.
async fn serve(mut client: TcpStream, shared: Arc<Shared>) {
    let away = matches!(*shared.mode.borrow(), Mode::Away);
    let head = if away {
        String::new()
    } else {
        read_head(&mut client).await
    };
    lock(&shared.heads).push(head);
    let mut changes = shared.mode.subscribe();
    let spoken = changes.wait_for(|mode| !matches!(mode, Mode::Silent)).await;
    let mode = spoken.map_or(Mode::Away, |mode| mode.clone());
    let (status, body) = match mode {
        Mode::Text(status, body) => (status, body),
        Mode::Keys => (200, shared.jwks().to_string()),
        Mode::Away | Mode::Silent => {
            // A socket that is gone already needs no reset.
            let _ = client.set_zero_linger();
            return;
        }
    };
    let size = body.len();
    let head = format!(
        "HTTP/1.1 {status} Scripted\r\ncontent-type: application/json\r\ncontent-length: {size}\r\n\
         connection: close\r\n\r\n"
    );
    let _ = client
        .write_all(&[head.as_bytes(), body.as_bytes()].concat())
        .await;
    let _ = client.shutdown().await;
}

async fn read_head(client: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match client.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
