//! Figures over the runs of the last days, each from one look at them.

use chrono_tz::Tz;
use sqlx::postgres::{PgPool, PgRow};
use sqlx::{FromRow as _, PgConnection, Row as _};
use tokio::time::timeout_at;

use super::connection_repo::{Connection, RepoError};
use crate::sync::{DayFigures, ErrorClass, Figures};

/// $1 = days.
const FIGURES: &str = "
    SELECT count(*) AS runs,
           count(*) FILTER (WHERE created_at > now() - interval '24 hours') AS last_24h,
           count(*) FILTER (WHERE state = 'success') AS success,
           count(*) FILTER (WHERE state IN ('incomplete', 'error', 'lost')) AS error,
           COALESCE(sum(records_processed), 0)::bigint AS records,
           avg(duration_seconds) FILTER (WHERE status <> 'running')::float8 AS duration_mean,
           percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY duration_seconds::float8)
               FILTER (WHERE status <> 'running') AS duration_percentiles,
           percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM started_at - created_at)::float8)
               FILTER (WHERE started_at IS NOT NULL) AS queue_wait_p95
      FROM sync_executions WHERE created_at > now() - make_interval(days => $1)";

/// $1 = days, $2 = zone. Days on which nothing ran are there too.
const PER_DAY: &str = "
    SELECT day::date AS day, COALESCE(success, 0) AS success, COALESCE(error, 0) AS error,
           COALESCE(records, 0) AS records
      FROM generate_series(((now() - make_interval(days => $1)) AT TIME ZONE $2)::date,
                           (now() AT TIME ZONE $2)::date, interval '1 day') AS days (day)
      LEFT JOIN (
          SELECT (created_at AT TIME ZONE $2)::date AS day,
                 count(*) FILTER (WHERE state = 'success') AS success,
                 count(*) FILTER (WHERE state IN ('incomplete', 'error', 'lost')) AS error,
                 sum(records_processed)::bigint AS records
            FROM sync_executions WHERE created_at > now() - make_interval(days => $1) GROUP BY 1) ran USING (day)
     ORDER BY day";

/// $1 = days.
const ERRORS: &str = "
    SELECT class, count(*) AS count, max(created_at) AS last_seen, max(id) AS example_id
      FROM (SELECT id, created_at, COALESCE(
                (SELECT mode() WITHIN GROUP (ORDER BY error_class) FROM sync_segments
                  WHERE execution_id = e.id AND error_class IS NOT NULL), state) AS class
              FROM sync_executions e
             WHERE created_at > now() - make_interval(days => $1)
               AND status = 'error' AND state <> 'cancelled') failed
     GROUP BY class ORDER BY count DESC, class LIMIT 20";

/// What the dashboard is made from.
pub type Read = (Figures, Vec<DayFigures>, Vec<ErrorClass>);

/// Reads figures. Clones share the pool.
#[derive(Clone, Debug)]
pub struct DashboardRepo {
    pool: PgPool,
}

impl DashboardRepo {
    /// Over this pool.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Figures, days of `zone` and errors of the runs that were asked for in the last `days`.
    ///
    /// # Errors
    /// Of the database.
    pub async fn read(&self, days: u16, zone: Tz) -> Result<Read, RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let deadline = connection.deadline();
        let answer = timeout_at(deadline, read(&mut connection, days.into(), zone.name())).await;
        connection.settle(answer)
    }
}

async fn read(connection: &mut PgConnection, days: i32, zone: &str) -> sqlx::Result<Read> {
    let figures = sqlx::query(FIGURES)
        .bind(days)
        .fetch_one(&mut *connection)
        .await?;
    let per_day = sqlx::query(PER_DAY)
        .bind(days)
        .bind(zone)
        .fetch_all(&mut *connection)
        .await?;
    let errors = sqlx::query(ERRORS).bind(days).fetch_all(connection).await?;
    Ok((
        Figures::from_row(&figures)?,
        per_day
            .iter()
            .map(DayFigures::from_row)
            .collect::<Result<_, _>>()?,
        errors
            .iter()
            .map(ErrorClass::from_row)
            .collect::<Result<_, _>>()?,
    ))
}

impl sqlx::FromRow<'_, PgRow> for Figures {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        // One sort for both; null where nothing is over.
        let percentiles: Option<Vec<f64>> = row.try_get("duration_percentiles")?;
        let percentile = |place: usize| percentiles.as_ref()?.get(place).copied();
        Ok(Self {
            runs: row.try_get("runs")?,
            last_24h: row.try_get("last_24h")?,
            success: row.try_get("success")?,
            error: row.try_get("error")?,
            records: row.try_get("records")?,
            duration_mean: row.try_get("duration_mean")?,
            duration_p50: percentile(0),
            duration_p95: percentile(1),
            queue_wait_p95: row.try_get("queue_wait_p95")?,
        })
    }
}

impl sqlx::FromRow<'_, PgRow> for DayFigures {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            day: row.try_get("day")?,
            success: row.try_get("success")?,
            error: row.try_get("error")?,
            records: row.try_get("records")?,
        })
    }
}

impl sqlx::FromRow<'_, PgRow> for ErrorClass {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            class: row.try_get("class")?,
            count: row.try_get("count")?,
            last_seen: row.try_get("last_seen")?,
            example_id: row.try_get("example_id")?,
        })
    }
}
