//! The client API and the portal judged from outside, byte by byte where it matters, and the seed on
//! a real Postgres.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod client;
mod conditional;
mod control;
mod credentials;
mod devices;
mod faults;
mod portal_control;
mod portal_faults;
mod portal_items;
mod portal_moving;
mod portal_pages;
mod portal_reader;
mod portal_records;
mod portal_refusals;
mod portal_replay;
mod portal_world;
mod process;
mod requests;
mod seeding;
mod shapes;
