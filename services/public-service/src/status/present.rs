//! What is known of a project at one moment. Cloning copies pointers only.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use farol_core::status::Snapshot;
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use farol_core::status::Slug;

/// How far the data can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DataState {
    /// Never fetched, or there is nothing to ask.
    Unknown,
    /// As fresh as the polling interval promises.
    Live,
    /// The last good data of a source that fails, or went silent.
    Stale,
}

impl DataState {
    /// Every state, for metrics that must show zeros too.
    pub const ALL: [Self; 3] = [Self::Unknown, Self::Live, Self::Stale];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Live => "live",
            Self::Stale => "stale",
        }
    }
}

/// `<epoch>-<n>`: which life of which process, and the number of the last step
/// that carried units. Only comparable within one epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Drawn at random when the project was first loaded.
    pub epoch: Arc<str>,
    /// Number of the step.
    pub step: u64,
}

impl Version {
    /// The step that `id` names, if it is of this epoch.
    pub fn step_of(epoch: &str, id: &str) -> Option<u64> {
        id.strip_prefix(epoch)?.strip_prefix('-')?.parse().ok()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.step)
    }
}

impl Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What is known of a project.
#[derive(Debug, Clone)]
pub struct Present {
    /// Whose data.
    pub slug: Slug,
    /// Unit by unit.
    pub units: Arc<Snapshot>,
    /// Which step brought the units.
    pub version: Version,
    /// How far they can be trusted.
    pub state: DataState,
    /// When the state last changed.
    pub since: DateTime<Utc>,
    /// When the source was last read successfully.
    pub read: Option<ReadAt>,
}

/// The moment of a good answer, on both clocks: people read one, ages the other.
#[derive(Debug, Clone, Copy)]
pub struct ReadAt {
    /// For people.
    pub as_of: DateTime<Utc>,
    /// For ages; a stepped wall clock must not make data look fresh.
    pub at: Instant,
}

impl Present {
    /// Age of the data.
    pub fn age(&self) -> Option<Duration> {
        self.read.map(|read| read.at.elapsed())
    }

    /// Time of the last good fetch, as the wire shows it.
    pub fn as_of(&self) -> Option<String> {
        self.read.map(|read| rfc3339(read.as_of))
    }
}

/// RFC 3339 in UTC with milliseconds, the one form of a time on our wire.
pub fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn only_an_id_of_the_same_epoch_names_a_step() {
        assert_eq!(Version::step_of("6f1c2a", "6f1c2a-41"), Some(41));
        for foreign in [
            "6f1c2b-41",
            "6f1c2a41",
            "6f1c2a-",
            "6f1c2a--1",
            "6f1c2a-x",
            "",
            "-1",
        ] {
            assert_eq!(Version::step_of("6f1c2a", foreign), None, "{foreign}");
        }
    }
}
