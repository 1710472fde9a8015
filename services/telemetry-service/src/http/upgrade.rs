//! GET /api/v2/ws: who may open a socket. The upgrade is completed whatever the answer, because browsers show a page the
//! close code of an open socket and nothing of an HTTP status.

use actix_http::ws::{HandshakeError, handshake};
use actix_web::http::header::{self, HeaderMap, HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use actix_web::web::Data;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use service_kit::openapi::Refused;

use super::State;
use crate::error::ApiError;
use crate::identity::{Denied, Viewer};
use crate::ws::{Desk, Ending, Guest};

/// The word that stands for our subprotocol, and in front of a token.
const BEARER: &str = "bearer";

/// What becomes of a connection once its upgrade is answered; travels with the answer.
pub enum Plan {
    /// A session.
    Open(Box<Guest>),
    /// The end at once.
    Refuse(Ending),
}

/// Marks a request whose connection will be handed over. One with a body of chunks stays with actix, whatever it asks for:
/// it must not be told that protocols are switched.
pub struct HandsOver;

/// The WebSocket. It says `SocketAnswer` and `SocketPush`; whoever may not come in is let in and told a close code.
#[utoipa::path(
    get, path = "/api/v2/ws", tag = "socket", operation_id = "socket",
    params(
        ("token" = Option<String>, Query, description = "Who you are: a JWT."),
        ("ticket" = Option<String>, Query, description = "The same: a ticket."),
        ("push" = Option<String>, Query, description = "`interval`: the present is told again and again, changed or not."),
        ("Sec-WebSocket-Protocol" = Option<String>, Header, description = "The same: `bearer, <JWT>`."),
    ),
    responses(
        (status = 101, description = "A WebSocket from here on."),
        (status = 400, response = Refused), (status = 403, response = Refused),
        (status = 426, response = Refused),
    ),
    security((), ("bearer" = [])),
)]
pub async fn upgrade(
    request: HttpRequest,
    state: Data<State>,
    desk: Data<Desk>,
) -> Result<HttpResponse, ApiError> {
    if !request.extensions().contains::<HandsOver>() {
        return Err(ApiError::UpgradeRequired);
    }
    let mut shaken = handshake(request.head()).map_err(|error| match error {
        HandshakeError::BadWebsocketKey => ApiError::BadHandshake,
        _ => ApiError::UpgradeRequired,
    })?;
    if !state.origins.let_in(request.headers()) {
        return Err(ApiError::OriginRefused);
    }
    if offers(request.headers()).any(|it| it == BEARER) {
        // A browser fails a connection whose offer is not answered.
        let bearer = HeaderValue::from_static(BEARER);
        shaken.insert_header((SEC_WEBSOCKET_PROTOCOL, bearer));
    }
    let plan = plan(&request, &state, &desk)
        .await
        .unwrap_or_else(Plan::Refuse);
    let mut answer = HttpResponse::from(shaken.finish()).map_into_boxed_body();
    answer.extensions_mut().insert(plan);
    Ok(answer)
}

async fn plan(request: &HttpRequest, state: &State, desk: &Desk) -> Result<Plan, Ending> {
    let viewer = identify(request, state).await?;
    let seat = desk.seats.take(&viewer.tenant)?;
    let asks = parameter(request, "push").is_some_and(|push| push == "interval");
    Ok(Plan::Open(Box::new(Guest {
        seat,
        expires_at: viewer.expires_at,
        repeats: asks || desk.repeats,
    })))
}

/// The first that is there counts, in the contract's order.
async fn identify(request: &HttpRequest, state: &State) -> Result<Viewer, Denied> {
    if let Some(token) = parameter(request, "token") {
        return state.gate.admit(Some(&token)).await;
    }
    if let Some(ticket) = parameter(request, "ticket") {
        return state.tickets.redeem(&ticket).await;
    }
    let headers = request.headers();
    if let Some(token) = offers(headers).skip_while(|it| *it != BEARER).nth(1) {
        return state.gate.admit(Some(token)).await;
    }
    let authorization = headers.get(header::AUTHORIZATION);
    let authorization = authorization.and_then(|value| value.to_str().ok()?.split_once(' '));
    let token = authorization.filter(|(scheme, _)| scheme.eq_ignore_ascii_case(BEARER));
    state.gate.admit(token.map(|(_, token)| token.trim())).await
}

/// The subprotocols that the client offers: `bearer, <token>`.
fn offers(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(SEC_WEBSOCKET_PROTOCOL);
    let lines = lines.filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

fn parameter(request: &HttpRequest, name: &str) -> Option<String> {
    let query = form_urlencoded::parse(request.query_string().as_bytes());
    let mut found = query.filter(|(key, _)| key == name);
    found.next().map(|(_, value)| value.into_owned())
}
