//! GET /api/v2/devices/{id}/telemetry, and the latest of it. A device that the tenant does not own is one without
//! readings.

use actix_web::HttpRequest;
use actix_web::web::{Data, Json, Path};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use service_kit::openapi::{ComeBack, Refused, WhoAreYou};
use utoipa::ToSchema;

use super::State;
use super::access::Reader;
use super::query::{self, Query};
use crate::error::ApiError;
use crate::model::{DeviceId, Reading};

/// Readings of one device, newest first.
#[derive(Serialize, ToSchema)]
pub struct Readings {
    device_id: DeviceId,
    telemetry: Vec<Told>,
    count: usize,
}

/// One reading.
#[derive(Serialize, ToSchema)]
#[schema(as = Reading)]
pub struct Told {
    /// When it was measured.
    timestamp: DateTime<Utc>,
    /// All metrics of the row, types kept; nulls are left out.
    #[schema(value_type = Object)]
    metrics: Map<String, Value>,
}

impl Readings {
    fn of(device_id: DeviceId, readings: Vec<Reading>) -> Json<Self> {
        let told = |it: Reading| Told {
            timestamp: it.time,
            metrics: it.metrics,
        };
        Json(Self {
            device_id,
            count: readings.len(),
            telemetry: readings.into_iter().map(told).collect(),
        })
    }
}

/// Readings of a device, newest first; a device that the tenant does not own has none.
#[utoipa::path(
    get, path = "/api/v2/devices/{id}/telemetry", tag = "readings", operation_id = "readings",
    params(
        ("id" = DeviceId, Path, description = "The device.", example = "dev-0001"),
        ("start" = Option<String>, Query, description = "From here on: ISO 8601, without an offset in UTC.", example = "2026-11-27T10:00:00Z"),
        ("end" = Option<String>, Query, description = "Before this: ISO 8601, without an offset in UTC.", example = "2026-11-27T11:00:00Z"),
        ("limit" = Option<u16>, Query, description = "At most so many; 120 where it is not given.", minimum = 1, maximum = 1000),
    ),
    responses(
        (status = 200, description = "The readings.", body = Readings),
        (status = 400, response = Refused), (status = 401, response = WhoAreYou),
        (status = 403, response = Refused), (status = 404, response = Refused),
        (status = 422, response = Refused), (status = 429, response = ComeBack),
        (status = 500, response = Refused), (status = 503, response = ComeBack),
    ),
    security(("bearer" = [])),
)]
pub async fn range(
    Reader(viewer): Reader,
    id: Path<String>,
    request: HttpRequest,
    state: Data<State>,
) -> Result<Json<Readings>, ApiError> {
    let device = query::device(&id)?;
    let mut query = Query::of(&request);
    let span = query.span()?;
    let limit = query.count("limit", 1..=1000, 120);
    query.finish()?;
    let read = state
        .store
        .range(&viewer.tenant, &device, span, limit)
        .await?;
    Ok(Readings::of(device, read))
}

/// The newest readings of a device, newest first; a device that the tenant does not own has none.
#[utoipa::path(
    get, path = "/api/v2/devices/{id}/telemetry/latest", tag = "readings", operation_id = "latest_readings",
    params(
        ("id" = DeviceId, Path, description = "The device.", example = "dev-0001"),
        ("count" = Option<u16>, Query, description = "At most so many; 1 where it is not given.", minimum = 1, maximum = 10),
    ),
    responses(
        (status = 200, description = "The readings.", body = Readings),
        (status = 400, response = Refused), (status = 401, response = WhoAreYou),
        (status = 403, response = Refused), (status = 404, response = Refused),
        (status = 422, response = Refused), (status = 429, response = ComeBack),
        (status = 500, response = Refused), (status = 503, response = ComeBack),
    ),
    security(("bearer" = [])),
)]
pub async fn latest(
    Reader(viewer): Reader,
    id: Path<String>,
    request: HttpRequest,
    state: Data<State>,
) -> Result<Json<Readings>, ApiError> {
    let device = query::device(&id)?;
    let mut query = Query::of(&request);
    let count = query.count("count", 1..=10, 1);
    query.finish()?;
    let read = state.store.newest(&viewer.tenant, &device, count).await?;
    Ok(Readings::of(device, read))
}
