//! Hands a socket over: actix serves HTTP, and when it has answered an upgrade, a session owns the connection.
//! docs/decisions/0018 tells why that is not actix-ws.

use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_codec::Framed;
use actix_http::body::{BoxBody, MessageBody, to_bytes};
use actix_http::h1::{Codec, SendResponse};
use actix_http::{ConnectionType, HttpMessage as _, Request, Response};
use actix_service::{Service, ServiceFactory};
use actix_web::dev::ServiceResponse;
use bytes::BytesMut;
use futures_util::future::LocalBoxFuture;
use tokio::time::timeout;

use super::front::Connection;
use super::upgrade::{HandsOver, Plan};
use crate::wire::Socket;
use crate::ws::{Desk, Session, say_goodbye};

/// Serves requests that ask for an upgrade, and the sockets that come of them.
pub struct UpgradeFactory<F> {
    /// Makes the application: the same routes and middleware as for all other requests.
    pub app: F,
    /// What sockets work with.
    pub desk: Arc<Desk>,
    /// For the answer.
    pub within: Duration,
}

/// [`UpgradeFactory`] on one worker.
pub struct Upgrade<S> {
    app: Rc<S>,
    desk: Arc<Desk>,
    within: Duration,
}

impl<F, B> ServiceFactory<(Request, Framed<Connection, Codec>)> for UpgradeFactory<F>
where
    F: ServiceFactory<
            Request,
            Config = (),
            Response = ServiceResponse<B>,
            Error = actix_web::Error,
            InitError = (),
        >,
    F::Future: 'static,
    F::Service: 'static,
    B: MessageBody + 'static,
{
    type Response = ();
    type Error = actix_web::Error;
    type Config = ();
    type Service = Upgrade<F::Service>;
    type InitError = ();
    type Future = LocalBoxFuture<'static, Result<Self::Service, ()>>;

    fn new_service(&self, config: ()) -> Self::Future {
        let app = self.app.new_service(config);
        let (desk, within) = (Arc::clone(&self.desk), self.within);
        Box::pin(async move {
            let app = Rc::new(app.await?);
            Ok(Upgrade { app, desk, within })
        })
    }
}

impl<S, B> Service<(Request, Framed<Connection, Codec>)> for Upgrade<S>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ();
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<(), actix_web::Error>>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), actix_web::Error>> {
        self.app.poll_ready(cx)
    }

    fn call(&self, (request, framed): (Request, Framed<Connection, Codec>)) -> Self::Future {
        let (app, desk, within) = (Rc::clone(&self.app), Arc::clone(&self.desk), self.within);
        Box::pin(async move {
            // Boxed apart: an open socket must not carry the size of its beginning.
            let opened = Box::pin(answer(app, request, framed, within)).await;
            if let Some((socket, plan)) = opened {
                match plan {
                    Plan::Open(guest) => Box::pin(Session::new(socket, desk, *guest).run()).await,
                    Plan::Refuse(ending) => {
                        desk.metrics.closed(ending);
                        let mut socket = socket;
                        say_goodbye(&mut socket, [].into(), ending).await;
                    }
                }
            }
            Ok(())
        })
    }
}

/// Answers `request`; the socket, where the answer was an upgrade.
async fn answer<S, B>(
    app: Rc<S>,
    request: Request,
    framed: Framed<Connection, Codec>,
    within: Duration,
) -> Option<(Socket<Connection>, Plan)>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody + 'static,
{
    request.extensions_mut().insert(HandsOver);
    let (plan, mut response): (_, Response<BoxBody>) = match app.call(request).await {
        Ok(mut answered) => {
            let plan = answered.response_mut().extensions_mut().remove::<Plan>();
            (plan, answered.map_into_boxed_body().into())
        }
        Err(error) => (None, Response::from(error)),
    };
    if plan.is_none() {
        response
            .head_mut()
            .set_connection_type(ConnectionType::Close);
    }
    // Our own, and small: whoever asks for an upgrade where there is none gets a problem.
    let (head, body) = response.into_parts();
    let whole = head.set_body(to_bytes(body).await.unwrap_or_default());
    let sent = timeout(within, SendResponse::new(framed, whole)).await;
    let parts = sent.ok()?.ok()?.into_parts();
    // A copy: what the dispatcher reads into is a buffer of 8 KiB, kept for a few bytes.
    let mut socket = Socket::new(parts.io, BytesMut::from(&parts.read_buf[..]));
    let Some(plan) = plan else {
        // A client that upgrades may already be talking; see `say_goodbye`.
        let parting = socket.part();
        let _ = timeout(within, parting).await;
        return None;
    };
    Some((socket, plan))
}

impl Socket<Connection> {
    /// Ends a connection that never was a WebSocket.
    async fn part(&mut self) {
        std::future::poll_fn(|cx| self.poll_shutdown(cx)).await;
        std::future::poll_fn(|cx| self.poll_ignore(cx)).await;
    }
}
