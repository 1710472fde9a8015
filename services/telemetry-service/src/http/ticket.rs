//! GET /api/v2/ws-ticket: a token in a header becomes a ticket that may stand in an address.

use actix_web::web::{Data, Json};
use serde::Serialize;
use service_kit::openapi::{ComeBack, Refused, WhoAreYou};
use utoipa::ToSchema;

use super::State;
use super::access::Bearer;
use crate::error::ApiError;
use crate::tickets::TICKET_LIFE;

/// What opens one WebSocket.
#[derive(Serialize, ToSchema)]
pub struct Ticket {
    /// For `?ticket=` of the WebSocket, once.
    ticket: String,
    /// Seconds.
    expires_in: i64,
}

/// What opens one WebSocket, so that the token stays out of its address. A new one with each request.
#[utoipa::path(
    get, path = "/api/v2/ws-ticket", tag = "socket", operation_id = "ticket",
    responses(
        (status = 200, description = "A ticket.", body = Ticket),
        (status = 401, response = WhoAreYou), (status = 403, response = Refused),
        (status = 429, response = ComeBack), (status = 500, response = Refused),
        (status = 503, response = ComeBack),
    ),
    security(("bearer" = [])),
)]
pub async fn get(Bearer(viewer): Bearer, state: Data<State>) -> Result<Json<Ticket>, ApiError> {
    let taken = state.ticket_requests.take(&viewer.tenant);
    taken.map_err(ApiError::Limited)?;
    Ok(Json(Ticket {
        ticket: state.tickets.issue(&viewer).await?,
        expires_in: TICKET_LIFE.num_seconds(),
    }))
}
