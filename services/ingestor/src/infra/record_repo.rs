//! The commit of a page: what stood on it, what could not be read, and what that means for the ledger, in one
//! transaction. The columns of records are `contratacao_repo`'s.

use std::collections::{BTreeMap, HashMap};

use farol_core::sync::scan::Answered;
use sqlx::{Connection as _, PgConnection, PgPool};

use super::contratacao_repo;
use super::execution_repo::Lease;
use super::postgres_repo::{Lent, RepoError, bounded};
use super::segment_repo::{hold, one};
use crate::ingest::record::{Record, Unreadable};

/// A page to be committed, and how far the scan is with it.
#[derive(Clone, Debug)]
pub struct Page<'a> {
    /// As it goes into the ledger.
    pub answered: &'a Answered,
    /// Answers taken.
    pub pages_done: u32,
    /// Answers that there will be.
    pub pages_total: Option<u32>,
    /// Distinct keys that there should be.
    pub expected: Option<u32>,
    /// Distinct keys there are.
    pub got: u32,
    /// The records in the window.
    pub records: Vec<Kept<'a>>,
    /// Those that cannot be read.
    pub quarantined: Vec<&'a Unreadable<'a>>,
}

/// A record in the window.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    /// The record.
    pub record: &'a Record<'a>,
    /// Whether it counts: only when its scan sees it for the first time.
    pub counted: bool,
}

/// What a page brought; records that the scan had seen before are in none of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// Records that were not there.
    pub inserted: u32,
    /// Records that were there in an older version.
    pub updated: u32,
    /// Records that were there in this version or a newer one.
    pub unchanged: u32,
    /// Records that could not be read.
    pub quarantined: u32,
}

impl Committed {
    /// What counts as processed: docs/API.md, `records_processed`.
    pub const fn processed(&self) -> u32 {
        self.inserted + self.updated + self.unchanged
    }
}

/// Contratacoes. Clones share the pool.
#[derive(Clone)]
pub struct RecordRepo {
    pool: PgPool,
}

impl RecordRepo {
    /// Contratacoes in this database.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Commits a page, wholly or not at all. One that is in the ledger already brings nothing: whether a commit that
    /// was not answered took place is found out by doing it again.
    ///
    /// # Errors
    /// [`RepoError::LeaseLost`], or of the database.
    pub async fn commit_page(
        &self,
        lease: &Lease,
        segment_id: i64,
        page: &Page<'_>,
    ) -> Result<Committed, RepoError> {
        bounded(async {
            let mut lent = Lent::from(&self.pool).await?;
            let mut tx = lent.begin().await?;
            let committed = save(&mut tx, lease, segment_id, page).await?;
            tx.commit().await?;
            lent.back();
            Ok(committed)
        })
        .await
    }
}

/// Records, then the segment, then the run: everybody locks in this order, and records in that of their keys.
async fn save(
    tx: &mut PgConnection,
    lease: &Lease,
    segment_id: i64,
    page: &Page<'_>,
) -> Result<Committed, RepoError> {
    if !note_page(tx, segment_id, page.answered).await? {
        hold(tx, lease).await?;
        return Ok(Committed::default());
    }
    let newest = newest(&page.records);
    let records: Vec<&Record<'_>> = newest.values().map(|kept| kept.record).collect();
    let written = contratacao_repo::upsert(tx, lease.execution_id, &records).await?;
    let mut committed = count(&newest, &written);
    committed.quarantined =
        quarantine(tx, lease.execution_id, segment_id, &page.quarantined).await?;
    note_segment(tx, lease, segment_id, page, committed).await?;
    note_run(tx, lease, committed).await?;
    Ok(committed)
}

/// The newest version of each record, by its key: the portal may show one twice on a page.
fn newest<'a>(records: &[Kept<'a>]) -> BTreeMap<&'a str, Kept<'a>> {
    let mut newest = BTreeMap::<&str, Kept<'_>>::new();
    for kept in records {
        let known = newest
            .entry(&kept.record.numero_controle_pncp)
            .or_insert(*kept);
        known.counted |= kept.counted;
        if known.record.data_atualizacao_global < kept.record.data_atualizacao_global {
            known.record = kept.record;
        }
    }
    newest
}

fn count(records: &BTreeMap<&str, Kept<'_>>, written: &HashMap<String, bool>) -> Committed {
    let mut committed = Committed::default();
    for (key, _) in records.iter().filter(|(_, kept)| kept.counted) {
        match written.get(*key) {
            Some(true) => committed.inserted += 1,
            Some(false) => committed.updated += 1,
            None => committed.unchanged += 1,
        }
    }
    committed
}

async fn quarantine(
    tx: &mut PgConnection,
    execution_id: i32,
    segment_id: i64,
    records: &[&Unreadable<'_>],
) -> Result<u32, RepoError> {
    if records.is_empty() {
        return Ok(0);
    }
    let put = sqlx::query(
        "INSERT INTO sync_quarantine (execution_id, endpoint, natural_key, reason, raw)
         SELECT $1, s.endpoint, q.* FROM sync_segments s,
                unnest($3::text[], $4::text[], $5::text[]::jsonb[]) q WHERE s.id = $2",
    )
    .bind(execution_id)
    .bind(segment_id)
    .bind(
        records
            .iter()
            .map(|record| record.key.as_deref())
            .collect::<Vec<_>>(),
    )
    .bind(
        records
            .iter()
            .map(|record| record.reason.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(
        records
            .iter()
            .map(|record| &*record.raw)
            .collect::<Vec<_>>(),
    )
    .execute(tx)
    .await?;
    Ok(u32::try_from(put.rows_affected()).unwrap_or(u32::MAX))
}

/// Whether it was not there yet.
async fn note_page(
    tx: &mut PgConnection,
    segment_id: i64,
    answered: &Answered,
) -> Result<bool, RepoError> {
    let noted = sqlx::query(
        "INSERT INTO sync_pages (segment_id, pass, page, total, pages, keys, times, read_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
    )
    .bind(segment_id)
    .bind(answered.pass)
    .bind(number(answered.page))
    .bind(number(answered.total))
    .bind(number(answered.pages))
    .bind(&answered.keys)
    .bind(&answered.times)
    .bind(answered.read_at)
    .execute(tx)
    .await?;
    Ok(noted.rows_affected() == 1)
}

async fn note_segment(
    tx: &mut PgConnection,
    lease: &Lease,
    segment_id: i64,
    page: &Page<'_>,
    committed: Committed,
) -> Result<(), RepoError> {
    let noted = sqlx::query(
        "UPDATE sync_segments
            SET pass = $3, pages_done = $4, pages_total = $5, expected = $6, got = $7,
                inserted = inserted + $8, updated = updated + $9, unchanged = unchanged + $10,
                quarantined = quarantined + $11, scan_started_at = COALESCE(scan_started_at, $12),
                updated_at = clock_timestamp()
          WHERE id = $1 AND execution_id = $2 AND state = 'running'",
    )
    .bind(segment_id)
    .bind(lease.execution_id)
    .bind(page.answered.pass)
    .bind(number(page.pages_done))
    .bind(page.pages_total.map(number))
    .bind(page.expected.map(number))
    .bind(number(page.got))
    .bind(number(committed.inserted))
    .bind(number(committed.updated))
    .bind(number(committed.unchanged))
    .bind(number(committed.quarantined))
    .bind(page.answered.read_at)
    .execute(tx)
    .await?;
    one(noted.rows_affected(), segment_id)
}

/// Last, because it is where parallel pages of one run wait for each other; and here the lease is proven.
async fn note_run(
    tx: &mut PgConnection,
    lease: &Lease,
    committed: Committed,
) -> Result<(), RepoError> {
    let noted = sqlx::query(
        "UPDATE sync_executions
            SET records_processed = records_processed + $3, progress_at = clock_timestamp(),
                updated_at = clock_timestamp()
          WHERE id = $1 AND lease_token = $2 AND state IN ('running', 'cancelling')",
    )
    .bind(lease.execution_id)
    .bind(lease.token)
    .bind(number(committed.processed()))
    .execute(tx)
    .await?;
    if noted.rows_affected() == 0 {
        return Err(RepoError::LeaseLost);
    }
    Ok(())
}

/// Postgres counts with a sign; what does not fit is nonsense of the portal's, and shown as such.
fn number(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
