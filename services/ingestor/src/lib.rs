//! The ingestor: claims runs that somebody asked for and brings the procurement portal's records into
//! Postgres, page by page, so that nothing is lost and nothing is called complete that is not. Who asks for
//! runs, watches and schedules them is admin-sync-service's business.

pub mod app;
pub mod consume;
pub mod infra;
pub mod ingest;
pub mod metrics;
pub mod settings;
pub mod source;
