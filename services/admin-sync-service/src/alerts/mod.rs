//! Telling people: what is wrong now, one notice per incident, and one when it is over.

mod advice;
mod condition;
mod crier;
mod ended;
mod notice;
mod watch;

pub use condition::{Finding, LateUpdate, SilentRun, SourceState, WaitingRun};
pub use crier::{Channel, Crier};
pub use ended::{EndedRun, Gap};
pub use notice::{Incident, MissingSegment, NAMED_SEGMENTS, Notice, RunFacts};
pub use watch::{Watch, WatchRules};
