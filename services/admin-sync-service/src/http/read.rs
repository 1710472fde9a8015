//! What operators read: status, history, dashboard, coverage.

use actix_web::HttpRequest;
use actix_web::web::{Data, Json};
use chrono_tz::Tz;
use farol_core::sync::{Status, parse_instant};

use super::State;
use super::query::Query;
use crate::error::ApiError;
use crate::sync::{
    CoverageView, CurrentStatus, Cursor, DashboardView, HistoryFilter, HistoryPage, MOST_DAYS, Page,
};

/// Characters of the longest text that is searched for.
const LONGEST_Q: usize = 200;
const INSTANT: &str = "must be an ISO 8601 date or date-time";

/// The newest run, and how the portal is.
#[utoipa::path(
    get, path = "/sync/status", tag = "sync",
    responses((status = 200, description = "The newest run; `idle` before the first.", body = CurrentStatus)),
)]
pub async fn status(state: Data<State>) -> Result<Json<CurrentStatus>, ApiError> {
    Ok(Json(state.desk.status().await?))
}

/// What ran, newest first.
#[utoipa::path(
    get, path = "/sync/history", tag = "sync",
    params(
        ("limit" = Option<u16>, Query, description = "Runs on a page, 1 to 500; 50 where it is not given.", minimum = 1, maximum = 500),
        ("status" = Option<String>, Query, description = "Only runs of this status: running, success or error.", pattern = "^(running|success|error)?$"),
        ("mode" = Option<String>, Query, description = "Only runs of this mode: update or backfill.", pattern = "^(update|backfill)?$"),
        ("from" = Option<String>, Query, description = "Only runs asked for at this instant or later; ISO 8601, without an offset in `SYNC_TIMEZONE`.", example = "2025-07-10"),
        ("to" = Option<String>, Query, description = "Only runs asked for before this instant.", example = "2025-07-11"),
        ("q" = Option<String>, Query, description = "Only the run of this id, or runs with this text in their error or in the name of who asked.", max_length = 200),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before."),
    ),
    responses(
        (status = 200, description = "A page, and how much there is.", body = HistoryPage),
        (status = 422, response = super::openapi::Refused),
    ),
)]
pub async fn history(
    request: HttpRequest,
    state: Data<State>,
) -> Result<Json<HistoryPage>, ApiError> {
    let (filter, page) = history_query(Query::of(&request), state.desk.rules.zone)?;
    Ok(Json(state.history.page(&filter, page).await?))
}

/// How the last days went.
#[utoipa::path(
    get, path = "/sync/dashboard", tag = "sync",
    params(("days" = Option<u16>, Query, description = "How many days back, 1 to 365; 30 where it is not given.", minimum = 1, maximum = 365)),
    responses(
        (status = 200, description = "Figures of the runs that were asked for in these days.", body = DashboardView),
        (status = 422, response = super::openapi::Refused),
    ),
)]
pub async fn dashboard(
    request: HttpRequest,
    state: Data<State>,
) -> Result<Json<DashboardView>, ApiError> {
    let mut query = Query::of(&request);
    let days = query.read("days", "must be 1 to 365", |text| number(text, 365));
    query.finish()?;
    Ok(Json(state.dashboard.view(days.unwrap_or(30)).await?))
}

/// Of which days and modalidades everything is proven to be here.
#[utoipa::path(
    get, path = "/sync/coverage", tag = "sync",
    params(
        ("from" = Option<String>, Query, description = "The first day; 29 days before the last where it is not given.", example = "2025-07-01"),
        ("to" = Option<String>, Query, description = "The last day; today where it is not given. At most 366 days.", example = "2025-07-31"),
    ),
    responses(
        (status = 200, description = "Every modalidade of every day.", body = CoverageView),
        (status = 422, response = super::openapi::Refused),
    ),
)]
pub async fn coverage(
    request: HttpRequest,
    state: Data<State>,
) -> Result<Json<CoverageView>, ApiError> {
    let zone = state.coverage.zone;
    let day = |text: &str| Some(parse_instant(text, zone)?.with_timezone(&zone).date_naive());
    let mut query = Query::of(&request);
    let from = query.read("from", "must be an ISO 8601 date", day);
    let to = query.read("to", "must be an ISO 8601 date", day);
    let (from, to) = state.coverage.days(from, to);
    if from > to {
        query.refuse("from", "must not be after to");
    } else if (to - from).num_days() >= MOST_DAYS {
        query.refuse("from", "must be less than 366 days before to");
    }
    query.finish()?;
    Ok(Json(state.coverage.view(from, to).await?))
}

fn history_query(mut query: Query, zone: Tz) -> Result<(HistoryFilter, Page), ApiError> {
    let statuses = [Status::Running, Status::Success, Status::Error];
    let status = |word: &str| statuses.into_iter().find(|status| status.as_str() == word);
    let limit = query.read("limit", "must be 1 to 500", |text| number(text, 500));
    let filter = HistoryFilter {
        status: query.read("status", "must be running, success or error", status),
        mode: query.read("mode", "must be update or backfill", |word| {
            word.parse().ok()
        }),
        from: query.read("from", INSTANT, |text| parse_instant(text, zone)),
        to: query.read("to", INSTANT, |text| parse_instant(text, zone)),
        q: query.read(
            "q",
            "must be at most 200 characters, none of them NUL",
            searched,
        ),
    };
    let before = query.read("cursor", "must be the next_cursor of a page", Cursor::parse);
    if let (Some(from), Some(to)) = (filter.from, filter.to)
        && from >= to
    {
        query.refuse("from", "must be before to");
    }
    query.finish()?;
    let limit = limit.unwrap_or(50);
    Ok((filter, Page { limit, before }))
}

/// Digits alone, from 1 to `most`.
fn number(text: &str, most: u16) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|number| digits && (1..=most).contains(number))
}

/// Postgres has no NUL in texts.
fn searched(text: &str) -> Option<String> {
    let usable = text.chars().count() <= LONGEST_Q && !text.contains('\0');
    usable.then(|| text.to_owned())
}
