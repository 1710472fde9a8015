//! Readings in Postgres: the table `telemetry`, by row-level security.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgPool;

use super::{jsonb, tenant_repo};
use crate::model::{DeviceId, LARGEST_ANSWER, Reading, SourceError, TenantId};
use crate::store::{Answer, Span, TelemetryStore};

/// The telemetry store of `TELEMETRY_STORE=postgres`. Clones share the pool.
#[derive(Clone, Debug)]
pub struct PgTelemetry {
    pool: PgPool,
}

#[derive(sqlx::FromRow)]
struct ReadingRow {
    time: DateTime<Utc>,
    seq: Option<i64>,
    metrics: String,
}

#[derive(sqlx::FromRow)]
struct LatestRow {
    device_id: String,
    #[sqlx(flatten)]
    reading: ReadingRow,
}

#[derive(sqlx::FromRow)]
struct RangeRow {
    time: DateTime<Utc>,
    seq: Option<i64>,
    metrics: Option<String>,
}

/// One walk down the index per device, in one statement for all of them.
const LATEST: &str = "
    SELECT d.device_id, r.time, r.seq, r.metrics
      FROM unnest($2::text[]) AS d (device_id)
     CROSS JOIN LATERAL (
           SELECT time, seq, metrics::text AS metrics FROM telemetry t
            WHERE t.tenant_id = $1 AND t.device_id = d.device_id
            ORDER BY time DESC, seq DESC NULLS LAST LIMIT 1) AS r";

/// Without metrics where all of them together are too large to be sent.
const RANGE: &str = "
    SELECT time, seq, CASE WHEN sum(octet_length(metrics)) OVER () <= $6 THEN metrics END AS metrics
      FROM (SELECT time, seq, metrics::text AS metrics FROM telemetry
             WHERE tenant_id = $1 AND device_id = $2
               AND time >= COALESCE($3, '-infinity'::timestamptz) AND time < COALESCE($4, 'infinity'::timestamptz)
             ORDER BY time DESC, seq DESC NULLS LAST LIMIT $5) AS newest
     ORDER BY time DESC, seq DESC NULLS LAST";

impl PgTelemetry {
    /// Over this pool, whose user is a member of `farol_telemetry`.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    async fn read_latest(
        &self,
        tenant: &TenantId,
        devices: &[DeviceId],
    ) -> Result<Vec<(DeviceId, Reading)>, SourceError> {
        if devices.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<&str> = devices.iter().map(DeviceId::as_str).collect();
        let query = sqlx::query_as(LATEST).bind(tenant.as_str()).bind(ids);
        let rows: Vec<LatestRow> = tenant_repo::read(&self.pool, tenant, query).await?;
        // What comes back was asked for, so it parses.
        let known = rows.into_iter().filter_map(|row| {
            let device = DeviceId::parse(&row.device_id).ok()?;
            Some((device, row.reading.into()))
        });
        Ok(known.collect())
    }

    async fn read_range(
        &self,
        tenant: &TenantId,
        device: &DeviceId,
        span: Span,
        limit: u16,
    ) -> Result<Vec<Reading>, SourceError> {
        let query = sqlx::query_as(RANGE).bind(tenant.as_str());
        let query = query.bind(device.as_str()).bind(span.start);
        let query = query.bind(span.end).bind(i64::from(limit));
        let query = query.bind(i64::try_from(LARGEST_ANSWER).unwrap_or(i64::MAX));
        let rows: Vec<RangeRow> = tenant_repo::read(&self.pool, tenant, query).await?;
        rows.into_iter().map(RangeRow::read).collect()
    }
}

impl TelemetryStore for PgTelemetry {
    fn latest<'a>(
        &'a self,
        tenant: &'a TenantId,
        devices: &'a [DeviceId],
    ) -> Answer<'a, Vec<(DeviceId, Reading)>> {
        Box::pin(self.read_latest(tenant, devices))
    }

    fn range<'a>(
        &'a self,
        tenant: &'a TenantId,
        device: &'a DeviceId,
        span: Span,
        limit: u16,
    ) -> Answer<'a, Vec<Reading>> {
        Box::pin(self.read_range(tenant, device, span, limit))
    }
}

impl From<ReadingRow> for Reading {
    fn from(row: ReadingRow) -> Self {
        Self {
            time: row.time,
            seq: row.seq,
            metrics: jsonb::metrics(&row.metrics),
        }
    }
}

impl RangeRow {
    fn read(self) -> Result<Reading, SourceError> {
        let row = ReadingRow {
            time: self.time,
            seq: self.seq,
            metrics: self.metrics.ok_or(SourceError::TooLarge)?,
        };
        Ok(row.into())
    }
}
