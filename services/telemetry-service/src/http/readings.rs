//! GET /api/v2/devices/{id}/telemetry, and the latest of it. A device that the tenant does not own is one without
//! readings.

use actix_web::HttpRequest;
use actix_web::web::{Data, Json, Path};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};

use super::State;
use super::access::Reader;
use super::query::{self, Query};
use crate::error::ApiError;
use crate::model::{DeviceId, Reading};

/// Readings of one device, newest first.
#[derive(Serialize)]
pub struct Readings {
    device_id: DeviceId,
    telemetry: Vec<Told>,
    count: usize,
}

#[derive(Serialize)]
struct Told {
    timestamp: DateTime<Utc>,
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

/// GET …/telemetry
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

/// GET …/telemetry/latest
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
