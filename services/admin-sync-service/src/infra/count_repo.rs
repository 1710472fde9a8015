//! How many runs a filter lets through: whole days come from the table that the writing transactions keep (migration
//! 0020), the hours at both ends of a range from an index. Searching for text counts its hits itself.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use farol_core::sync::{Mode, Status};
use sqlx::{PgConnection, Postgres, QueryBuilder};

use super::history_repo::push_mode;
use crate::sync::{COUNTED, Counts, HistoryFilter};

const STATUSES: [Status; 3] = [Status::Running, Status::Success, Status::Error];

/// Of everything.
///
/// # Errors
/// Of the database.
pub(super) async fn all(connection: &mut PgConnection) -> sqlx::Result<Counts> {
    let row = sqlx::query_as("SELECT running, success, error FROM sync_execution_counts");
    let (running, success, error) = row.fetch_one(connection).await?;
    Ok(Counts {
        running,
        success,
        error,
        capped: false,
    })
}

/// Of what a filter without a text lets through, each up to the cap. One statement, so that days and hours are seen
/// at one moment.
///
/// # Errors
/// Of the database.
pub(super) async fn filtered(
    connection: &mut PgConnection,
    filter: &HistoryFilter,
) -> sqlx::Result<Counts> {
    let spans = Spans::of(filter);
    let mut query = QueryBuilder::new("SELECT word, 0");
    if let Some(days) = &spans.days {
        push_days(&mut query, filter, days);
    }
    for edge in &spans.edges {
        push_edge(&mut query, filter, edge);
    }
    query
        .push(" FROM unnest(")
        .push_bind(statuses(filter))
        .push("::text[]) AS statuses (word)");
    let rows: Vec<_> = query
        .build_query_as()
        .persistent(false)
        .fetch_all(connection)
        .await?;
    Ok(by_status(&rows).capped())
}

/// The words of the statuses that a filter asks for.
pub(super) fn statuses(filter: &HistoryFilter) -> Vec<&'static str> {
    let all = || STATUSES.map(Status::as_str).to_vec();
    filter
        .status
        .map_or_else(all, |status| vec![status.as_str()])
}

/// Sums rows of a status and a count.
pub(super) fn by_status(rows: &[(String, i64)]) -> Counts {
    let of = |status: Status| {
        let its = rows.iter().filter(|(word, _)| word == status.as_str());
        its.map(|(_, count)| count).sum()
    };
    Counts {
        running: of(Status::Running),
        success: of(Status::Success),
        error: of(Status::Error),
        capped: false,
    }
}

/// Both modes by name where none is asked for: the key of the table begins with them.
fn push_days(query: &mut QueryBuilder<Postgres>, filter: &HistoryFilter, days: &WholeDays) {
    let modes = filter
        .mode
        .map_or_else(|| Mode::ALL.to_vec(), |mode| vec![mode]);
    let modes: Vec<_> = modes.into_iter().map(Mode::as_str).collect();
    query
        .push(" + (SELECT COALESCE(sum(runs), 0)::bigint FROM sync_execution_day_counts WHERE status = word AND mode = ANY(")
        .push_bind(modes)
        .push(")");
    if let Some(first) = days.first {
        query.push(" AND day >= ").push_bind(first);
    }
    if let Some(end) = days.end {
        query.push(" AND day < ").push_bind(end);
    }
    query.push(")");
}

/// Up to the cap, of an index that has all that is asked for.
fn push_edge(query: &mut QueryBuilder<Postgres>, filter: &HistoryFilter, edge: &Edge) {
    query.push(
        " + (SELECT count(*) FROM (SELECT FROM sync_executions WHERE status = word AND created_at >= ",
    );
    query.push_bind(edge.from).push(" AND created_at < ");
    query.push_bind(edge.to);
    push_mode(query, filter);
    query.push(" LIMIT ").push_bind(COUNTED + 1).push(") edge)");
}

/// Whole days of UTC, the end not included; `None` = without an end on that side.
#[derive(Debug, PartialEq, Eq)]
struct WholeDays {
    first: Option<NaiveDate>,
    end: Option<NaiveDate>,
}

/// Less than two days.
#[derive(Debug, PartialEq, Eq)]
struct Edge {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

/// A range of time, cut where days of UTC begin.
#[derive(Debug, PartialEq, Eq)]
struct Spans {
    days: Option<WholeDays>,
    edges: Vec<Edge>,
}

impl Spans {
    fn of(filter: &HistoryFilter) -> Self {
        let (from, to) = (filter.from, filter.to);
        let (first, end) = (from.map(first_day), to.map(|to| to.date_naive()));
        if let (Some(from), Some(to)) = (from, to)
            && first >= end
        {
            let edges = vec![Edge { from, to }];
            return Self { days: None, edges };
        }
        let before = from.zip(first).map(|(from, first)| Edge {
            from,
            to: midnight(first),
        });
        let after = to.zip(end).map(|(to, end)| Edge {
            from: midnight(end),
            to,
        });
        let edges = before.into_iter().chain(after);
        Self {
            days: Some(WholeDays { first, end }),
            edges: edges.filter(|edge| edge.from < edge.to).collect(),
        }
    }
}

/// The first day that begins at this instant or later.
fn first_day(instant: DateTime<Utc>) -> NaiveDate {
    let day = instant.date_naive();
    if instant == midnight(day) {
        return day;
    }
    day.succ_opt().unwrap_or(NaiveDate::MAX)
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn spans(from: Option<&str>, to: Option<&str>) -> (Option<String>, Vec<String>) {
        let filter = HistoryFilter {
            from: from.map(instant),
            to: to.map(instant),
            ..HistoryFilter::default()
        };
        let spans = Spans::of(&filter);
        let day = |day: Option<NaiveDate>| day.map_or_else(|| "*".to_owned(), |it| it.to_string());
        let days = spans.days;
        let edge = |edge: &Edge| format!("{:?}..{:?}", edge.from, edge.to);
        (
            days.map(|it| format!("{}..{}", day(it.first), day(it.end))),
            spans.edges.iter().map(edge).collect(),
        )
    }

    #[test]
    fn a_range_is_cut_where_days_begin_and_each_instant_is_in_one_piece() {
        let days = |text: &str| Some(text.to_owned());
        assert_eq!(spans(None, None), (days("*..*"), vec![]));
        assert_eq!(
            spans(Some("2024-01-01T00:00:00Z"), Some("2024-03-01T00:00:00Z")),
            (days("2024-01-01..2024-03-01"), vec![])
        );
        assert_eq!(
            spans(Some("2024-01-01T03:00:00Z"), Some("2024-01-03T03:00:00Z")),
            (
                days("2024-01-02..2024-01-03"),
                vec![
                    "2024-01-01T03:00:00Z..2024-01-02T00:00:00Z".to_owned(),
                    "2024-01-03T00:00:00Z..2024-01-03T03:00:00Z".to_owned()
                ]
            )
        );
        assert_eq!(
            spans(None, Some("2024-01-03T03:00:00Z")),
            (
                days("*..2024-01-03"),
                vec!["2024-01-03T00:00:00Z..2024-01-03T03:00:00Z".to_owned()]
            )
        );
        assert_eq!(
            spans(Some("2024-01-03T23:59:59Z"), None),
            (
                days("2024-01-04..*"),
                vec!["2024-01-03T23:59:59Z..2024-01-04T00:00:00Z".to_owned()]
            )
        );
    }

    #[test]
    fn a_range_without_a_whole_day_is_one_piece() {
        for (from, to) in [
            ("2024-01-03T03:00:00Z", "2024-01-04T03:00:00Z"),
            ("2024-01-03T03:00:00Z", "2024-01-03T04:00:00Z"),
            ("2024-01-03T00:00:00Z", "2024-01-03T04:00:00Z"),
        ] {
            let piece = vec![format!("{from}..{to}")];
            assert_eq!(spans(Some(from), Some(to)), (None, piece));
        }
    }
}
