//! The units of work of a run: what one endpoint has for one modalidade in one day, and what becomes of it.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::execution::Move;
use super::instant::Zone;
use super::mode::Mode;
use super::window::Window;

/// The modalidade of segments that have none.
pub const ITEMS_MODALIDADE: i16 = 0;

/// What of the portal a segment reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Endpoint {
    /// `/contratacoes/publicacao`: by the time of publication.
    Publicacao,
    /// `/contratacoes/atualizacao`: by the time of the last change.
    Atualizacao,
    /// The items of what the run brought in.
    Itens,
}

/// Where a segment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SegmentState {
    /// Not begun, or given back.
    Pending,
    /// Being read.
    Running,
    /// Everything in it was read, and the portal's total says so.
    Complete,
    /// Read, but the totals never stood still.
    Incomplete,
    /// Could not be read.
    Failed,
    /// Read, and nothing was there although much should be.
    SuspectedOutage,
}

/// What makes a segment one: a run has no two alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentKey {
    /// What is read.
    pub endpoint: Endpoint,
    /// The portal's number of the modalidade; [`ITEMS_MODALIDADE`] for items.
    pub modalidade: i16,
    /// Its (first) day in `SYNC_TIMEZONE`.
    pub day: NaiveDate,
}

/// A segment as it is written into the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedSegment {
    /// Which one.
    pub key: SegmentKey,
    /// Its last day: `key.day`, but for items, which have one segment for the whole window.
    pub day_to: NaiveDate,
    /// The part of the run's window in those days: what is saved and proven.
    pub cut: Window,
}

/// What a run amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every segment is complete.
    Complete,
    /// Some segment is not.
    Incomplete,
    /// All that is wrong is silence where something should be.
    SuspectedOutage,
}

impl Endpoint {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Publicacao, Self::Atualizacao, Self::Itens];

    /// The one that runs of `mode` read.
    pub const fn of(mode: Mode) -> Self {
        match mode {
            Mode::Update => Self::Atualizacao,
            Mode::Backfill => Self::Publicacao,
        }
    }

    /// The word in the ledger, in metrics and, of the first two, in the portal's address.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publicacao => "publicacao",
            Self::Atualizacao => "atualizacao",
            Self::Itens => "itens",
        }
    }
}

impl SegmentState {
    /// All six.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Running,
        Self::Complete,
        Self::Incomplete,
        Self::Failed,
        Self::SuspectedOutage,
    ];

    /// The word on the wire and in the ledger.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
            Self::SuspectedOutage => "suspected_outage",
        }
    }

    /// Whether this run will not read it again.
    pub const fn is_ended(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }
}

impl Verdict {
    /// What the segments of a run amount to. A run without segments read nothing, and proves nothing.
    pub fn of(states: impl IntoIterator<Item = SegmentState>) -> Self {
        let states: BTreeSet<SegmentState> = states.into_iter().collect();
        let other = |state: &&SegmentState| {
            !matches!(
                state,
                SegmentState::Complete | SegmentState::SuspectedOutage
            )
        };
        if states.is_empty() || states.iter().any(|state| other(&state)) {
            Self::Incomplete
        } else if states.contains(&SegmentState::SuspectedOutage) {
            Self::SuspectedOutage
        } else {
            Self::Complete
        }
    }

    /// The word on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Incomplete => "incomplete",
            Self::SuspectedOutage => "suspected_outage",
        }
    }

    /// The move with which a run of this verdict ends.
    pub const fn end(self) -> Move {
        match self {
            Self::Complete => Move::Succeed,
            Self::Incomplete | Self::SuspectedOutage => Move::EndIncomplete,
        }
    }
}

/// The segments of a run, oldest day first: where it ends early, what is proven has no hole.
pub fn plan(mode: Mode, window: &Window, modalidades: &[i16], zone: Zone) -> Vec<PlannedSegment> {
    let modalidades: BTreeSet<i16> = modalidades.iter().copied().collect();
    let endpoint = Endpoint::of(mode);
    let days = window.days(zone);
    let of_day = |day: &super::DayCut| {
        let (day, cut) = (day.day, day.cut);
        modalidades.iter().map(move |&modalidade| PlannedSegment {
            key: SegmentKey {
                endpoint,
                modalidade,
                day,
            },
            day_to: day,
            cut,
        })
    };
    days.iter().flat_map(of_day).collect()
}

/// The one segment of a run that stands for the items of all that it brings in.
pub fn plan_items(window: &Window, zone: Zone) -> Option<PlannedSegment> {
    let days = window.days(zone);
    let key = SegmentKey {
        endpoint: Endpoint::Itens,
        modalidade: ITEMS_MODALIDADE,
        day: days.first()?.day,
    };
    Some(PlannedSegment {
        key,
        day_to: days.last()?.day,
        cut: *window,
    })
}

/// A word that the ledger does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a word of the ledger")]
pub struct UnknownWord;

impl FromStr for Endpoint {
    type Err = UnknownWord;

    /// Exactly the three words.
    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let mut all = Self::ALL.into_iter();
        all.find(|endpoint| endpoint.as_str() == word)
            .ok_or(UnknownWord)
    }
}

impl FromStr for SegmentState {
    type Err = UnknownWord;

    /// Exactly the six words.
    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let mut all = Self::ALL.into_iter();
        all.find(|state| state.as_str() == word).ok_or(UnknownWord)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for SegmentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
