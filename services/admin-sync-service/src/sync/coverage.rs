//! GET /sync/coverage: of which days and modalidades everything is proven to be here.

use std::collections::HashMap;

use chrono::{Days, NaiveDate};
use chrono_tz::Tz;
use farol_core::sync::{Interval, Window, gaps_within};
use serde::Serialize;
use service_kit::clock::Clock;
use utoipa::ToSchema;

use crate::infra::connection_repo::RepoError;
use crate::infra::coverage_repo::CoverageRepo;

/// The days shown where none are named.
const SHOWN: u64 = 30;
/// Most days of one answer.
pub const MOST_DAYS: i64 = 366;

/// What the ledger knows of some days.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// What is proven of each modalidade.
    pub proven: HashMap<i16, Vec<Interval>>,
    /// The newest segment of each modalidade and day.
    pub newest: HashMap<(i16, NaiveDate), Look>,
}

/// The newest look at one modalidade of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// It found nothing where much should be.
    pub suspected_outage: bool,
    /// Records that the portal said there are.
    pub expected: Option<i32>,
    /// Distinct records that were read.
    pub got: i32,
}

/// How much of a day is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CellState {
    /// All of it is proven.
    Complete,
    /// Some of it is not.
    Incomplete,
    /// The portal said that there is nothing, where there should be much.
    SuspectedOutage,
    /// It was never looked at.
    Never,
}

/// One modalidade of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Cell {
    /// The day, in `SYNC_TIMEZONE`.
    pub day: NaiveDate,
    /// The portal's number of the modalidade.
    pub modalidade: i16,
    /// How much of it is here. Today is never complete: it is not over.
    pub state: CellState,
    /// Records that the portal said there are, at the newest look.
    pub expected: Option<i32>,
    /// Distinct records that were read, at the newest look.
    pub got: Option<i32>,
}

/// Every modalidade of every day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CoverageView {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// By day, then by modalidade.
    pub days: Vec<Cell>,
}

/// The coverage.
pub struct Coverage {
    /// The ledger.
    pub repo: CoverageRepo,
    /// Tells which day is today.
    pub clock: Clock,
    /// `SYNC_TIMEZONE`: whose days.
    pub zone: Tz,
    /// `PNCP_MODALIDADES`: what should be here.
    pub modalidades: Vec<i16>,
}

impl Coverage {
    /// The days that are meant: up to today, and 30 where no first one is named.
    pub fn days(&self, from: Option<NaiveDate>, to: Option<NaiveDate>) -> (NaiveDate, NaiveDate) {
        let to = to.unwrap_or_else(|| self.clock.now().with_timezone(&self.zone).date_naive());
        let from = from.or_else(|| to.checked_sub_days(Days::new(SHOWN - 1)));
        (from.unwrap_or(to), to)
    }

    /// Every modalidade of the days from `from` to `to`, both included.
    ///
    /// # Errors
    /// Of the database.
    pub async fn view(&self, from: NaiveDate, to: NaiveDate) -> Result<CoverageView, RepoError> {
        let ledger = self.repo.read(from, to).await?;
        let days = from.iter_days().take_while(|day| *day <= to);
        let cells = |day| {
            self.modalidades
                .iter()
                .map(move |modalidade| (day, *modalidade))
        };
        let days = days
            .flat_map(cells)
            .map(|(day, modalidade)| self.cell(&ledger, day, modalidade));
        Ok(CoverageView {
            from,
            to,
            days: days.collect(),
        })
    }

    fn cell(&self, ledger: &Ledger, day: NaiveDate, modalidade: i16) -> Cell {
        let proven = ledger
            .proven
            .get(&modalidade)
            .map_or(&[][..], Vec::as_slice);
        let newest = ledger.newest.get(&(modalidade, day));
        // A day that the clocks of the zone skipped has nothing to miss.
        let whole = Window::of_day(day, self.zone).map(|it| Interval {
            from: it.start(),
            to: it.end(),
        });
        let missing = whole.is_some_and(|whole| !gaps_within(proven, whole).is_empty());
        let state = match newest {
            _ if !missing => CellState::Complete,
            Some(look) if look.suspected_outage => CellState::SuspectedOutage,
            Some(_) => CellState::Incomplete,
            None if touched(proven, whole) => CellState::Incomplete,
            None => CellState::Never,
        };
        Cell {
            day,
            modalidade,
            state,
            expected: newest.and_then(|look| look.expected),
            got: newest.map(|look| look.got),
        }
    }
}

fn touched(proven: &[Interval], day: Option<Interval>) -> bool {
    day.is_some_and(|day| proven.iter().any(|island| island.meet(day).is_some()))
}
