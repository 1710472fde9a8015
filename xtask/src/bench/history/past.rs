//! A past to look at: so many executions, one every 55 seconds since 2024, as a busy installation would
//! have them.

use crate::bench::backend::Backend;
use crate::failure::Outcome;
use crate::say;

/// Words of one error in so many thousand executions.
pub(super) const RARE: &str = "tablespace";
/// Words of most errors.
pub(super) const FREQUENT: &str = "portal";
/// One of the twelve who ask for backfills.
pub(super) const OPERATOR: &str = "operator-7";

/// Vacuumed as a server does it by itself, so that counting reads indexes only: VACUUM marks no page whose
/// commit is not on disk yet, hence the synchronous one. Only the doorbell is silenced: a million notices would wait for listeners. Counts and days are kept
/// by the triggers, which work per statement.
pub(super) fn write(backend: &Backend<'_>, executions: u32) -> Outcome {
    say::step(&format!("Writing {executions} executions"));
    backend.postgres.query(&format!(
        "SET synchronous_commit = on;
         ALTER TABLE sync_executions DISABLE TRIGGER sync_executions_notify_new;
         INSERT INTO sync_executions (mode, status, state, window_start, window_end, records_processed,
             duration_seconds, error_message, created_at, updated_at, started_at, finished_at, requested_by, verdict)
         SELECT CASE WHEN i % 20 = 0 THEN 'backfill' ELSE 'update' END, 'error',
             CASE WHEN i % 37 > 0 THEN 'success' WHEN i % 5 = 0 THEN 'error' WHEN i % 5 = 1 THEN 'lost' ELSE 'incomplete' END,
             at - interval '15 minutes', at, i % 997, (i % 900) / 10.0,
             CASE WHEN i % 37 > 0 THEN NULL
                  WHEN i % 5 = 0 THEN 'could not extend file: no space left in {RARE} ' || i
                  WHEN i % 5 = 1 THEN 'the worker fell silent 4 times'
                  ELSE (i % 15 + 1) || ' segments failed: the {FREQUENT} answered 503 to page ' || i % 400 END,
             at, at + interval '40 seconds', at + interval '1 second', at + interval '40 seconds',
             CASE WHEN i % 20 = 0 THEN 'operator-' || (i / 20 % 12 + 1) ELSE 'schedule' END,
             CASE WHEN i % 37 > 0 THEN 'complete' ELSE 'incomplete' END
         FROM (SELECT i, timestamptz '2024-01-01 00:00Z' + i * interval '55 seconds' AS at
               FROM generate_series(1, {executions}) i) past;
         ALTER TABLE sync_executions ENABLE TRIGGER sync_executions_notify_new;
         VACUUM ANALYZE sync_executions, sync_execution_days, sync_execution_day_counts;"
    ))?;
    Ok(())
}
