//! The service behind the public listener: looks at each connection, or shakes
//! hands over TLS, and gives it to our writer or, untouched, to actix.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::Protocol;
use actix_service::{Service, ServiceFactory};
use actix_web::rt::net::TcpStream;
use service_kit::proxies::TrustedProxies;
use service_kit::request_id::RequestId;
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;
use tokio_util::sync::CancellationToken;

use super::answer;
use super::head::StreamHead;
use super::look::{Look, consume, look};
use super::writer::Writer;
use crate::connection::{Patient, Rules};
use crate::error::ApiError;
use crate::http::StreamQuery;
use crate::limits::Client;
use crate::public::{Public, Watch};
use crate::status::ViewerStream;

/// What stands in front of every connection.
pub struct Door {
    /// What the listener offers.
    pub public: Arc<Public>,
    /// Who is believed about whom.
    pub proxies: TrustedProxies,
    /// With it, only TLS is spoken.
    pub tls: Option<TlsAcceptor>,
    /// A client that takes nothing for this long is dropped.
    pub write_deadline: Duration,
    /// A client that does not complete a handshake or a head in this time is dropped.
    pub head_within: Duration,
    /// A connection on which nothing is asked for this long is closed.
    pub idle: Duration,
    /// Connections without an answer under way end with this.
    pub stopping: CancellationToken,
}

/// A client's socket as actix gets it.
pub type Socketed = Patient<Socket>;

/// Plain, or behind TLS; boxed, because a plain stream must not carry its size.
type Socket = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// A connection as actix's HTTP service takes it.
pub type Connection = (Socketed, Protocol, Option<SocketAddr>);

/// Makes a [`Split`] for each worker.
pub struct SplitFactory<F> {
    /// Makes actix's service.
    pub http: F,
    /// Our side.
    pub door: Arc<Door>,
}

impl<F> ServiceFactory<TcpStream> for SplitFactory<F>
where
    F: ServiceFactory<Connection, Config = (), Response = ()>,
    F::Future: 'static,
    F::Service: 'static,
{
    type Response = ();
    type Error = F::Error;
    type Config = ();
    type Service = Split<F::Service>;
    type InitError = F::InitError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Service, Self::InitError>>>>;

    fn new_service(&self, config: ()) -> Self::Future {
        let http = self.http.new_service(config);
        let door = Arc::clone(&self.door);
        Box::pin(async move {
            Ok(Split {
                http: Rc::new(http.await?),
                door,
            })
        })
    }
}

/// One worker's side of the listener.
pub struct Split<S> {
    http: Rc<S>,
    door: Arc<Door>,
}

impl<S> Service<TcpStream> for Split<S>
where
    S: Service<Connection, Response = ()> + 'static,
{
    type Response = ();
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<(), S::Error>>>>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.http.poll_ready(cx)
    }

    fn call(&self, io: TcpStream) -> Self::Future {
        let http = Rc::clone(&self.http);
        let door = Arc::clone(&self.door);
        Box::pin(async move {
            let peer = io.peer_addr().ok();
            let seen = match &door.tls {
                Some(tls) => Box::pin(door.shake_hands(tls, io)).await,
                None => door.look(io).await,
            };
            match seen {
                // Each boxed apart: an open stream carries the size of nothing else.
                Some(Seen::Stream(io, head)) => {
                    let writer = Box::pin(door.admit(io, head)).await;
                    drop((http, door));
                    if let Some(writer) = writer {
                        // A task of its own: a change wakes that and nothing around it,
                        // and who waits here keeps actix's count of connections right.
                        let _ = actix_web::rt::spawn(writer.run()).await;
                    }
                    Ok(())
                }
                Some(Seen::Http(io, protocol)) => {
                    let rules = door.rules(protocol);
                    let io = Patient::new(io, rules, door.stopping.clone());
                    Box::pin(http.call((io, protocol, peer))).await
                }
                None => Ok(()),
            }
        })
    }
}

/// Who serves a connection.
enum Seen {
    /// Our stream writer.
    Stream(TcpStream, StreamHead),
    /// actix.
    Http(Socket, Protocol),
}

impl Door {
    /// Looks at a plain connection; `None` where the client left, or said nothing.
    async fn look(&self, io: TcpStream) -> Option<Seen> {
        match self.in_time(look(&io)).await? {
            Look::Stream(head) => Some(Seen::Stream(io, head)),
            Look::Http(protocol) => Some(Seen::Http(Either::Left(io), protocol)),
            Look::Gone => None,
        }
    }

    /// The same behind TLS, where actix serves everything.
    async fn shake_hands(&self, tls: &TlsAcceptor, io: TcpStream) -> Option<Seen> {
        let io = self.in_time(tls.accept(io)).await?;
        let protocol = match io.get_ref().1.alpn_protocol() {
            Some(b"h2") => Protocol::Http2,
            _ => Protocol::Http1,
        };
        Some(Seen::Http(Either::Right(Box::new(io)), protocol))
    }

    async fn in_time<T>(&self, step: impl Future<Output = std::io::Result<T>>) -> Option<T> {
        tokio::select! {
            done = timeout(self.head_within, step) => done.ok()?.ok(),
            () = self.stopping.cancelled() => None,
        }
    }

    fn rules(&self, protocol: Protocol) -> Rules {
        Rules {
            take_within: self.write_deadline,
            head_within: (protocol != Protocol::Http2).then_some(self.head_within),
            idle: self.idle,
        }
    }

    /// Opens the stream, or says why not.
    async fn admit(&self, io: TcpStream, head: StreamHead) -> Option<Writer> {
        let peer = io.peer_addr().ok()?;
        consume(&io, head.len).ok()?;
        let client = self
            .proxies
            .client(peer.ip(), head.forwarded_for.iter())
            .into();
        let id = RequestId::sane_or_fresh(head.request_id.as_deref(), self.public.random());
        let now = self.public.now();
        match self.open(&head, client).await {
            Ok(mut stream) => {
                let bytes = answer::stream(id.as_str(), now, &stream.hello());
                Some(Writer::new(io, stream, self.write_deadline, bytes.into()))
            }
            Err(error) => {
                let bytes = answer::refusal(id.as_str(), now, error.problem());
                // Whoever does not take it is not owed it.
                let _ = timeout(self.write_deadline, say(io, &bytes)).await;
                None
            }
        }
    }

    async fn open(&self, head: &StreamHead, client: Client) -> Result<ViewerStream, ApiError> {
        let query = StreamQuery::parse(&head.query)?;
        let header = head.last_event_id.as_deref();
        let watch = Watch {
            slug: &head.slug,
            last_event_id: header.or(query.last_event_id.as_deref()),
            mode: query.mode,
            client,
        };
        self.public.watch(watch).await
    }
}

async fn say(mut io: TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    io.write_all(bytes).await?;
    io.shutdown().await
}
