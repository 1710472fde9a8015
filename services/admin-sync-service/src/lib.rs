//! The admin service: operators watch, force and review the ingestion here. It writes what is asked for into
//! Postgres, sees to it that the broker gets it, and looks after runs that nobody else looks after. The work
//! itself is done by the ingestor.

mod alerts;
pub mod app;
mod dead_letters;
mod error;
mod http;
mod infra;
mod live;
mod metrics;
pub mod migrate;
mod monitor;
mod neighbours;
mod outbox;
mod projects;
pub mod settings;
mod sync;

pub use http::openapi;
