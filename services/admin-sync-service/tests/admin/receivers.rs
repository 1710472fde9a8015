//! Receivers of alerts that do as they are told: one for webhooks, one for mail.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::Value;
use test_kit::{PATIENCE, wait_until};
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// What a receiver got, oldest first.
#[derive(Clone, Debug)]
struct Taken<T>(Arc<Mutex<Vec<T>>>);

impl<T: Clone> Taken<T> {
    fn new() -> Self {
        Self(Arc::default())
    }

    fn push(&self, one: T) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(one);
    }

    fn all(&self) -> Vec<T> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits for so many; all that there are then.
    async fn wait(&self, count: usize, what: &str) -> Vec<T> {
        let waiting = wait_until(what, PATIENCE, async || self.all().len() >= count);
        waiting.await;
        self.all()
    }
}

/// One POST.
#[derive(Clone, Debug)]
pub struct Post {
    /// The head, lower case.
    pub head: String,
    /// The body, byte by byte.
    pub body: Vec<u8>,
}

impl Post {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a notice is JSON")
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// Takes webhooks, once it has refused as many as it was told to.
pub struct WebhookReceiver {
    address: SocketAddr,
    posts: Taken<Post>,
    refusals: Arc<Mutex<VecDeque<u16>>>,
    _serving: JoinSet<()>,
}

impl WebhookReceiver {
    /// On a free port; the first posts are answered with these statuses, all others with 204.
    pub async fn refusing(statuses: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener
            .local_addr()
            .expect("a bound listener has an address");
        let (posts, refusals) = (
            Taken::new(),
            Arc::new(Mutex::new(statuses.iter().copied().collect())),
        );
        let mut serving = JoinSet::new();
        serving.spawn(serve_posts(listener, posts.clone(), Arc::clone(&refusals)));
        Self {
            address,
            posts,
            refusals,
            _serving: serving,
        }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}/hook?token=s3cret-of-hook", self.address)
    }

    /// Waits for so many posts that it took.
    pub async fn wait(&self, count: usize) -> Vec<Post> {
        self.posts
            .wait(count, &format!("{count} webhooks are taken"))
            .await
    }

    /// The posts that it took.
    pub fn posts(&self) -> Vec<Post> {
        self.posts.all()
    }

    /// Waits until it has refused as often as it was told to.
    pub async fn refused_all(&self) {
        wait_until("all refusals are used up", PATIENCE, async || {
            self.refusals
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .is_empty()
        })
        .await;
    }
}

async fn serve_posts(
    listener: TcpListener,
    posts: Taken<Post>,
    refusals: Arc<Mutex<VecDeque<u16>>>,
) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (posts, refusals) = (posts.clone(), Arc::clone(&refusals));
        connections.spawn(async move {
            let mut stream = BufReader::new(stream);
            while let Some(post) = read_post(&mut stream).await {
                let refusal = refusals
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .pop_front();
                if refusal.is_none() {
                    posts.push(post);
                }
                let answer = format!(
                    "HTTP/1.1 {} x\r\ncontent-length: 0\r\n\r\n",
                    refusal.unwrap_or(204)
                );
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
        });
    }
}

async fn read_post(stream: &mut BufReader<TcpStream>) -> Option<Post> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let post = Post {
        head: head.to_lowercase(),
        body: Vec::new(),
    };
    let length: usize = post.header("content-length")?.trim().parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Post { body, ..post })
}

/// How a mail server speaks.
#[derive(Clone)]
pub enum Speech {
    /// Plain, from the beginning to the end.
    Plain,
    /// TLS from the first byte.
    Tls(TlsAcceptor),
    /// Plain until STARTTLS.
    StartTls(TlsAcceptor),
}

/// A mail server that takes everything.
pub struct MailReceiver {
    /// Where it listens.
    pub address: SocketAddr,
    mails: Taken<String>,
    _serving: JoinSet<()>,
}

impl MailReceiver {
    /// On a free port.
    pub async fn speaking(speech: Speech) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener
            .local_addr()
            .expect("a bound listener has an address");
        let mails = Taken::new();
        let mut serving = JoinSet::new();
        serving.spawn(serve_mails(listener, mails.clone(), speech));
        Self {
            address,
            mails,
            _serving: serving,
        }
    }

    /// Waits for so many mails: envelope and content, as they came over the wire.
    pub async fn wait(&self, count: usize) -> Vec<String> {
        self.mails
            .wait(count, &format!("{count} mails are taken"))
            .await
    }

    /// The mails so far.
    pub fn mails(&self) -> Vec<String> {
        self.mails.all()
    }
}

/// A certificate for `localhost`, as PEM, and what a server makes of it.
pub fn certificate() -> (String, TlsAcceptor) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("its key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the usual protocols")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("key and certificate belong together");
    (cert.pem(), TlsAcceptor::from(Arc::new(config)))
}

async fn serve_mails(listener: TcpListener, mails: Taken<String>, speech: Speech) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (mails, speech) = (mails.clone(), speech.clone());
        connections.spawn(async move {
            match speech {
                Speech::Plain => drop(greet(stream, &mails, false).await),
                Speech::Tls(acceptor) => {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        drop(greet(stream, &mails, false).await);
                    }
                }
                Speech::StartTls(acceptor) => {
                    if let Ok(Some(stream)) = greet(stream, &mails, true).await
                        && let Ok(stream) = acceptor.accept(stream).await
                    {
                        drop(converse(stream, &mails, false).await);
                    }
                }
            }
        });
    }
}

/// The server speaks first, but not again when TLS has begun.
async fn greet<S>(
    mut stream: S,
    mails: &Taken<String>,
    offers_tls: bool,
) -> std::io::Result<Option<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream.write_all(b"220 localhost\r\n").await?;
    converse(stream, mails, offers_tls).await
}

/// Speaks SMTP; gives the stream back where the client wants TLS on it.
async fn converse<S>(
    stream: S,
    mails: &Taken<String>,
    offers_tls: bool,
) -> std::io::Result<Option<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut stream = BufReader::new(stream);
    let mut mail = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let word = line.to_ascii_uppercase();
        let answer = if word.starts_with("EHLO") && offers_tls {
            "250-localhost\r\n250 STARTTLS\r\n"
        } else if word.starts_with("EHLO") {
            "250-localhost\r\n250 AUTH PLAIN LOGIN\r\n"
        } else if word.starts_with("STARTTLS") {
            stream.write_all(b"220 go\r\n").await?;
            return Ok(Some(stream.into_inner()));
        } else if word.starts_with("AUTH") {
            mail += &line;
            "235 welcome\r\n"
        } else if word.starts_with("DATA") {
            stream.write_all(b"354 go\r\n").await?;
            while !mail.ends_with("\r\n.\r\n") {
                if stream.read_line(&mut mail).await? == 0 {
                    return Ok(None);
                }
            }
            mails.push(std::mem::take(&mut mail));
            "250 taken\r\n"
        } else if word.starts_with("QUIT") {
            "221 bye\r\n"
        } else {
            mail += &line;
            "250 ok\r\n"
        };
        stream.write_all(answer.as_bytes()).await?;
    }
}
