//! GET /sync/history: what ran, newest first, as far as somebody wants to see it.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use farol_core::sync::{Mode, Status};
use serde::Serialize;
use utoipa::ToSchema;

use super::Run;
use crate::infra::connection_repo::RepoError;
use crate::infra::history_repo::HistoryRepo;

/// Counts of a filtered history are exact up to here.
pub const COUNTED: i64 = 10_000;

/// What of the history is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HistoryFilter {
    /// Only runs of this status.
    pub status: Option<Status>,
    /// Only runs of this mode.
    pub mode: Option<Mode>,
    /// Only runs asked for at this instant or later.
    pub from: Option<DateTime<Utc>>,
    /// Only runs asked for before this instant.
    pub to: Option<DateTime<Utc>>,
    /// Only runs of this id, or with this text in their error or the name of who asked.
    pub q: Option<String>,
}

impl HistoryFilter {
    /// Whether it is about a range of time.
    pub fn is_ranged(&self) -> bool {
        self.from.is_some() || self.to.is_some()
    }

    /// Whether it lets everything through.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }
}

/// How much of it, from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// At most so many runs.
    pub limit: u16,
    /// Only those before this one.
    pub before: Option<Cursor>,
}

/// Where a page ended: new runs come before it, so they shift nothing behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(i32);

impl Cursor {
    /// Behind this run.
    pub fn behind(id: i32) -> Self {
        Self(id)
    }

    /// The run that it is behind.
    pub fn id(self) -> i32 {
        self.0
    }

    /// Reads what [`Cursor::text`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let id = std::str::from_utf8(&bytes).ok()?.strip_prefix("h1:")?;
        let cursor = Self(id.parse().ok().filter(|id| *id > 0)?);
        // One cursor has one text: `h1:+7` is none of ours.
        (cursor.text() == text).then_some(cursor)
    }

    /// Opaque: another release may write another form.
    pub fn text(self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(format!("h1:{}", self.0))
    }
}

/// Runs of each status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Not over.
    pub running: i64,
    /// Over, and all is well.
    pub success: i64,
    /// Over, and not all is well.
    pub error: i64,
    /// There may be more.
    pub capped: bool,
}

impl Counts {
    /// The same, each up to [`COUNTED`].
    pub fn capped(self) -> Self {
        let counts = [self.running, self.success, self.error];
        let capped = self.capped || counts.iter().sum::<i64>() > COUNTED;
        let [running, success, error] = counts.map(|count| count.min(COUNTED));
        Self {
            running,
            success,
            error,
            capped,
        }
    }

    /// All of them.
    pub fn total(self) -> i64 {
        let total = self.running + self.success + self.error;
        if self.capped {
            total.min(COUNTED)
        } else {
            total
        }
    }
}

/// A page of the history, and how much there is.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct HistoryPage {
    /// Newest first.
    pub executions: Vec<Run>,
    /// Runs that the filter lets through; with a filter, exact up to 10000.
    #[schema(minimum = 0)]
    pub total_count: i64,
    /// Of these: over, and all is well.
    #[schema(minimum = 0)]
    pub success_count: i64,
    /// Of these: over, and not all is well.
    #[schema(minimum = 0)]
    pub error_count: i64,
    /// Of these: not over.
    #[schema(minimum = 0)]
    pub running_count: i64,
    /// Some count stands at 10000 and may be more.
    pub counts_capped: bool,
    /// What `cursor` is on the next page; null on the last one.
    pub next_cursor: Option<String>,
}

/// The history.
pub struct History {
    /// What ran.
    pub repo: HistoryRepo,
}

impl History {
    /// A page of it.
    ///
    /// # Errors
    /// Of the database.
    pub async fn page(&self, filter: &HistoryFilter, page: Page) -> Result<HistoryPage, RepoError> {
        let (mut executions, counts) = self.repo.read(filter, page).await?;
        // One more than wanted was asked for: it tells whether there is a next page.
        let more = executions.len() > usize::from(page.limit);
        executions.truncate(page.limit.into());
        let last = executions.last().filter(|_| more);
        Ok(HistoryPage {
            next_cursor: last.map(|run| Cursor::behind(run.id).text()),
            total_count: counts.total(),
            success_count: counts.success,
            error_count: counts.error,
            running_count: counts.running,
            counts_capped: counts.capped,
            executions,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_has_one_text_and_no_other_text_is_one() {
        let cursor = Cursor::behind(4711);
        assert_eq!(Cursor::parse(&cursor.text()), Some(cursor));
        let odd = [
            "h1:+7",
            "h1:0",
            "h1:-7",
            "h1:07",
            "h2:7",
            "h1:99999999999",
            "h1:",
            "7",
        ];
        for text in odd.map(|text| BASE64_URL_SAFE_NO_PAD.encode(text)) {
            assert_eq!(Cursor::parse(&text), None, "{text}");
        }
        for text in ["", "!", "4711", "aDE6Nw=="] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }

    #[test]
    fn counts_are_exact_up_to_the_cap_and_say_when_they_are_not() {
        let exact = Counts {
            running: 1,
            success: 9_999,
            error: 0,
            capped: false,
        };
        assert_eq!(exact.capped(), exact);
        assert_eq!(exact.total(), 10_000);
        let over = Counts {
            running: 1,
            success: 10_001,
            error: 3,
            capped: false,
        }
        .capped();
        assert_eq!((over.running, over.success, over.error), (1, 10_000, 3));
        assert_eq!((over.total(), over.capped), (10_000, true));
    }
}
