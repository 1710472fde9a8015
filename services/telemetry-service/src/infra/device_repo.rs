//! Devices of a tenant and the state that their gateways report.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgPool;
use utoipa::ToSchema;

use super::{jsonb, tenant_repo};
use crate::model::{DeviceId, SourceError, TenantId};

/// Reads devices. Clones share the pool.
#[derive(Clone, Debug)]
pub struct DeviceRepo {
    pool: PgPool,
}

/// One device.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Device {
    /// Whose it is.
    pub tenant_id: TenantId,
    /// As its tenant calls it.
    pub device_id: String,
    /// Where it stands.
    #[schema(required)]
    pub site_id: Option<String>,
    /// ONLINE, STALE or OFFLINE.
    pub status: String,
    /// When it last said that it lives.
    #[schema(required)]
    pub last_heartbeat_at: Option<DateTime<Utc>>,
    /// When it last sent a reading.
    #[schema(required)]
    pub last_telemetry_at: Option<DateTime<Utc>>,
    /// When it was last heard of in any way.
    #[schema(required)]
    pub last_seen_at: Option<DateTime<Utc>>,
    /// Whatever its gateway reports beside.
    pub state: Value,
}

#[derive(sqlx::FromRow)]
struct DeviceRow {
    device_id: String,
    site_id: Option<String>,
    status: String,
    last_heartbeat_at: Option<DateTime<Utc>>,
    last_telemetry_at: Option<DateTime<Utc>>,
    last_seen_at: Option<DateTime<Utc>>,
    state: String,
}

const DEVICE: &str = "
    SELECT device_id, site_id, status, last_heartbeat_at, last_telemetry_at, last_seen_at, state::text AS state
      FROM device_state WHERE tenant_id = $1";

impl DeviceRepo {
    /// Over this pool, whose user is a member of `farol_telemetry`.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// A page of devices, by id.
    ///
    /// # Errors
    /// Of the database.
    pub async fn list(
        &self,
        tenant: &TenantId,
        limit: u16,
        offset: u32,
    ) -> Result<Vec<Device>, SourceError> {
        let query = AssertSqlSafe(format!("{DEVICE} ORDER BY device_id LIMIT $2 OFFSET $3"));
        let query = sqlx::query_as(query).bind(tenant.as_str());
        let query = query.bind(i64::from(limit)).bind(i64::from(offset));
        let rows: Vec<DeviceRow> = tenant_repo::read(&self.pool, tenant, query).await?;
        Ok(rows.into_iter().map(|row| row.of(tenant)).collect())
    }

    /// One device, if the tenant has it.
    ///
    /// # Errors
    /// Of the database.
    pub async fn one(
        &self,
        tenant: &TenantId,
        device: &DeviceId,
    ) -> Result<Option<Device>, SourceError> {
        let query = sqlx::query_as(AssertSqlSafe(format!("{DEVICE} AND device_id = $2")));
        let query = query.bind(tenant.as_str()).bind(device.as_str());
        let mut rows: Vec<DeviceRow> = tenant_repo::read(&self.pool, tenant, query).await?;
        Ok(rows.pop().map(|row| row.of(tenant)))
    }
}

impl DeviceRow {
    fn of(self, tenant: &TenantId) -> Device {
        Device {
            tenant_id: tenant.clone(),
            device_id: self.device_id,
            site_id: self.site_id,
            status: self.status,
            last_heartbeat_at: self.last_heartbeat_at,
            last_telemetry_at: self.last_telemetry_at,
            last_seen_at: self.last_seen_at,
            state: jsonb::value(&self.state),
        }
    }
}
