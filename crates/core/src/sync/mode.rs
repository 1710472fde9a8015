//! The two kinds of run. What window each reads is decided elsewhere.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a run is for (docs/API.md, "Sync").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Everything that changed since what is proven; reads `/contratacoes/atualizacao`.
    Update,
    /// Everything published in a window that somebody names; reads `/contratacoes/publicacao`.
    Backfill,
}

impl Mode {
    /// Both, in the order of the contract.
    pub const ALL: [Self; 2] = [Self::Update, Self::Backfill];

    /// The word on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Update => "update",
            Self::Backfill => "backfill",
        }
    }

    /// The key of the advisory lock under which runs of this mode are enqueued and claimed: two who look at the
    /// live ones cannot each find the way free.
    pub const fn lock_key(self) -> i64 {
        match self {
            Self::Update => 4_706_230_114_002,
            Self::Backfill => 4_706_230_114_003,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is no mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not one of update, backfill")]
pub struct UnknownMode;

impl FromStr for Mode {
    type Err = UnknownMode;

    /// Exactly the two words.
    fn from_str(word: &str) -> Result<Self, UnknownMode> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.as_str() == word)
            .ok_or(UnknownMode)
    }
}
