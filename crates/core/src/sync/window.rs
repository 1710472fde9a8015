//! A span of time that a run reads, half-open, and how it falls into the days that the portal can be asked for.

use std::fmt;

use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveTime, TimeDelta, Utc};

use super::instant::{YEARS, Zone, parse_instant, resolve};

/// No window is longer than so many days: the portal answers none that is, and a run stays bounded.
pub const MAX_DAYS: i64 = 365;

/// `[start, end)` between two instants: never empty, at most [`MAX_DAYS`] long (and the hour by which a
/// change of clocks makes so many days longer).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

/// Why two instants make no window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// The start is the end, or after it.
    #[error("must be before its end")]
    NotBefore,
    /// More days than are read at once.
    #[error("must not be longer than {MAX_DAYS} days")]
    TooLong,
    /// An instant that is not in the years 1 to 9999.
    #[error("must be in the years 1 to 9999")]
    OutOfRange,
}

/// The part of a window that is in one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayCut {
    /// The day, in the zone that was asked for.
    pub day: NaiveDate,
    /// The part.
    pub cut: Window,
    /// Whether that is the whole day.
    pub whole: bool,
}

impl Window {
    /// The window from `start` up to, not including, `end`.
    ///
    /// # Errors
    /// When it would be empty, too long or beyond the calendar.
    pub fn new(start: DateTime<Utc>, end: DateTime<Utc>) -> Result<Self, WindowError> {
        if start >= end {
            return Err(WindowError::NotBefore);
        }
        // Two days off either end of the calendar: the days around a window are looked at too.
        let years = YEARS.start() + 1..=YEARS.end() - 1;
        if !years.contains(&start.year()) || !years.contains(&end.year()) {
            return Err(WindowError::OutOfRange);
        }
        if end - start > TimeDelta::days(MAX_DAYS + 1) {
            return Err(WindowError::TooLong);
        }
        Ok(Self { start, end })
    }

    /// The whole of `day` in `zone`; `None` for a day that its clocks skipped, or beyond the calendar.
    pub fn of_day(day: NaiveDate, zone: Zone) -> Option<Self> {
        let next = day.checked_add_days(Days::new(1))?;
        YEARS.contains(&day.year()).then_some(())?;
        Self::new(midnight(day, zone), midnight(next, zone)).ok()
    }

    /// Its first instant.
    pub const fn start(&self) -> DateTime<Utc> {
        self.start
    }

    /// The first instant after it.
    pub const fn end(&self) -> DateTime<Utc> {
        self.end
    }

    /// Whether `t` is in it.
    pub fn contains(&self, t: DateTime<Utc>) -> bool {
        self.start <= t && t < self.end
    }

    /// Whether some instant is in both. Windows that only touch do not overlap.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Its days in `zone`, in order: together exactly the window, no instant in two of them.
    pub fn days(&self, zone: Zone) -> Vec<DayCut> {
        let local = self.start.with_timezone(&zone).date_naive();
        // Where midnight is in an hour that occurs twice, the hour's second half belongs to the next day.
        let first = local.pred_opt().unwrap_or(local);
        first
            .iter_days()
            .take_while(|day| midnight(*day, zone) < self.end)
            .filter_map(|day| self.cut(day, zone))
            .collect()
    }

    fn cut(&self, day: NaiveDate, zone: Zone) -> Option<DayCut> {
        let whole = Self::of_day(day, zone)?;
        let cut = Self::new(self.start.max(whole.start), self.end.min(whole.end)).ok()?;
        let whole = cut == whole;
        Some(DayCut { day, cut, whole })
    }
}

fn midnight(day: NaiveDate, zone: Zone) -> DateTime<Utc> {
    resolve(day.and_time(NaiveTime::MIN), zone)
}

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    /// `data_ini` or `data_fim`.
    pub field: &'static str,
    /// What is wrong, for the client to read.
    pub detail: String,
}

impl FieldProblem {
    fn new(field: &'static str, detail: impl fmt::Display) -> Self {
        let detail = detail.to_string();
        Self { field, detail }
    }
}

/// The window that a request for a backfill names, as of `now`.
///
/// # Errors
/// Everything that is wrong with it: what is no ISO 8601 date or time, a start not before the end,
/// an end in the future, more than [`MAX_DAYS`] days.
pub fn requested(
    data_ini: &str,
    data_fim: &str,
    zone: Zone,
    now: DateTime<Utc>,
) -> Result<Window, Vec<FieldProblem>> {
    let read = |field, text| {
        let unread = || FieldProblem::new(field, "is not an ISO 8601 date or date-time");
        parse_instant(text, zone).ok_or_else(unread)
    };
    let (start, end) = match (read("data_ini", data_ini), read("data_fim", data_fim)) {
        (Ok(start), Ok(end)) => (start, end),
        (start, end) => return Err(start.err().into_iter().chain(end.err()).collect()),
    };
    let window = Window::new(start, end).and_then(|window| bounded(window, zone));
    let wrong = window.err().map(|error| {
        let at_start = error == WindowError::NotBefore;
        let field = if at_start { "data_ini" } else { "data_fim" };
        FieldProblem::new(field, error)
    });
    let early = (end > now).then(|| FieldProblem::new("data_fim", "must not be in the future"));
    let problems: Vec<_> = wrong.into_iter().chain(early).collect();
    match window {
        Ok(window) if problems.is_empty() => Ok(window),
        _ => Err(problems),
    }
}

/// Days are counted by the calendar: a year with one change of clocks is no longer than another.
fn bounded(window: Window, zone: Zone) -> Result<Window, WindowError> {
    let local = |t: DateTime<Utc>| t.with_timezone(&zone).naive_local();
    if local(window.end) - local(window.start) > TimeDelta::days(MAX_DAYS) {
        return Err(WindowError::TooLong);
    }
    Ok(window)
}
