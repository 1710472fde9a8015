//! The public status service: asks each client's slow, credentialed API once,
//! normalizes what it says to five statuses, and streams the changes to any
//! number of browsers. Reads the database only.

pub mod app;
mod connection;
mod error;
mod http;
mod infra;
mod limits;
mod listen;
mod metrics;
mod public;
mod reload;
pub mod settings;
mod status;
mod wire;

pub use http::document as openapi;
