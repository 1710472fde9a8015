//! The ingestor as its operators meet it: a real database, a real broker, the portal's look-alike, and
//! nothing of the inside but the verbs of its repos.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod claim_messages;
mod ops_surface;
mod pace_line;
mod pace_outage;
mod pace_weather;
mod portal_faults;
mod portal_pages;
mod record_postgres;
mod record_read;
mod repos_claim;
mod repos_evidence;
mod repos_items;
mod repos_kit;
mod repos_lease;
mod repos_model;
mod repos_pages;
mod run_faults;
mod run_items;
mod run_life;
mod run_window;
mod world;
