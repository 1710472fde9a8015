//! The system page: everything's present.

use actix_web::web::{Data, Json};

use super::State;
use crate::neighbours::SystemView;

/// All services, the source, the queues and what is wrong.
#[utoipa::path(
    get, path = "/api/system", tag = "system",
    responses((status = 200, description = "The present; what cannot be told now is null.", body = SystemView)),
)]
pub async fn system(state: Data<State>) -> Json<SystemView> {
    Json(state.system.view().await)
}
