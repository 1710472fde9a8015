//! The history of a million runs: each way of filtering has an index that gives its page and its counts (migration
//! 0008). Searching for text is in `search_repo`.

use chrono::NaiveDate;
use farol_core::sync::Status;
use sqlx::postgres::PgPool;
use sqlx::{PgConnection, Postgres, QueryBuilder};
use tokio::time::timeout_at;

use super::connection_repo::{Connection, RepoError};
use super::run_repo::RUN;
use super::search_repo;
use crate::sync::{COUNTED, Counts, HistoryFilter, Page, Run};

/// Reads the history. Clones share the pool.
#[derive(Clone, Debug)]
pub struct HistoryRepo {
    pool: PgPool,
}

impl HistoryRepo {
    /// Over this pool.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// A page, and one run more if there are more; and the counts of all that the filter lets through.
    ///
    /// # Errors
    /// Of the database.
    pub async fn read(
        &self,
        filter: &HistoryFilter,
        page: Page,
    ) -> Result<(Vec<Run>, Counts), RepoError> {
        let mut connection = Connection::of(&self.pool).await?;
        let answer = timeout_at(connection.deadline(), read(&mut connection, filter, page)).await;
        connection.settle(answer)
    }
}

async fn read(
    connection: &mut PgConnection,
    filter: &HistoryFilter,
    page: Page,
) -> sqlx::Result<(Vec<Run>, Counts)> {
    if let Some(q) = &filter.q {
        return search_repo::read(connection, filter, q, page).await;
    }
    let counts = if filter.is_open() {
        all(connection).await?
    } else {
        counted(connection, filter).await?
    };
    let mut query = select();
    push_filter(&mut query, filter);
    if filter.from.is_some() || filter.to.is_some() {
        push_range(&mut query, filter, page, counts);
    }
    push_page(&mut query, page);
    let runs = query
        .build_query_as()
        .persistent(false)
        .fetch_all(connection)
        .await?;
    Ok((runs, counts))
}

/// `SELECT` of runs, ready for conditions.
pub(super) fn select() -> QueryBuilder<Postgres> {
    QueryBuilder::new(format!("SELECT {RUN} FROM sync_executions WHERE true"))
}

/// Adds where a page begins and how long it is.
pub(super) fn push_page(query: &mut QueryBuilder<Postgres>, page: Page) {
    if let Some(before) = page.before {
        query.push(" AND id < ").push_bind(before.id());
    }
    query
        .push(" ORDER BY id DESC LIMIT ")
        .push_bind(i64::from(page.limit) + 1);
}

/// Adds all but the searched text as conditions. Statements are not kept (`persistent(false)`), so each is planned
/// for its own values: a rare status is another plan than a frequent one.
pub(super) fn push_filter(query: &mut QueryBuilder<Postgres>, filter: &HistoryFilter) {
    if let Some(status) = filter.status {
        query.push(" AND status = ").push_bind(status.as_str());
    }
    push_mode(query, filter);
    push_times(query, filter);
}

fn push_mode(query: &mut QueryBuilder<Postgres>, filter: &HistoryFilter) {
    if let Some(mode) = filter.mode {
        query.push(" AND mode = ").push_bind(mode.as_str());
    }
}

fn push_times(query: &mut QueryBuilder<Postgres>, filter: &HistoryFilter) {
    if let Some(from) = filter.from {
        query.push(" AND created_at >= ").push_bind(from);
    }
    if let Some(to) = filter.to {
        query.push(" AND created_at < ").push_bind(to);
    }
}

/// A short range is found by its time and then sorted. A long one is walked by id from where its days end, so that
/// nothing newer is passed.
fn push_range(
    query: &mut QueryBuilder<Postgres>,
    filter: &HistoryFilter,
    page: Page,
    counts: Counts,
) {
    if !counts.capped {
        // The inner list is made before it is sorted: sorted as it comes, it would be the walk by id.
        query.push(" AND id = ANY(ARRAY(WITH few AS MATERIALIZED (SELECT id FROM sync_executions WHERE true");
        push_filter(query, filter);
        query.push(") SELECT id FROM few WHERE true");
        push_page(query, page);
        query.push("))");
        return;
    }
    let day = |instant: chrono::DateTime<chrono::Utc>| -> NaiveDate { instant.date_naive() };
    if let Some(from) = filter.from {
        query.push(" AND id >= (SELECT min(first_id) FROM sync_execution_days WHERE day >= ");
        query.push_bind(day(from)).push(")");
    }
    if let Some(to) = filter.to {
        query.push(" AND id <= (SELECT max(last_id) FROM sync_execution_days WHERE day <= ");
        query.push_bind(day(to)).push(")");
    }
}

/// Of everything, as the writing transactions keep it.
async fn all(connection: &mut PgConnection) -> sqlx::Result<Counts> {
    let row = sqlx::query_as("SELECT running, success, error FROM sync_execution_counts");
    let (running, success, error) = row.fetch_one(connection).await?;
    Ok(Counts {
        running,
        success,
        error,
        capped: false,
    })
}

/// Each status is one short scan of an index that has all that the filter asks for.
async fn counted(connection: &mut PgConnection, filter: &HistoryFilter) -> sqlx::Result<Counts> {
    let statuses = [Status::Running, Status::Success, Status::Error].map(Status::as_str);
    let one = |status: Status| vec![status.as_str()];
    let statuses = filter.status.map_or(statuses.to_vec(), one);
    let mut query = QueryBuilder::new(
        "SELECT word, (SELECT count(*) FROM (SELECT FROM sync_executions WHERE status = word",
    );
    push_mode(&mut query, filter);
    push_times(&mut query, filter);
    query.push(" LIMIT ").push_bind(COUNTED + 1);
    query.push(") few) FROM unnest(").push_bind(statuses);
    query.push("::text[]) AS statuses (word)");
    let rows: Vec<_> = query
        .build_query_as()
        .persistent(false)
        .fetch_all(connection)
        .await?;
    Ok(by_status(&rows).capped())
}

pub(super) fn by_status(rows: &[(String, i64)]) -> Counts {
    let of = |word: &str| {
        rows.iter()
            .filter(|(status, _)| status == word)
            .map(|(_, count)| count)
            .sum()
    };
    Counts {
        running: of("running"),
        success: of("success"),
        error: of("error"),
        capped: false,
    }
}
