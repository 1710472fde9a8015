//! In front of every connection: a handshake over TLS where there is a certificate.

use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_service::{Service, ServiceFactory};
use actix_web::rt::net::TcpStream;
use futures_util::future::LocalBoxFuture;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

/// A client's connection: plain, or behind TLS; boxed, because a plain one must not carry its size.
pub type Connection = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// Shakes hands over TLS where there is a certificate, and gives the connection on.
pub struct FrontFactory<F> {
    /// Makes actix's HTTP/1.1 service.
    pub http: F,
    /// With it, only TLS is spoken.
    pub tls: Option<TlsAcceptor>,
    /// For the handshake.
    pub within: Duration,
}

/// [`FrontFactory`] on one worker.
pub struct Front<S> {
    http: Rc<S>,
    tls: Option<TlsAcceptor>,
    within: Duration,
}

impl<F> ServiceFactory<TcpStream> for FrontFactory<F>
where
    F: ServiceFactory<(Connection, Option<SocketAddr>), Config = (), Response = ()>,
    F::Future: 'static,
    F::Service: 'static,
{
    type Response = ();
    type Error = F::Error;
    type Config = ();
    type Service = Front<F::Service>;
    type InitError = F::InitError;
    type Future = LocalBoxFuture<'static, Result<Self::Service, Self::InitError>>;

    fn new_service(&self, config: ()) -> Self::Future {
        let (http, tls, within) = (self.http.new_service(config), self.tls.clone(), self.within);
        Box::pin(async move {
            let http = Rc::new(http.await?);
            Ok(Front { http, tls, within })
        })
    }
}

impl<S> Service<TcpStream> for Front<S>
where
    S: Service<(Connection, Option<SocketAddr>), Response = ()> + 'static,
{
    type Response = ();
    type Error = S::Error;
    type Future = LocalBoxFuture<'static, Result<(), S::Error>>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.http.poll_ready(cx)
    }

    fn call(&self, io: TcpStream) -> Self::Future {
        let peer = io.peer_addr().ok();
        let Some(tls) = self.tls.clone() else {
            return Box::pin(self.http.call((Either::Left(io), peer)));
        };
        let (http, within) = (Rc::clone(&self.http), self.within);
        Box::pin(async move {
            let shaken = Box::pin(timeout(within, tls.accept(io))).await;
            match shaken {
                Ok(Ok(io)) => Box::pin(http.call((Either::Right(Box::new(io)), peer))).await,
                // Whoever does not speak TLS is told by the end of the connection.
                _ => Ok(()),
            }
        })
    }
}
