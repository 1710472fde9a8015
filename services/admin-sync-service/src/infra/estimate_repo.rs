//! What the ledger remembers of runs like one that is thought about: a few hundred rows of an index, however large the
//! ledger is.

use chrono::{DateTime, NaiveDate, Utc};
use farol_core::sync::{Endpoint, Mode, Window};
use sqlx::postgres::PgPool;
use sqlx::{FromRow as _, PgConnection};
use tokio::time::timeout_at;

use super::connection_repo::{Connection, RepoError};
use super::run_repo::SOURCE;
use crate::sync::{Experience, Kind, Size, Source};

/// $1 = endpoint, $2 = modalidades. Of each the 90 that reach furthest: as many days of a backfill, the last day of
/// updates.
const USUAL: &str = "
    WITH recent AS (
        SELECT s.*
          FROM unnest($2::smallint[]) AS wanted (modalidade)
         CROSS JOIN LATERAL (
               SELECT modalidade, pages_done, got, cut_to - cut_from >= interval '23 hours' AS whole,
                      extract(isodow FROM day_from) > 5 AS weekend
                 FROM sync_segments
                WHERE endpoint = $1 AND state = 'complete' AND modalidade = wanted.modalidade
                ORDER BY proven_until DESC LIMIT 90) s)
    SELECT modalidade, whole, weekend,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY pages_done),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY got)
      FROM recent
     GROUP BY GROUPING SETS ((modalidade, whole), (modalidade, whole, weekend))";

/// $1 = modalidades, $2, $3 = a window. Whole days that a backfill has read before, as the newest look found them.
const KNOWN: &str = "
    SELECT DISTINCT ON (modalidade, day_from) modalidade, day_from, pages_done::float8, got::float8
      FROM sync_segments
     WHERE endpoint = 'publicacao' AND state = 'complete' AND modalidade = ANY($1)
       AND proven_until > $2 AND proven_until <= $3 AND cut_to - cut_from >= interval '23 hours'
     ORDER BY modalidade, day_from, id DESC";

/// $1 = mode. Requests for items for each record of the last good runs.
const ITEMS: &str = "
    SELECT COALESCE(sum(items.pages_done)::float8 / NULLIF(sum(run.records_processed), 0), 0)
      FROM (SELECT id, records_processed FROM sync_executions
             WHERE mode = $1 AND status = 'success' ORDER BY id DESC LIMIT 20) run
      JOIN sync_segments items ON items.execution_id = run.id AND items.endpoint = 'itens'";

/// Reads what is remembered. Clones share the pool.
#[derive(Clone, Debug)]
pub struct EstimateRepo {
    pool: PgPool,
}

impl EstimateRepo {
    /// Over this pool.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// How far the last good update reached.
    ///
    /// # Errors
    /// Of the database.
    pub async fn last_update(&self) -> Result<Option<DateTime<Utc>>, RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let reached = sqlx::query_scalar(
            "SELECT window_end FROM sync_executions
              WHERE mode = 'update' AND status = 'success' ORDER BY id DESC LIMIT 1",
        );
        let deadline = connection.deadline();
        let answer = timeout_at(deadline, reached.fetch_optional(&mut *connection)).await;
        connection.settle(answer).map(Option::flatten)
    }

    /// What tells how large a run of this mode over this window will be.
    ///
    /// # Errors
    /// Of the database.
    pub async fn read(
        &self,
        mode: Mode,
        window: &Window,
        modalidades: &[i16],
    ) -> Result<Experience, RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let deadline = connection.deadline();
        let read = read(&mut connection, mode, window, modalidades);
        let answer = timeout_at(deadline, read).await;
        connection.settle(answer)
    }
}

async fn read(
    connection: &mut PgConnection,
    mode: Mode,
    window: &Window,
    modalidades: &[i16],
) -> sqlx::Result<Experience> {
    let mut experience = Experience::default();
    let usual = sqlx::query_as(USUAL)
        .bind(Endpoint::of(mode).as_str())
        .bind(modalidades);
    let usual: Vec<(i16, bool, Option<bool>, f64, f64)> = usual.fetch_all(&mut *connection).await?;
    for (modalidade, whole, weekend, pages, records) in usual {
        let kind = Kind { whole, weekend };
        experience
            .usual
            .insert((modalidade, kind), Size { pages, records });
    }
    if mode == Mode::Backfill {
        let known = sqlx::query_as(KNOWN).bind(modalidades);
        let known = known.bind(window.start()).bind(window.end());
        let known: Vec<(i16, NaiveDate, f64, f64)> = known.fetch_all(&mut *connection).await?;
        for (modalidade, day, pages, records) in known {
            experience
                .known
                .insert((modalidade, day), Size { pages, records });
        }
    }
    let items = sqlx::query_scalar(ITEMS).bind(mode.as_str());
    experience.items_per_record = items.fetch_one(&mut *connection).await?;
    let source = sqlx::query(SOURCE).fetch_optional(connection).await?;
    let source = source.as_ref().map(Source::from_row).transpose()?;
    // What was told before an ingestor fell silent is no pace any more.
    let told = source.filter(|source| source.state != "down");
    experience.pace = told.and_then(|source| source.pace_per_second);
    Ok(experience)
}
