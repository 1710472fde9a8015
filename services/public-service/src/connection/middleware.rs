//! Notes each request in the traffic of its connection; the outermost middleware,
//! so that no answer goes out unseen.

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll, ready as try_ready};

use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use pin_project_lite::pin_project;

use super::body::Paced;
use super::traffic::{Answer, Traffic};

/// The middleware.
#[derive(Clone, Copy)]
pub struct Pace;

impl<S, B> Transform<S, ServiceRequest> for Pace
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>>,
    B: MessageBody,
{
    type Response = ServiceResponse<Paced<B>>;
    type Error = S::Error;
    type Transform = PaceService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, Self::InitError>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(PaceService { inner }))
    }
}

/// [`Pace`] around one worker's service.
pub struct PaceService<S> {
    inner: S,
}

impl<S, B> Service<ServiceRequest> for PaceService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>>,
    B: MessageBody,
{
    type Response = ServiceResponse<Paced<B>>;
    type Error = S::Error;
    type Future = Pacing<S::Future>;

    forward_ready!(inner);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let answer = request
            .request()
            .conn_data::<Traffic>()
            .map(Traffic::request);
        Pacing {
            inner: self.inner.call(request),
            answer,
        }
    }
}

pin_project! {
    /// The answer to come.
    pub struct Pacing<F> {
        #[pin]
        inner: F,
        answer: Option<Answer>,
    }
}

impl<F, B, E> Future for Pacing<F>
where
    F: Future<Output = Result<ServiceResponse<B>, E>>,
{
    type Output = Result<ServiceResponse<Paced<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = try_ready!(this.inner.poll(cx));
        let answer = this.answer.take();
        Poll::Ready(response.map(|response| response.map_body(|_, body| Paced::new(body, answer))))
    }
}
