//! The door itself, in front of all routes but the open ones.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderValue, SET_COOKIE};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage as _, HttpResponse, ResponseError as _};

use super::{Access, Actor, Shown};
use crate::error::{ApiError, Challenges};
use crate::http::State;

/// Lets in whoever may come in, as an [`Actor`].
pub async fn door<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    match admitted(&request).await {
        Ok(actor) => {
            request.extensions_mut().insert(actor);
            next.call(request)
                .await
                .map(ServiceResponse::map_into_left_body)
        }
        Err(response) => Ok(request.into_response(response.map_into_right_body())),
    }
}

async fn admitted(request: &ServiceRequest) -> Result<Actor, HttpResponse> {
    let Some(state) = request.app_data::<Data<State>>().cloned() else {
        return Err(ApiError::Unauthorized(Challenges::default()).error_response());
    };
    let shown = Shown::of(request.request(), &state);
    let admitted = state.access.admit(&shown).await;
    let admitted = admitted.and_then(|it| shown.may_act(&it).map(|()| it));
    admitted
        .map(|it| Actor(it.name))
        .map_err(|error| refusal(&error, &state.access, &shown))
}

fn refusal(error: &ApiError, access: &Access, shown: &Shown) -> HttpResponse {
    let mut response = error.error_response();
    if let Some(Ok(forget)) = access.forgets(shown).map(HeaderValue::try_from) {
        response.headers_mut().insert(SET_COOKIE, forget);
    }
    response
}
