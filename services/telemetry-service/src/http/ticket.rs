//! GET /api/v2/ws-ticket: a token in a header becomes a ticket that may stand in an address.

use actix_web::web::{Data, Json};
use serde::Serialize;

use super::State;
use super::access::Bearer;
use crate::error::ApiError;
use crate::tickets::TICKET_LIFE;

/// What opens one WebSocket.
#[derive(Serialize)]
pub struct Ticket {
    ticket: String,
    /// Seconds.
    expires_in: i64,
}

/// A new one with each request.
pub async fn get(Bearer(viewer): Bearer, state: Data<State>) -> Result<Json<Ticket>, ApiError> {
    let taken = state.ticket_requests.take(&viewer.tenant);
    taken.map_err(ApiError::Limited)?;
    Ok(Json(Ticket {
        ticket: state.tickets.issue(&viewer).await?,
        expires_in: TICKET_LIFE.num_seconds(),
    }))
}
