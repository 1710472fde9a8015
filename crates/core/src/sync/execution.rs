//! The states of a run and the moves between them. Who may make a move, and what else changes with it,
//! is written where the SQL is; docs/state-machines.md draws it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waits for a worker.
    Queued,
    /// A worker has its lease.
    Running,
    /// Something of ours failed; goes back to `Queued` when it is due.
    RetryWait,
    /// Somebody wants it to end; its worker has yet to notice.
    Cancelling,
    /// Everything in its window was read.
    Success,
    /// Some of its window was not read, or is doubted; what was read is kept.
    Incomplete,
    /// It could not go on.
    Error,
    /// Somebody ended it; what was read is kept.
    Cancelled,
    /// Its workers fell silent too often.
    Lost,
}

/// What clients of the first contract are told. `idle`, the fourth word, is the absence of any run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Not over.
    Running,
    /// Over, and all is well.
    Success,
    /// Over, and not all is well.
    Error,
}

/// A step of a run from one state to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Move {
    /// A worker takes it.
    Claim,
    /// Its worker is told to stop and gives it back, checkpoint and all.
    Park,
    /// It is taken from a worker that fell silent.
    Rescue,
    /// Something of ours failed; it is tried again later.
    FailInside,
    /// Its waiting is over.
    Due,
    /// Somebody wants a running one to end.
    RequestCancel,
    /// It ends because somebody wanted that.
    Cancelled,
    /// It ends, and its verdict is complete.
    Succeed,
    /// It ends, and its verdict is another.
    EndIncomplete,
    /// It ends because it cannot go on.
    Fail,
    /// It ends because it was rescued too often.
    Lose,
}

/// A move that a state forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a run that is {state} cannot be {by}")]
pub struct Refused {
    /// Where the run is.
    pub state: State,
    /// What was asked of it.
    pub by: Move,
}

impl State {
    /// All nine, in the order of the contract.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Running,
        Self::RetryWait,
        Self::Cancelling,
        Self::Success,
        Self::Incomplete,
        Self::Error,
        Self::Cancelled,
        Self::Lost,
    ];

    /// Those that are not over.
    pub const LIVE: [Self; 4] = [
        Self::Queued,
        Self::Running,
        Self::RetryWait,
        Self::Cancelling,
    ];

    /// The word on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::RetryWait => "retry_wait",
            Self::Cancelling => "cancelling",
            Self::Success => "success",
            Self::Incomplete => "incomplete",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
            Self::Lost => "lost",
        }
    }

    /// The closed set that clients know; a trigger of the database derives the same.
    pub const fn status(self) -> Status {
        match self {
            Self::Queued | Self::Running | Self::RetryWait | Self::Cancelling => Status::Running,
            Self::Success => Status::Success,
            Self::Incomplete | Self::Error | Self::Cancelled | Self::Lost => Status::Error,
        }
    }

    /// Whether it is over; it then never changes again.
    pub const fn is_terminal(self) -> bool {
        !matches!(self.status(), Status::Running)
    }

    /// Whether a worker may have its lease.
    pub const fn is_worked_on(self) -> bool {
        matches!(self, Self::Running | Self::Cancelling)
    }

    /// The state after `by`.
    ///
    /// # Errors
    /// When it forbids that move.
    pub fn after(self, by: Move) -> Result<Self, Refused> {
        if by.from_states().contains(&self) {
            Ok(by.to())
        } else {
            Err(Refused { state: self, by })
        }
    }
}

impl Status {
    /// The word on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Success => "success",
            Self::Error => "error",
        }
    }
}

impl Move {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Claim,
        Self::Park,
        Self::Rescue,
        Self::FailInside,
        Self::Due,
        Self::RequestCancel,
        Self::Cancelled,
        Self::Succeed,
        Self::EndIncomplete,
        Self::Fail,
        Self::Lose,
    ];

    /// The states that allow it: what the SQL of it guards with.
    pub const fn from_states(self) -> &'static [State] {
        match self {
            Self::Claim => &[State::Queued],
            Self::Due => &[State::RetryWait],
            Self::Cancelled => &[State::Queued, State::RetryWait, State::Cancelling],
            Self::Park
            | Self::Rescue
            | Self::FailInside
            | Self::RequestCancel
            | Self::Succeed
            | Self::EndIncomplete
            | Self::Fail
            | Self::Lose => &[State::Running],
        }
    }

    /// The state that it leads to.
    pub const fn to(self) -> State {
        match self {
            Self::Claim => State::Running,
            Self::Park | Self::Rescue | Self::Due => State::Queued,
            Self::FailInside => State::RetryWait,
            Self::RequestCancel => State::Cancelling,
            Self::Cancelled => State::Cancelled,
            Self::Succeed => State::Success,
            Self::EndIncomplete => State::Incomplete,
            Self::Fail => State::Error,
            Self::Lose => State::Lost,
        }
    }

    /// Its word in `sync_events.kind`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Claim => "claimed",
            Self::Park => "parked",
            Self::Rescue => "rescued",
            Self::FailInside => "failed_inside",
            Self::Due => "due",
            Self::RequestCancel => "cancel_requested",
            Self::Cancelled => "cancelled",
            Self::Succeed => "succeeded",
            Self::EndIncomplete => "ended_incomplete",
            Self::Fail => "failed",
            Self::Lose => "lost",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is no state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a state of a run")]
pub struct UnknownState;

impl FromStr for State {
    type Err = UnknownState;

    /// Exactly the nine words.
    fn from_str(word: &str) -> Result<Self, UnknownState> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or(UnknownState)
    }
}
