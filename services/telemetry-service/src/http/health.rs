//! GET /api/v2/health: that this is the service and the version that a client expects. Whether it is ready is told on
//! the ops listener.

use actix_web::web::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// Who answers.
#[derive(Serialize, ToSchema)]
pub struct Health {
    /// Always `ok`.
    status: &'static str,
    /// Always `telemetry-service`.
    service: &'static str,
    /// Always `v2`.
    api_version: &'static str,
}

/// Who answers. Needs no token, asks nobody.
#[utoipa::path(
    get, path = "/api/v2/health", tag = "health", operation_id = "health",
    responses((status = 200, description = "The service, and the version of its API.", body = Health)),
)]
pub async fn get() -> Json<Health> {
    Json(Health {
        status: "ok",
        service: "telemetry-service",
        api_version: "v2",
    })
}
