//! What the service is about: projects, their present state, and how it is kept
//! fresh. Knows no web framework, no SQL and no HTTP client.

mod audience;
pub mod body;
mod cycle;
mod demand;
mod engine;
mod feed;
mod frame;
mod outcome;
mod overview;
mod poller;
mod present;
mod project;
mod projects;
mod report;
mod schedule;
mod shape;
mod viewer;

pub use frame::{
    BulkUpdate, Closed, Connected, EventKind, Mode, Ping, StateChange, StatusFrame, StatusUpdate,
};
pub use present::{DataState, rfc3339};
pub use project::{Kit, Project, ProjectLimits};
pub use projects::{Lookup, Projects, StoredProject};
pub use viewer::{Closing, ViewerStream, Write};
