//! How a client's status API is asked: an integration as its owner wrote it, made sense of, and one conditional GET
//! with its credentials. Shared by the service that polls and the one that lets an operator try before it is polled:
//! both must mean the same by a row. When to ask, and what its words mean, is decided elsewhere.

mod client_api;
mod client_auth;
mod integration;
mod settings;
mod source;
mod units;

pub use client_api::ClientApi;
pub use client_auth::headers;
pub use integration::{Ask, Integration, Reading, StoredIntegration};
pub use settings::IntegrationSettings;
pub use source::{Answer, Auth, FetchError, Source, Validators};
pub use units::usable_units;
