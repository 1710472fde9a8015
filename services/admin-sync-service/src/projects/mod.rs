//! Projects and their integrations as operators see and change them: what may be written, how it is shown, and how a
//! client API is tried before anybody polls it. What a row means is decided in `client-api`.

mod address;
mod audit;
mod credentials;
mod desk;
mod draft;
mod error;
mod etag;
mod fields;
mod integration;
mod integrations;
mod members;
mod outcome;
mod preview;
mod project;
mod sample;
mod scrub;
mod trials;

pub use address::told_base;
pub use audit::{Audit, AuditPage, Event, EventView, MOST_EVENTS, Who};
pub use desk::{Projects, Revised};
pub use draft::IntegrationDraft;
pub use error::{ProjectError, WrongField};
pub use integration::{IntegrationRow, IntegrationView, Shown};
pub use integrations::{Integrations, Match, Rules};
pub use outcome::TrialView;
pub use project::{Listed, NewProject, ProjectChange, ProjectList, ProjectRow, ProjectView};
pub use trials::Trials;
