//! Alerts of a tenant: the open ones for those who watch, pages of them for those who ask.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgPool;
use utoipa::ToSchema;

use super::{jsonb, tenant_repo};
use crate::model::{Alert, OpenAlerts, SHOWN_ALERTS, SourceError, TenantId};

/// Reads alerts. Clones share the pool.
#[derive(Clone, Debug)]
pub struct AlertRepo {
    pool: PgPool,
}

/// Which alerts a page is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertFilter {
    /// OPEN, ACKNOWLEDGED or CLOSED.
    pub status: String,
    /// Of any type where it is absent.
    pub alert_type: Option<String>,
}

/// An alert as the REST side tells it: more than pushes do.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AlertDetail {
    /// What pushes tell.
    #[serde(flatten)]
    pub alert: Alert,
    /// What makes it the same cause as another.
    pub fingerprint: String,
    /// Whatever the evaluator noted.
    pub details: Value,
    /// When it was closed.
    #[schema(required)]
    pub closed_at: Option<DateTime<Utc>>,
}

#[derive(sqlx::FromRow)]
struct AlertRow {
    id: i64,
    device_id: Option<String>,
    site_id: Option<String>,
    alert_type: String,
    severity: i32,
    confidence: Option<f32>,
    summary: Option<String>,
    status: String,
    created_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct OpenRow {
    #[sqlx(flatten)]
    alert: AlertRow,
    total: i64,
}

#[derive(sqlx::FromRow)]
struct DetailRow {
    #[sqlx(flatten)]
    alert: AlertRow,
    fingerprint: String,
    details: String,
    closed_at: Option<DateTime<Utc>>,
}

const ALERT: &str =
    "id, device_id, site_id, alert_type, severity, confidence, summary, status, created_at";
const MORE: &str = "fingerprint, details::text AS details, closed_at";

impl AlertRepo {
    /// Over this pool, whose user is a member of `farol_telemetry`.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The open alerts, newest first, and how many there are.
    ///
    /// # Errors
    /// Of the database.
    pub async fn open(&self, tenant: &TenantId) -> Result<OpenAlerts, SourceError> {
        let query = format!(
            "SELECT {ALERT}, count(*) OVER () AS total FROM fleet_alert
              WHERE tenant_id = $1 AND status = 'OPEN'
              ORDER BY created_at DESC, id DESC LIMIT $2"
        );
        let query = sqlx::query_as(AssertSqlSafe(query));
        let query = query.bind(tenant.as_str()).bind(SHOWN_ALERTS);
        let rows: Vec<OpenRow> = tenant_repo::read(&self.pool, tenant, query).await?;
        Ok(OpenAlerts {
            total: rows.first().map_or(0, |row| row.total),
            alerts: rows.into_iter().map(|row| row.alert.of(tenant)).collect(),
        })
    }

    /// A page of alerts, newest first.
    ///
    /// # Errors
    /// Of the database.
    pub async fn list(
        &self,
        tenant: &TenantId,
        filter: &AlertFilter,
        limit: u16,
        offset: u32,
    ) -> Result<Vec<AlertDetail>, SourceError> {
        let query = format!(
            "SELECT {ALERT}, {MORE} FROM fleet_alert
              WHERE tenant_id = $1 AND status = $2 AND ($3::text IS NULL OR alert_type = $3)
              ORDER BY created_at DESC, id DESC LIMIT $4 OFFSET $5"
        );
        let query = sqlx::query_as(AssertSqlSafe(query)).bind(tenant.as_str());
        let query = query.bind(&filter.status).bind(&filter.alert_type);
        let query = query.bind(i64::from(limit)).bind(i64::from(offset));
        let rows: Vec<DetailRow> = tenant_repo::read(&self.pool, tenant, query).await?;
        Ok(rows.into_iter().map(|row| row.of(tenant)).collect())
    }

    /// One alert, if there is one of this number that the tenant may see.
    ///
    /// # Errors
    /// Of the database.
    pub async fn one(
        &self,
        tenant: &TenantId,
        id: i64,
    ) -> Result<Option<AlertDetail>, SourceError> {
        let query =
            format!("SELECT {ALERT}, {MORE} FROM fleet_alert WHERE tenant_id = $1 AND id = $2");
        let query = sqlx::query_as(AssertSqlSafe(query));
        let query = query.bind(tenant.as_str()).bind(id);
        let mut rows: Vec<DetailRow> = tenant_repo::read(&self.pool, tenant, query).await?;
        Ok(rows.pop().map(|row| row.of(tenant)))
    }
}

impl AlertRow {
    fn of(self, tenant: &TenantId) -> Alert {
        Alert {
            alert_id: self.id,
            tenant_id: tenant.clone(),
            device_id: self.device_id,
            site_id: self.site_id,
            alert_type: self.alert_type,
            severity: self.severity,
            // NaN is no JSON, and never the same as itself: its list would change at each look.
            confidence: self.confidence.filter(|it| it.is_finite()),
            summary: self.summary,
            status: self.status,
            created_at: self.created_at,
        }
    }
}

impl DetailRow {
    fn of(self, tenant: &TenantId) -> AlertDetail {
        AlertDetail {
            alert: self.alert.of(tenant),
            fingerprint: self.fingerprint,
            details: jsonb::value(&self.details),
            closed_at: self.closed_at,
        }
    }
}
