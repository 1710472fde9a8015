//! Searching the history for a text: candidates come from three indexes (the id, the names of who asked, the grams of
//! errors), so what is rare or not there at all costs no look at all runs.

use sqlx::{PgConnection, Postgres, QueryBuilder};

use super::count_repo::by_status;
use super::history_repo::{push_filter, push_page, select};
use crate::sync::{COUNTED, Counts, Cursor, HistoryFilter, Page, Run};

/// Hops over the distinct names through an index; operators are few.
const NAMES: &str = "
    WITH RECURSIVE names (name, n) AS (
        (SELECT requested_by, 1 FROM sync_executions WHERE requested_by IS NOT NULL ORDER BY requested_by LIMIT 1)
        UNION ALL
        SELECT (SELECT requested_by FROM sync_executions WHERE requested_by > name ORDER BY requested_by LIMIT 1), n + 1
          FROM names WHERE name IS NOT NULL AND n < 1000)
    SELECT name FROM names WHERE strpos(lower(name), lower($1)) > 0";

/// As `history_repo`'s, for runs in which `q` is found.
pub(super) async fn read(
    connection: &mut PgConnection,
    filter: &HistoryFilter,
    q: &str,
    page: Page,
) -> sqlx::Result<(Vec<Run>, Counts)> {
    let names = sqlx::query_scalar(NAMES)
        .bind(q)
        .fetch_all(&mut *connection)
        .await?;
    let search = Search {
        q,
        id: q.parse().ok(),
        names,
    };
    let (ids, counts) = hits(connection, filter, &search).await?;
    let mut query = select();
    if counts.capped {
        // Frequent: the newest are found soon by looking at the newest.
        push_filter(&mut query, filter);
        query.push(" AND (id = ").push_bind(search.id);
        query
            .push(" OR requested_by = ANY(")
            .push_bind(search.names)
            .push(") OR ");
        push_error(&mut query, q);
        query.push(")");
    } else {
        query
            .push(" AND id = ANY(")
            .push_bind(newest(ids, page))
            .push(")");
    }
    push_page(&mut query, page);
    let runs = query
        .build_query_as()
        .persistent(false)
        .fetch_all(connection)
        .await?;
    Ok((runs, counts))
}

/// Those of the page, so that no others are fetched.
fn newest(mut ids: Vec<i32>, page: Page) -> Vec<i32> {
    let before = page.before.map_or(i32::MAX, Cursor::id);
    ids.retain(|id| *id < before || page.before.is_none());
    ids.sort_unstable_by(|one, other| other.cmp(one));
    ids.truncate(usize::from(page.limit) + 1);
    ids
}

/// What to look for.
struct Search<'a> {
    q: &'a str,
    id: Option<i32>,
    names: Vec<String>,
}

/// The ids of all hits, and their counts; where there are too many, some ids and capped counts.
async fn hits(
    connection: &mut PgConnection,
    filter: &HistoryFilter,
    search: &Search<'_>,
) -> sqlx::Result<(Vec<i32>, Counts)> {
    let most = COUNTED + 1;
    let mut query = QueryBuilder::new(
        "SELECT status, array_agg(id) FROM ((SELECT id, status FROM sync_executions WHERE ",
    );
    push_grams(&mut query, search.q);
    query.push(" AND ");
    push_error(&mut query, search.q);
    push_filter(&mut query, filter);
    query.push(" LIMIT ").push_bind(most);
    query
        .push(") UNION SELECT id, status FROM sync_executions WHERE id = ")
        .push_bind(search.id);
    push_filter(&mut query, filter);
    query
        .push(" UNION SELECT theirs.* FROM unnest(")
        .push_bind(&search.names);
    query.push("::text[]) AS names (name), unnest('{running,success,error}'::text[]) AS each (word), LATERAL (
                  SELECT id, status FROM sync_executions WHERE requested_by = name AND status = word");
    push_filter(&mut query, filter);
    query
        .push(" LIMIT ")
        .push_bind(most)
        .push(") theirs) AS hits GROUP BY status");
    let rows: Vec<(String, Vec<i32>)> = query
        .build_query_as()
        .persistent(false)
        .fetch_all(connection)
        .await?;
    let count = |ids: &Vec<i32>| i64::try_from(ids.len()).unwrap_or(i64::MAX);
    let counted = rows
        .iter()
        .map(|(status, ids)| (status.clone(), count(ids)));
    let counts = by_status(&counted.collect::<Vec<_>>());
    Ok((
        rows.into_iter().flat_map(|(_, ids)| ids).collect(),
        counts.capped(),
    ))
}

/// Three characters in a row where there are so many; one by one else.
fn push_grams(query: &mut QueryBuilder<Postgres>, q: &str) {
    query
        .push("farol_grams(error_message) @> ARRAY(SELECT gram FROM unnest(farol_grams(")
        .push_bind(q.to_owned());
    query
        .push(")) AS grams (gram) WHERE length(gram) = CASE WHEN length(lower(")
        .push_bind(q.to_owned());
    query.push(")) >= 3 THEN 3 ELSE 1 END)");
}

fn push_error(query: &mut QueryBuilder<Postgres>, q: &str) {
    query
        .push("strpos(lower(error_message), lower(")
        .push_bind(q.to_owned())
        .push(")) > 0");
}
