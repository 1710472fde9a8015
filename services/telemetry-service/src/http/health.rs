//! GET /api/v2/health: that this is the service and the version that a client expects. Whether it is ready is told on
//! the ops listener.

use actix_web::web::Json;
use serde::Serialize;

/// Who answers.
#[derive(Serialize)]
pub struct Health {
    status: &'static str,
    service: &'static str,
    api_version: &'static str,
}

/// Needs no token, asks nobody.
pub async fn get() -> Json<Health> {
    Json(Health {
        status: "ok",
        service: "telemetry-service",
        api_version: "v2",
    })
}
