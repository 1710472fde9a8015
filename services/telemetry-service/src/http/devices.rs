//! GET /api/v2/devices, and one of them.

use actix_web::HttpRequest;
use actix_web::web::{Data, Json, Path};
use serde::Serialize;
use service_kit::openapi::{ComeBack, Refused, WhoAreYou};
use utoipa::ToSchema;

use super::State;
use super::access::Reader;
use super::query::{self, Query};
use crate::error::ApiError;
use crate::infra::device_repo::Device;
use crate::model::{DeviceId, TenantId};

/// A page of a tenant's devices, by id.
#[derive(Serialize, ToSchema)]
pub struct DevicePage {
    tenant_id: TenantId,
    devices: Vec<Device>,
    count: usize,
    limit: u16,
    offset: u32,
}

/// One device.
#[derive(Serialize, ToSchema)]
pub struct OneDevice {
    tenant_id: TenantId,
    device: Device,
}

/// Devices of the tenant, by id.
#[utoipa::path(
    get, path = "/api/v2/devices", tag = "devices", operation_id = "devices",
    params(
        ("limit" = Option<u16>, Query, description = "At most so many; 100 where it is not given.", minimum = 1, maximum = 1000),
        ("offset" = Option<u32>, Query, description = "Behind so many.", maximum = 100_000),
    ),
    responses(
        (status = 200, description = "A page of them.", body = DevicePage),
        (status = 401, response = WhoAreYou), (status = 403, response = Refused),
        (status = 422, response = Refused), (status = 429, response = ComeBack),
        (status = 500, response = Refused), (status = 503, response = ComeBack),
    ),
    security(("bearer" = [])),
)]
pub async fn list(
    Reader(viewer): Reader,
    request: HttpRequest,
    state: Data<State>,
) -> Result<Json<DevicePage>, ApiError> {
    let mut query = Query::of(&request);
    let page = query.page();
    query.finish()?;
    let devices = state
        .devices
        .list(&viewer.tenant, page.limit, page.offset)
        .await?;
    Ok(Json(DevicePage {
        tenant_id: viewer.tenant,
        count: devices.len(),
        devices,
        limit: page.limit,
        offset: page.offset,
    }))
}

/// One device.
#[utoipa::path(
    get, path = "/api/v2/devices/{id}", tag = "devices", operation_id = "device",
    params(("id" = DeviceId, Path, description = "The device.", example = "dev-0001")),
    responses(
        (status = 200, description = "The device.", body = OneDevice),
        (status = 401, response = WhoAreYou), (status = 403, response = Refused),
        (status = 404, response = Refused), (status = 429, response = ComeBack),
        (status = 500, response = Refused), (status = 503, response = ComeBack),
    ),
    security(("bearer" = [])),
)]
pub async fn one(
    Reader(viewer): Reader,
    id: Path<String>,
    state: Data<State>,
) -> Result<Json<OneDevice>, ApiError> {
    let device = state
        .devices
        .one(&viewer.tenant, &query::device(&id)?)
        .await?;
    Ok(Json(OneDevice {
        tenant_id: viewer.tenant,
        device: device.ok_or(ApiError::DeviceNotFound)?,
    }))
}
