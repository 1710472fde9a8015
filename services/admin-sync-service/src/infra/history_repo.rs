//! The history of a million runs: each way of filtering has an index that gives its page (migration 0008). Counts are
//! in `count_repo`, searching for text in `search_repo`.

use sqlx::postgres::PgPool;
use sqlx::{PgConnection, Postgres, QueryBuilder};
use tokio::time::timeout_at;

use super::connection_repo::{Connection, RepoError};
use super::run_repo::RUN;
use super::{count_repo, search_repo};
use crate::sync::{Counts, HistoryFilter, Page, Run};

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
        count_repo::all(connection).await?
    } else {
        count_repo::filtered(connection, filter).await?
    };
    // First the ids, from an index alone: a filter that is rare among the newest is no walk over them.
    let mut query = select();
    query.push(" AND id = ANY(ARRAY(");
    if filter.is_ranged() && !counts.capped {
        push_few(&mut query, filter, page);
    } else {
        push_many(&mut query, filter, page);
    }
    query.push(")) ORDER BY id DESC");
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

/// Adds the mode as a condition.
pub(super) fn push_mode(query: &mut QueryBuilder<Postgres>, filter: &HistoryFilter) {
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

/// The ids of a short range are found by their time and then sorted. The inner list is made before it is sorted:
/// sorted as it comes, it would be a walk by id.
fn push_few(query: &mut QueryBuilder<Postgres>, filter: &HistoryFilter, page: Page) {
    query.push("WITH few AS MATERIALIZED (SELECT id FROM sync_executions WHERE true");
    push_filter(query, filter);
    if filter.mode.is_some() && filter.status.is_none() {
        // Every one of them, by name: the index of modes has times behind each status.
        query.push(" AND status = ANY(");
        query.push_bind(count_repo::statuses(filter)).push(")");
    }
    query.push(") SELECT id FROM few WHERE true");
    push_page(query, page);
}

/// Those of a long range are walked from where its days end, so that nothing newer is passed.
fn push_many(query: &mut QueryBuilder<Postgres>, filter: &HistoryFilter, page: Page) {
    query.push("SELECT id FROM sync_executions WHERE true");
    push_filter(query, filter);
    if let Some(from) = filter.from {
        query.push(" AND id >= (SELECT min(first_id) FROM sync_execution_days WHERE day >= ");
        query.push_bind(from.date_naive()).push(")");
    }
    if let Some(to) = filter.to {
        query.push(" AND id <= (SELECT max(last_id) FROM sync_execution_days WHERE day <= ");
        query.push_bind(to.date_naive()).push(")");
    }
    push_page(query, page);
}
