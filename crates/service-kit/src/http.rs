//! What every HTTP answer of every service has: a request identity, `nosniff`, and a problem body where actix would
//! answer 404 or 405 with none. Headers that only one service wants are the service's own.

use std::{
    future::{Ready, ready},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use actix_web::{
    Error, HttpMessage as _, HttpResponse, ResponseError as _,
    body::{BodySize, EitherBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
    error::InternalError,
    http::{
        StatusCode,
        header::{ALLOW, HeaderMap, HeaderValue, X_CONTENT_TYPE_OPTIONS},
    },
};
use futures_util::future::LocalBoxFuture;

use crate::{
    problem::Problem,
    random::Random,
    request_id::{self, CURRENT, RequestId},
};

/// The middleware; wrap it around everything else, so that what other middleware refuses carries the headers too.
///
/// ```no_run
/// # use actix_web::App;
/// use service_kit::{http::Envelope, problem, random::Random};
///
/// // One for all workers: made outside of the closure that HttpServer calls per worker.
/// let envelope = Envelope::new(&Random::system());
/// let application = move || App::new().configure(problem::configure).wrap(envelope.clone());
/// ```
///
/// Routes belong to `web::resource(path)`: `App::route` answers 404 where a path exists and the method does not.
/// Handlers find the [`RequestId`] among the request's extensions.
#[derive(Clone, Debug)]
pub struct Envelope(Arc<Identities>);

/// Fresh identities for the price of one atomic addition: a random start, then an odd step through all of u64.
#[derive(Debug)]
struct Identities(AtomicU64);

impl Identities {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

    fn fresh(&self) -> RequestId {
        RequestId::from_number(self.0.fetch_add(Self::STEP, Ordering::Relaxed))
    }
}

impl Envelope {
    /// One for all workers: identities are unique within the process, and across restarts by the random start.
    pub fn new(random: &Random) -> Self {
        Self(Arc::new(Identities(AtomicU64::new(
            random.u64_below(u64::MAX),
        ))))
    }
}

impl<S, B> Transform<S, ServiceRequest> for Envelope
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = EnvelopeService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, Self::InitError>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(EnvelopeService {
            inner,
            identities: Arc::clone(&self.0),
        }))
    }
}

/// [`Envelope`] around one worker's service.
#[derive(Debug)]
pub struct EnvelopeService<S> {
    inner: S,
    identities: Arc<Identities>,
}

impl<S, B> Service<ServiceRequest> for EnvelopeService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Self::Error>>;

    forward_ready!(inner);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let sent = request.headers().get(&request_id::HEADER);
        let id = sent
            .and_then(RequestId::from_header)
            .unwrap_or_else(|| self.identities.fresh());
        request.extensions_mut().insert(id.clone());
        // The inner call already runs code (routing, synchronous handlers), so it needs the identity too.
        let answer = CURRENT.sync_scope(id.clone(), || self.inner.call(request));
        Box::pin(CURRENT.scope(id.clone(), async move {
            match answer.await {
                Ok(response) => Ok(finish(response, &id)),
                Err(error) => Err(finish_error(&error, &id)),
            }
        }))
    }
}

fn finish<B: MessageBody>(
    response: ServiceResponse<B>,
    id: &RequestId,
) -> ServiceResponse<EitherBody<B>> {
    let bare = matches!(
        response.status(),
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED
    ) && matches!(
        response.response().body().size(),
        BodySize::None | BodySize::Sized(0)
    );
    let mut response = if bare {
        let problem = explain(response.response().head().headers(), response.status());
        let (request, _) = response.into_parts();
        ServiceResponse::new(request, problem.map_into_right_body())
    } else {
        response.map_into_left_body()
    };
    stamp(response.headers_mut(), id);
    response
}

/// The problem behind a bare 404 or 405 of the router, with the `Allow` that the router found.
fn explain(headers: &HeaderMap, status: StatusCode) -> HttpResponse {
    if status == StatusCode::NOT_FOUND {
        return Problem::not_found("Not found").error_response();
    }
    let mut response = Problem::method_not_allowed("").error_response();
    if let Some(allow) = headers.get(ALLOW) {
        response.headers_mut().insert(ALLOW, allow.clone());
    }
    response
}

/// An error that reaches us has no answer yet; it gets the same headers as every other answer.
fn finish_error(error: &Error, id: &RequestId) -> Error {
    let mut response = error.error_response();
    stamp(response.headers_mut(), id);
    InternalError::from_response(error.to_string(), response).into()
}

fn stamp(headers: &mut HeaderMap, id: &RequestId) {
    headers.insert(request_id::HEADER, id.to_header());
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}
