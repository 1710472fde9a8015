//! The five statuses that a unit can have, and the rooms that read, map, keep and compare them.
//! Fetching, storing and sending are the business of services.

mod mapping;
mod normalize;
mod slug;
mod snapshot;
mod units;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use mapping::{Mapping, MappingComplaint, canonical_word};
pub use normalize::{Complaints, MAX_UNMAPPED_VALUES, MAX_VALUE_CHARS, Unmapped, normalize};
pub use slug::Slug;
pub use snapshot::{Delta, Snapshot};
pub use units::{BodyError, MAX_KEY_BYTES, MAX_UNITS, RawUnit, RawUnits, parse_units};

/// What viewers are told about a unit (docs/API.md, "Statuses"). There is no sixth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Can be bought.
    Available,
    /// Held for somebody.
    Reserved,
    /// Gone.
    Sold,
    /// Not shown.
    Hidden,
    /// Will be offered later.
    Unreleased,
}

impl Status {
    /// All five, in the order of the contract.
    pub const ALL: [Self; 5] = [
        Self::Available,
        Self::Reserved,
        Self::Sold,
        Self::Hidden,
        Self::Unreleased,
    ];

    /// The canonical word, as it stands on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Reserved => "reserved",
            Self::Sold => "sold",
            Self::Hidden => "hidden",
            Self::Unreleased => "unreleased",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is none of the five canonical ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not one of available, reserved, sold, hidden, unreleased")]
pub struct UnknownStatus;

impl FromStr for Status {
    type Err = UnknownStatus;

    /// Exactly the canonical words: what clients of ours write is not guessed at. What client
    /// APIs write goes through a [`Mapping`].
    fn from_str(word: &str) -> Result<Self, UnknownStatus> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == word)
            .ok_or(UnknownStatus)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canonical_word_and_the_json_word_agree_and_parse_back() {
        for status in Status::ALL {
            assert_eq!(
                serde_json::to_value(status).unwrap(),
                serde_json::Value::from(status.as_str())
            );
            assert_eq!(status.as_str().parse(), Ok(status));
        }
    }

    #[test]
    fn only_the_exact_canonical_words_parse() {
        for word in ["Available", " sold", "open", "", "not_for_sale"] {
            assert_eq!(word.parse::<Status>(), Err(UnknownStatus), "{word:?}");
        }
    }
}
