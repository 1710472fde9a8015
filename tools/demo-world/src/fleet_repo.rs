//! SQL that writes what devices measured, how they are and what is wrong with them: one multi-row
//! statement per tenant and moment, through the parent table.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgConnection, PgPool};

use crate::devices::{Change, State, Tick};

/// Tenants take turns: each writes in some milliseconds.
const CONNECTIONS: u32 = 4;
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// An address that cannot be read as one; it is not quoted, since there is a password in it.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the address of the devices' database is none of a Postgres")]
pub struct NoDatabase;

/// The tables of telemetry, as a login of the role `farol_devices` (or their owner) may write them.
#[derive(Debug, Clone)]
pub(crate) struct FleetRepo {
    pool: PgPool,
}

impl FleetRepo {
    /// Connects when it is first used.
    pub(crate) fn lazy(database_url: &str) -> Result<Self, NoDatabase> {
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy(database_url)
            .map_err(|_| NoDatabase)?;
        Ok(Self { pool })
    }

    /// Closes what an earlier run left open, and says how far its devices had counted.
    pub(crate) async fn resume(&self, tenant: &str) -> sqlx::Result<i64> {
        let mut transaction = self.pool.begin().await?;
        let closed = sqlx::query(
            "UPDATE fleet_alert SET status = 'CLOSED', closed_at = now()
             WHERE tenant_id = $1 AND status <> 'CLOSED'",
        );
        closed.bind(tenant).execute(&mut *transaction).await?;
        // The states are written together with the readings, so theirs are the newest counters.
        let seq = sqlx::query_scalar::<_, i64>(
            "SELECT coalesce(max((state->>'seq')::bigint), 0) FROM device_state
             WHERE tenant_id = $1",
        );
        let seq = seq.bind(tenant).fetch_one(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(seq)
    }

    /// All of it or nothing.
    pub(crate) async fn write(&self, tenant: &str, tick: &Tick) -> sqlx::Result<()> {
        if *tick == Tick::default() {
            return Ok(());
        }
        let mut transaction = self.pool.begin().await?;
        telemetry(&mut transaction, tenant, tick).await?;
        states(&mut transaction, tenant, &tick.states).await?;
        for change in &tick.alerts {
            alert(&mut transaction, tenant, change).await?;
        }
        transaction.commit().await
    }

    /// Transactions of this database that Postgres has counted so far, whoever made them. A
    /// connection tells its own with up to a second of delay.
    pub(crate) async fn transactions(&self) -> sqlx::Result<i64> {
        let query = sqlx::query_scalar(
            "SELECT xact_commit + xact_rollback FROM pg_stat_database
             WHERE datname = current_database()",
        );
        query.fetch_one(&self.pool).await
    }
}

async fn telemetry(connection: &mut PgConnection, tenant: &str, tick: &Tick) -> sqlx::Result<()> {
    if tick.rows.is_empty() {
        return Ok(());
    }
    let times: Vec<DateTime<Utc>> = tick.rows.iter().map(|row| row.reading.time).collect();
    let devices: Vec<&str> = tick.rows.iter().map(|row| row.device.as_str()).collect();
    let sites: Vec<&str> = tick.rows.iter().map(|row| row.site.as_str()).collect();
    let seqs: Vec<i64> = tick.rows.iter().map(|row| row.reading.seq).collect();
    let metrics: Vec<&Value> = tick.rows.iter().map(|row| &row.reading.metrics).collect();
    let query = sqlx::query(
        "INSERT INTO telemetry (time, tenant_id, device_id, site_id, msg_type, seq, metrics)
         SELECT read.time, $1, read.device, read.site, 'telemetry', read.seq, read.metrics
         FROM unnest($2::timestamptz[], $3::text[], $4::text[], $5::bigint[], $6::jsonb[])
              AS read (time, device, site, seq, metrics)",
    );
    let query = query.bind(tenant).bind(times).bind(devices).bind(sites);
    let query = query.bind(seqs).bind(metrics);
    query.execute(connection).await.map(drop)
}

async fn states(connection: &mut PgConnection, tenant: &str, states: &[State]) -> sqlx::Result<()> {
    if states.is_empty() {
        return Ok(());
    }
    let devices: Vec<&str> = states.iter().map(|one| one.device.as_str()).collect();
    let sites: Vec<&str> = states.iter().map(|one| one.site.as_str()).collect();
    let statuses: Vec<&str> = states.iter().map(|one| one.status.as_str()).collect();
    let seen: Vec<Option<DateTime<Utc>>> = states.iter().map(|one| one.seen).collect();
    let details: Vec<&Value> = states.iter().map(|one| &one.details).collect();
    let query = sqlx::query(
        "INSERT INTO device_state (tenant_id, device_id, site_id, status, last_heartbeat_at,
                                   last_telemetry_at, last_seen_at, state)
         SELECT $1, one.device, one.site, one.status, one.seen, one.seen, one.seen, one.state
         FROM unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::jsonb[])
              AS one (device, site, status, seen, state)
         ON CONFLICT (tenant_id, device_id) DO UPDATE
         SET site_id = excluded.site_id, status = excluded.status, state = excluded.state,
             last_heartbeat_at = excluded.last_heartbeat_at,
             last_telemetry_at = excluded.last_telemetry_at, last_seen_at = excluded.last_seen_at",
    );
    let query = query.bind(tenant).bind(devices).bind(sites);
    let query = query.bind(statuses).bind(seen).bind(details);
    query.execute(connection).await.map(drop)
}

/// Told twice is told once: whether the first telling was committed may be unknown.
async fn alert(connection: &mut PgConnection, tenant: &str, change: &Change) -> sqlx::Result<()> {
    let query = match change {
        Change::Opened(alarm) => sqlx::query(
            "INSERT INTO fleet_alert (tenant_id, fingerprint, device_id, site_id, alert_type, status,
                                      severity, confidence, summary, details)
             VALUES ($1, $2, $3, $4, $5, 'OPEN', $6, $7, $8, '{\"source\": \"demo-world\"}')
             ON CONFLICT DO NOTHING",
        )
        .bind(tenant)
        .bind(alarm.fingerprint())
        .bind(&alarm.device)
        .bind(&alarm.site)
        .bind(&alarm.kind)
        .bind(alarm.severity)
        .bind(alarm.confidence)
        .bind(&alarm.summary),
        Change::Severity {
            fingerprint,
            severity,
        } => sqlx::query(
            "UPDATE fleet_alert SET severity = $3
             WHERE tenant_id = $1 AND fingerprint = $2 AND status <> 'CLOSED'",
        )
        .bind(tenant)
        .bind(fingerprint)
        .bind(severity),
        Change::Acknowledged { fingerprint } => sqlx::query(
            "UPDATE fleet_alert SET status = 'ACKNOWLEDGED'
             WHERE tenant_id = $1 AND fingerprint = $2 AND status = 'OPEN'",
        )
        .bind(tenant)
        .bind(fingerprint),
        Change::Closed { fingerprint } => sqlx::query(
            "UPDATE fleet_alert SET status = 'CLOSED', closed_at = now()
             WHERE tenant_id = $1 AND fingerprint = $2 AND status <> 'CLOSED'",
        )
        .bind(tenant)
        .bind(fingerprint),
    };
    query.execute(connection).await.map(drop)
}
