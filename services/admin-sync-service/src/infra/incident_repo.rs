//! Incidents as rows: one per fingerprint, open or over, with the notice that is due. A notice is claimed by moving
//! its next attempt, so any replica may send it and no transaction is held meanwhile.

use std::collections::HashSet;
use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};
use sqlx::{PgConnection, PgPool};
use tokio::time::timeout_at;

use super::connection_repo::{Connection, RepoError};
use crate::alerts::{Finding, Incident, MissingSegment, NAMED_SEGMENTS, RunFacts};

/// Most notices claimed at once.
const BATCH: i64 = 10;
/// Most incidents listed.
const MOST_LISTED: i64 = 100;

/// What operators have been told. Clones share the pool.
#[derive(Clone, Debug)]
pub struct IncidentRepo {
    pool: PgPool,
}

impl IncidentRepo {
    /// Over this pool.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The fingerprints of open incidents.
    ///
    /// # Errors
    /// Of the database.
    pub async fn open(&self) -> Result<HashSet<String>, RepoError> {
        let open = "SELECT fingerprint FROM sync_incidents WHERE resolved_at IS NULL";
        let mut connection = Connection::of(&self.pool).await?;
        let deadline = connection.deadline();
        let asked = sqlx::query_scalar(open).fetch_all(&mut *connection);
        let answer = timeout_at(deadline, asked).await;
        let open: Vec<String> = connection.settle(answer)?;
        Ok(open.into_iter().collect())
    }

    /// Open incidents, oldest first.
    ///
    /// # Errors
    /// Of the database.
    pub async fn list_open(&self) -> Result<Vec<Incident>, RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let deadline = connection.deadline();
        let asked = sqlx::query_as(
            "SELECT fingerprint, kind, summary, execution_id, opened_at, resolved_at, attempts
             FROM sync_incidents WHERE resolved_at IS NULL ORDER BY opened_at, fingerprint LIMIT $1",
        )
        .bind(MOST_LISTED)
        .fetch_all(&mut *connection);
        let answer = timeout_at(deadline, asked).await;
        connection.settle(answer)
    }

    /// Something is wrong: opens its incident, or notes that it still is. `true` = it was not open before. One that
    /// comes back before anybody was told that it was over goes on as if it had never been.
    ///
    /// # Errors
    /// Of the database.
    pub async fn seen(&self, fingerprint: &str, finding: &Finding) -> Result<bool, RepoError> {
        let opened: Option<bool> = sqlx::query_scalar(
            "INSERT INTO sync_incidents AS i (fingerprint, kind, summary, execution_id) VALUES ($1, $2, $3, $4)
             ON CONFLICT (fingerprint) DO UPDATE SET
                 kind = EXCLUDED.kind, summary = EXCLUDED.summary, execution_id = EXCLUDED.execution_id,
                 last_seen_at = now(), resolved_at = NULL,
                 seen = CASE WHEN i.resolved_at IS NOT NULL THEN 1
                             ELSE i.seen + (i.execution_id IS DISTINCT FROM EXCLUDED.execution_id)::int END,
                 opened_at = CASE WHEN i.notified_at >= i.resolved_at THEN now() ELSE i.opened_at END,
                 notified_at = CASE WHEN i.notified_at >= i.resolved_at THEN NULL ELSE i.notified_at END,
                 attempts = CASE WHEN i.resolved_at IS NULL THEN i.attempts ELSE 0 END,
                 next_at = CASE WHEN i.resolved_at IS NULL THEN i.next_at ELSE now() END
             WHERE i.resolved_at IS NOT NULL OR i.execution_id IS DISTINCT FROM EXCLUDED.execution_id
                OR i.last_seen_at < now() - interval '30 seconds'
             RETURNING seen = 1 AND last_seen_at = opened_at",
        )
        .bind(fingerprint)
        .bind(finding.kind)
        .bind(&finding.summary)
        .bind(finding.execution_id)
        .fetch_optional(&self.pool)
        .await?;
        Ok(opened.unwrap_or(false))
    }

    /// What was wrong is over: its second notice is due.
    ///
    /// # Errors
    /// Of the database.
    pub async fn resolved(&self, fingerprint: &str) -> Result<(), RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let deadline = connection.deadline();
        let asked = sqlx::query(
            "UPDATE sync_incidents SET resolved_at = now(), attempts = 0, next_at = now()
             WHERE fingerprint = $1 AND resolved_at IS NULL",
        )
        .bind(fingerprint)
        .execute(&mut *connection);
        let answer = timeout_at(deadline, asked).await;
        connection.settle(answer).map(drop)
    }

    /// Claims notices that are due, for `hold`; those with `most` attempts are given up. One that is over before
    /// anybody was told that it began is told once, as over.
    ///
    /// # Errors
    /// Of the database.
    pub async fn claim_due(&self, hold: Duration, most: i32) -> Result<Vec<Incident>, RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let deadline = connection.deadline();
        let asked = sqlx::query_as(
            "UPDATE sync_incidents SET attempts = attempts + 1, next_at = now() + make_interval(secs => $1)
             WHERE fingerprint IN (
                 SELECT fingerprint FROM sync_incidents
                 WHERE (notified_at IS NULL OR notified_at < resolved_at) AND next_at <= now() AND attempts < $2
                 ORDER BY opened_at LIMIT $3 FOR UPDATE SKIP LOCKED)
             RETURNING fingerprint, kind, summary, execution_id, opened_at, resolved_at, attempts",
        )
        .bind(hold.as_secs_f64())
        .bind(most)
        .bind(BATCH)
        .fetch_all(&mut *connection);
        let answer = timeout_at(deadline, asked).await;
        connection.settle(answer)
    }

    /// Every channel has taken the notice. Where the incident is over meanwhile, that is still to be told.
    ///
    /// # Errors
    /// Of the database; the notice is then sent again.
    pub async fn notified(&self, incident: &Incident) -> Result<(), RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let deadline = connection.deadline();
        let asked = sqlx::query(
            "UPDATE sync_incidents SET attempts = 0,
                    notified_at = CASE WHEN resolved_at IS NOT DISTINCT FROM $3 THEN now() ELSE opened_at END,
                    next_at = CASE WHEN resolved_at IS NOT DISTINCT FROM $3 THEN next_at ELSE now() END
             WHERE fingerprint = $1 AND opened_at = $2",
        )
        .bind(&incident.fingerprint)
        .bind(incident.opened_at)
        .bind(incident.resolved_at)
        .execute(&mut *connection);
        let answer = timeout_at(deadline, asked).await;
        connection.settle(answer).map(drop)
    }

    /// Somebody has not taken the notice: it is due again after `wait`.
    ///
    /// # Errors
    /// Of the database; it is then due after its hold.
    pub async fn retry(&self, incident: &Incident, wait: Duration) -> Result<(), RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let deadline = connection.deadline();
        let asked = sqlx::query(
            "UPDATE sync_incidents SET next_at = now() + make_interval(secs => $3)
             WHERE fingerprint = $1 AND opened_at = $2 AND resolved_at IS NOT DISTINCT FROM $4",
        )
        .bind(&incident.fingerprint)
        .bind(incident.opened_at)
        .bind(wait.as_secs_f64())
        .bind(incident.resolved_at)
        .execute(&mut *connection);
        let answer = timeout_at(deadline, asked).await;
        connection.settle(answer).map(drop)
    }

    /// What a notice says about a run.
    ///
    /// # Errors
    /// Of the database.
    pub async fn run_facts(&self, id: i32) -> Result<Option<RunFacts>, RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let answer = timeout_at(connection.deadline(), run_facts(&mut connection, id)).await;
        connection.settle(answer)
    }
}

async fn run_facts(connection: &mut PgConnection, id: i32) -> sqlx::Result<Option<RunFacts>> {
    let run = "SELECT mode, state, records_processed, error_message,
                      (SELECT count(*) FROM sync_segments WHERE execution_id = e.id) AS segments_total,
                      (SELECT count(*) FROM sync_segments WHERE execution_id = e.id AND state <> 'complete')
                          AS segments_missing
               FROM sync_executions e WHERE id = $1";
    let run: Option<RunFacts> = sqlx::query_as(run)
        .bind(id)
        .fetch_optional(&mut *connection)
        .await?;
    let Some(run) = run else {
        return Ok(None);
    };
    let segments = "SELECT endpoint, modalidade, day_from, day_to, state, error_class, last_error
                    FROM sync_segments WHERE execution_id = $1 AND state <> 'complete'
                    ORDER BY day_from, endpoint, modalidade LIMIT $2";
    let most = i64::try_from(NAMED_SEGMENTS).unwrap_or(i64::MAX);
    let segments = sqlx::query_as(segments).bind(id).bind(most);
    Ok(Some(RunFacts {
        segments: segments.fetch_all(connection).await?,
        ..run
    }))
}

impl FromRow<'_, PgRow> for Incident {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            fingerprint: row.try_get("fingerprint")?,
            kind: row.try_get("kind")?,
            summary: row.try_get("summary")?,
            execution_id: row.try_get("execution_id")?,
            opened_at: row.try_get("opened_at")?,
            resolved_at: row.try_get("resolved_at")?,
            attempts: row.try_get("attempts")?,
        })
    }
}

impl FromRow<'_, PgRow> for RunFacts {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            mode: row.try_get("mode")?,
            state: row.try_get("state")?,
            records_processed: row.try_get("records_processed")?,
            error_message: row.try_get("error_message")?,
            segments_missing: row.try_get("segments_missing")?,
            segments_total: row.try_get("segments_total")?,
            segments: Vec::new(),
        })
    }
}

impl FromRow<'_, PgRow> for MissingSegment {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            endpoint: row.try_get("endpoint")?,
            modalidade: row.try_get("modalidade")?,
            day_from: row.try_get("day_from")?,
            day_to: row.try_get("day_to")?,
            state: row.try_get("state")?,
            error_class: row.try_get("error_class")?,
            last_error: row.try_get("last_error")?,
        })
    }
}
