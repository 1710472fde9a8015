//! The ledger: which segments a run has, where each is, which pages of it are committed. Pages are committed by
//! `record_repo`, together with what stood on them.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use farol_core::sync::scan::CommittedPage;
use farol_core::sync::{PlannedSegment, SegmentKey, SegmentState, Window, Zone};
use sqlx::postgres::PgRow;
use sqlx::{Connection as _, PgConnection, PgPool, Row as _};

use super::execution_repo::Lease;
use super::postgres_repo::{Lent, RepoError, bounded};

/// One row of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The row.
    pub id: i64,
    /// The run that it is of.
    pub execution_id: i32,
    /// What it reads.
    pub key: SegmentKey,
    /// Its last day.
    pub day_to: NaiveDate,
    /// What of its days is saved and proven.
    pub cut: Window,
    /// Where it is.
    pub state: SegmentState,
    /// Pages committed.
    pub pages_done: i32,
    /// Distinct keys got.
    pub got: i32,
    /// How often it was begun.
    pub attempts: i32,
    /// The class of what it failed with.
    pub error_class: Option<String>,
    /// The same, for people.
    pub last_error: Option<String>,
}

/// How a segment ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentEnd {
    /// An ended one.
    pub state: SegmentState,
    /// Of a complete one, and only of it: up to where.
    pub proven_until: Option<DateTime<Utc>>,
    /// The class of what it failed with, in a word of at most 30 characters.
    pub error_class: Option<&'static str>,
    /// The same, for people.
    pub last_error: Option<String>,
}

impl SegmentEnd {
    /// Everything up to `proven_until` is read.
    pub fn complete(proven_until: DateTime<Utc>) -> Self {
        Self {
            state: SegmentState::Complete,
            proven_until: Some(proven_until),
            error_class: None,
            last_error: None,
        }
    }

    /// It was read, and does not add up.
    pub fn incomplete(class: &'static str, detail: impl Into<String>) -> Self {
        Self::unproven(SegmentState::Incomplete, class, detail.into())
    }

    /// It could not be read.
    pub fn failed(class: &'static str, detail: impl Into<String>) -> Self {
        Self::unproven(SegmentState::Failed, class, detail.into())
    }

    /// It was read, and what it says is not believed.
    pub fn suspected(detail: impl Into<String>) -> Self {
        let state = SegmentState::SuspectedOutage;
        Self::unproven(state, state.as_str(), detail.into())
    }

    fn unproven(state: SegmentState, class: &'static str, detail: String) -> Self {
        Self {
            state,
            proven_until: None,
            error_class: Some(class),
            last_error: Some(detail),
        }
    }
}

/// The ledger. Clones share the pool.
#[derive(Clone)]
pub struct SegmentRepo {
    pub(super) pool: PgPool,
    pub(super) zone: Zone,
}

const SEGMENTS: &str = "
    SELECT id, execution_id, endpoint, modalidade, day_from, day_to, cut_from, cut_to, state, pages_done, got,
           attempts, error_class, last_error
      FROM sync_segments WHERE execution_id = $1 ORDER BY day_from, modalidade, endpoint";

impl SegmentRepo {
    /// The ledger in this database; its days are those of `zone`.
    pub fn new(pool: PgPool, zone: Zone) -> Self {
        Self { pool, zone }
    }

    /// Writes the plan of a run. What is there already stays as it is: a run that goes on plans again.
    ///
    /// # Errors
    /// [`RepoError::LeaseLost`], or of the database.
    pub async fn plan_once(
        &self,
        lease: &Lease,
        planned: &[PlannedSegment],
    ) -> Result<(), RepoError> {
        bounded(async {
            let mut lent = Lent::from(&self.pool).await?;
            let mut tx = lent.begin().await?;
            hold(&mut tx, lease).await?;
            insert(&mut tx, lease.execution_id, planned).await?;
            tx.commit().await?;
            lent.back();
            Ok(())
        })
        .await
    }

    /// Every segment of a run, oldest day first.
    ///
    /// # Errors
    /// Of the database.
    pub async fn all(&self, execution_id: i32) -> Result<Vec<Segment>, RepoError> {
        bounded(async {
            let mut lent = Lent::from(&self.pool).await?;
            let rows = sqlx::query(SEGMENTS)
                .bind(execution_id)
                .fetch_all(&mut *lent)
                .await?;
            lent.back();
            rows.iter().map(segment).collect()
        })
        .await
    }

    /// Those of [`SegmentRepo::all`] that have not ended.
    ///
    /// # Errors
    /// Of the database.
    pub async fn open(&self, execution_id: i32) -> Result<Vec<Segment>, RepoError> {
        let mut segments = self.all(execution_id).await?;
        segments.retain(|segment| !segment.state.is_ended());
        Ok(segments)
    }

    /// What a run left that is not complete: what a retry of it reads. `None` where it never had a plan.
    ///
    /// # Errors
    /// Of the database.
    pub async fn left_open(
        &self,
        execution_id: i32,
    ) -> Result<Option<BTreeSet<SegmentKey>>, RepoError> {
        let segments = self.all(execution_id).await?;
        let left = segments
            .iter()
            .filter(|segment| segment.state != SegmentState::Complete);
        let left = left.map(|segment| segment.key).collect();
        Ok(Some(left).filter(|_| !segments.is_empty()))
    }

    /// The pages of a segment that are committed, in the order of their commits.
    ///
    /// # Errors
    /// Of the database.
    pub async fn pages(&self, segment_id: i64) -> Result<Vec<CommittedPage>, RepoError> {
        bounded(async {
            let mut lent = Lent::from(&self.pool).await?;
            // A pass goes from the last page to the first.
            let rows = sqlx::query(
                "SELECT pass, page, total, pages, keys, times, read_at FROM sync_pages
                  WHERE segment_id = $1 ORDER BY pass, page DESC",
            )
            .bind(segment_id)
            .fetch_all(&mut *lent)
            .await?;
            lent.back();
            rows.iter().map(page).collect()
        })
        .await
    }

    /// Says that the segment is being read.
    ///
    /// # Errors
    /// [`RepoError::LeaseLost`], or of the database.
    pub async fn begin(&self, lease: &Lease, segment_id: i64) -> Result<(), RepoError> {
        self.mark(
            lease,
            segment_id,
            "UPDATE sync_segments SET state = 'running', attempts = attempts + 1, updated_at = clock_timestamp()
              WHERE id = $1 AND execution_id = $2 AND state IN ('pending', 'running')",
        )
        .await
    }

    /// Gives the segment back, failed or not ended. Its committed pages are there still.
    ///
    /// # Errors
    /// [`RepoError::LeaseLost`], or of the database.
    pub async fn reopen(&self, lease: &Lease, segment_id: i64) -> Result<(), RepoError> {
        self.mark(
            lease,
            segment_id,
            "UPDATE sync_segments SET state = 'pending', proven_until = NULL, error_class = NULL,
                    updated_at = clock_timestamp()
              WHERE id = $1 AND execution_id = $2",
        )
        .await
    }

    async fn mark(
        &self,
        lease: &Lease,
        segment_id: i64,
        statement: &'static str,
    ) -> Result<(), RepoError> {
        bounded(async {
            let mut lent = Lent::from(&self.pool).await?;
            let mut tx = lent.begin().await?;
            hold(&mut tx, lease).await?;
            let marked = sqlx::query(statement)
                .bind(segment_id)
                .bind(lease.execution_id);
            one(marked.execute(&mut *tx).await?.rows_affected(), segment_id)?;
            tx.commit().await?;
            lent.back();
            Ok(())
        })
        .await
    }

    /// Ends the segment; its pages are forgotten, but for a failed one: reopened, it goes on behind them.
    ///
    /// # Errors
    /// [`RepoError::LeaseLost`], or of the database.
    pub async fn end(
        &self,
        lease: &Lease,
        segment_id: i64,
        end: &SegmentEnd,
    ) -> Result<(), RepoError> {
        bounded(async {
            let mut lent = Lent::from(&self.pool).await?;
            let mut tx = lent.begin().await?;
            hold(&mut tx, lease).await?;
            let ended = sqlx::query(
                "UPDATE sync_segments SET state = $3, proven_until = $4, error_class = $5, last_error = $6,
                        updated_at = clock_timestamp()
                  WHERE id = $1 AND execution_id = $2",
            )
            .bind(segment_id)
            .bind(lease.execution_id)
            .bind(end.state.as_str())
            .bind(end.proven_until)
            .bind(end.error_class)
            .bind(end.last_error.as_deref())
            .execute(&mut *tx)
            .await?;
            one(ended.rows_affected(), segment_id)?;
            if end.state != SegmentState::Failed {
                let pages = sqlx::query("DELETE FROM sync_pages WHERE segment_id = $1");
                pages.bind(segment_id).execute(&mut *tx).await?;
            }
            tx.commit().await?;
            lent.back();
            Ok(())
        })
        .await
    }
}

/// Keeps the row of the run as it is until the transaction ends: whoever wants to take it away waits.
pub(super) async fn hold(tx: &mut PgConnection, lease: &Lease) -> Result<(), RepoError> {
    let held: Option<i32> = sqlx::query_scalar(
        "SELECT id FROM sync_executions
          WHERE id = $1 AND lease_token = $2 AND state IN ('running', 'cancelling') FOR SHARE",
    )
    .bind(lease.execution_id)
    .bind(lease.token)
    .fetch_optional(tx)
    .await?;
    held.map(drop).ok_or(RepoError::LeaseLost)
}

/// A segment that we hold the lease of can only be missing where somebody deleted it.
pub(super) fn one(rows: u64, segment_id: i64) -> Result<(), RepoError> {
    if rows == 1 {
        return Ok(());
    }
    Err(RepoError::Unreadable(format!(
        "segment {segment_id} is not as we left it"
    )))
}

async fn insert(
    tx: &mut PgConnection,
    execution_id: i32,
    planned: &[PlannedSegment],
) -> Result<(), RepoError> {
    let key = |segment: &PlannedSegment| segment.key;
    let keys: Vec<SegmentKey> = planned.iter().map(key).collect();
    sqlx::query(
        "INSERT INTO sync_segments (execution_id, endpoint, modalidade, day_from, day_to, cut_from, cut_to)
         SELECT $1, * FROM unnest($2::text[], $3::smallint[], $4::date[], $5::date[],
                                  $6::timestamptz[], $7::timestamptz[])
         ON CONFLICT DO NOTHING",
    )
    .bind(execution_id)
    .bind(keys.iter().map(|key| key.endpoint.as_str()).collect::<Vec<_>>())
    .bind(keys.iter().map(|key| key.modalidade).collect::<Vec<_>>())
    .bind(keys.iter().map(|key| key.day).collect::<Vec<_>>())
    .bind(planned.iter().map(|segment| segment.day_to).collect::<Vec<_>>())
    .bind(planned.iter().map(|segment| segment.cut.start()).collect::<Vec<_>>())
    .bind(planned.iter().map(|segment| segment.cut.end()).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(())
}

fn segment(row: &PgRow) -> Result<Segment, RepoError> {
    let unreadable = |what: &str| RepoError::Unreadable(format!("the {what} of a segment"));
    let word = |column| row.try_get::<&str, _>(column);
    let cut = Window::new(row.try_get("cut_from")?, row.try_get("cut_to")?);
    Ok(Segment {
        id: row.try_get("id")?,
        execution_id: row.try_get("execution_id")?,
        key: SegmentKey {
            endpoint: word("endpoint")?
                .parse()
                .map_err(|_| unreadable("endpoint"))?,
            modalidade: row.try_get("modalidade")?,
            day: row.try_get("day_from")?,
        },
        day_to: row.try_get("day_to")?,
        cut: cut.map_err(|_| unreadable("cut"))?,
        state: word("state")?.parse().map_err(|_| unreadable("state"))?,
        pages_done: row.try_get("pages_done")?,
        got: row.try_get("got")?,
        attempts: row.try_get("attempts")?,
        error_class: row.try_get("error_class")?,
        last_error: row.try_get("last_error")?,
    })
}

fn page(row: &PgRow) -> Result<CommittedPage, RepoError> {
    let number = |column| {
        let number: i32 = row.try_get(column)?;
        let unreadable = |_| RepoError::Unreadable(format!("the {column} of a page"));
        u32::try_from(number).map_err(unreadable)
    };
    Ok(CommittedPage {
        pass: row.try_get("pass")?,
        page: number("page")?,
        total: number("total")?,
        pages: number("pages")?,
        keys: row.try_get("keys")?,
        times: row.try_get("times")?,
        read_at: row.try_get("read_at")?,
    })
}
