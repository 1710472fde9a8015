//! The service behind the public listener: looks at each connection and gives
//! it to our writer or, untouched, to actix.

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
use service_kit::request_id::RequestId;
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::answer;
use super::head::StreamHead;
use super::look::{Look, consume, look};
use super::writer::Writer;
use crate::error::ApiError;
use crate::http::{StreamQuery, TrustedProxies};
use crate::limits::Client;
use crate::public::{Public, Watch};
use crate::status::ViewerStream;

/// What our side of the listener needs.
pub struct Door {
    /// What it offers.
    pub public: Arc<Public>,
    /// Who is believed about whom.
    pub proxies: TrustedProxies,
    /// A viewer that takes nothing for this long is dropped.
    pub write_deadline: Duration,
    /// A client that says nothing for this long is dropped.
    pub first_bytes_within: Duration,
    /// Connections that have said nothing yet end with this.
    pub stopping: CancellationToken,
}

/// A connection as actix's HTTP service takes it.
type Connection = (TcpStream, Protocol, Option<SocketAddr>);

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
            match door.look(&io).await {
                // Each boxed apart: an open stream carries the size of nothing else.
                Look::Stream(head) => {
                    let writer = Box::pin(door.admit(io, head)).await;
                    drop((http, door));
                    if let Some(writer) = writer {
                        Box::pin(writer.run()).await;
                    }
                }
                Look::Http(protocol) => {
                    let peer = io.peer_addr().ok();
                    return Box::pin(http.call((io, protocol, peer))).await;
                }
                Look::Gone => {}
            }
            Ok(())
        })
    }
}

impl Door {
    async fn look(&self, io: &TcpStream) -> Look {
        tokio::select! {
            seen = timeout(self.first_bytes_within, look(io)) => match seen {
                Ok(Ok(seen)) => seen,
                Ok(Err(_)) | Err(_) => Look::Gone,
            },
            () = self.stopping.cancelled() => Look::Gone,
        }
    }

    /// Opens the stream, or says why not.
    async fn admit(&self, io: TcpStream, head: StreamHead) -> Option<Writer> {
        let peer = io.peer_addr().ok()?;
        consume(&io, head.len).ok()?;
        let lines = head.forwarded_for.iter().map(String::as_str);
        let client = self.proxies.client(peer.ip(), lines);
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
