//! GET /api/v2/devices, and one of them.

use actix_web::HttpRequest;
use actix_web::web::{Data, Json, Path};
use serde::Serialize;

use super::State;
use super::access::Reader;
use super::query::{self, Query};
use crate::error::ApiError;
use crate::infra::device_repo::Device;
use crate::model::TenantId;

/// A page of a tenant's devices, by id.
#[derive(Serialize)]
pub struct DevicePage {
    tenant_id: TenantId,
    devices: Vec<Device>,
    count: usize,
    limit: u16,
    offset: u32,
}

/// One device.
#[derive(Serialize)]
pub struct OneDevice {
    tenant_id: TenantId,
    device: Device,
}

/// GET …/devices
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

/// GET …/devices/{id}
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
