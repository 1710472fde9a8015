//! Figures over the runs of the last days, each from one look at them.

use chrono_tz::Tz;
use sqlx::postgres::{PgPool, PgRow};
use sqlx::{FromRow as _, PgConnection, Row as _};
use tokio::time::timeout_at;

use super::connection_repo::{Connection, RepoError};
use crate::sync::{DayFigures, ErrorClass, Figures};

/// $1 = days, $2 = zone. One look for the whole, which comes first and without a day, and for each day; those on which
/// nothing ran are there too.
const FIGURES: &str = "
    WITH ran AS (
        SELECT (created_at AT TIME ZONE $2)::date AS day, created_at, state, status, records_processed,
               CASE WHEN status <> 'running' THEN duration_seconds::float8 END AS duration,
               date_part('epoch', started_at - created_at) AS waited
          FROM sync_executions WHERE created_at > now() - make_interval(days => $1)),
    sums AS (
        SELECT day, count(*) AS runs,
               count(*) FILTER (WHERE created_at > now() - interval '24 hours') AS last_24h,
               count(*) FILTER (WHERE state = 'success') AS success,
               count(*) FILTER (WHERE state IN ('incomplete', 'error', 'lost')) AS error,
               count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
               count(*) FILTER (WHERE status = 'running') AS running,
               sum(records_processed)::bigint AS records,
               avg(duration) AS duration_mean,
               percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY duration) AS duration_percentiles,
               percentile_cont(0.95) WITHIN GROUP (ORDER BY waited) AS queue_wait_p95
          FROM ran GROUP BY GROUPING SETS ((), (day))),
    days AS (
        SELECT day::date AS day
          FROM generate_series(((now() - make_interval(days => $1)) AT TIME ZONE $2)::date,
                               (now() AT TIME ZONE $2)::date, interval '1 day') AS days (day))
    SELECT * FROM days FULL JOIN sums USING (day) ORDER BY day NULLS FIRST";

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
    let rows = sqlx::query(FIGURES).bind(days).bind(zone);
    let rows = rows.fetch_all(&mut *connection).await?;
    let (whole, per_day) = rows.split_first().ok_or(sqlx::Error::RowNotFound)?;
    let errors = sqlx::query(ERRORS).bind(days).fetch_all(connection).await?;
    Ok((
        Figures::from_row(whole)?,
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
        let [duration_p50, duration_p95] = duration_percentiles(row)?;
        Ok(Self {
            runs: count(row, "runs")?,
            last_24h: count(row, "last_24h")?,
            success: count(row, "success")?,
            error: count(row, "error")?,
            records: count(row, "records")?,
            duration_mean: row.try_get("duration_mean")?,
            duration_p50,
            duration_p95,
            queue_wait_p95: row.try_get("queue_wait_p95")?,
        })
    }
}

impl sqlx::FromRow<'_, PgRow> for DayFigures {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let [duration_p50_seconds, duration_p95_seconds] = duration_percentiles(row)?;
        Ok(Self {
            day: row.try_get("day")?,
            success: count(row, "success")?,
            error: count(row, "error")?,
            cancelled: count(row, "cancelled")?,
            running: count(row, "running")?,
            records: count(row, "records")?,
            duration_p50_seconds,
            duration_p95_seconds,
            queue_wait_p95_seconds: row.try_get("queue_wait_p95")?,
        })
    }
}

/// Null where nothing ran.
fn count(row: &PgRow, name: &str) -> sqlx::Result<i64> {
    Ok(row.try_get::<Option<_>, _>(name)?.unwrap_or_default())
}

/// One sort for both; null where nothing is over.
fn duration_percentiles(row: &PgRow) -> sqlx::Result<[Option<f64>; 2]> {
    let percentiles: Option<Vec<Option<f64>>> = row.try_get("duration_percentiles")?;
    let percentile = |place: usize| percentiles.as_ref()?.get(place).copied().flatten();
    Ok([percentile(0), percentile(1)])
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
