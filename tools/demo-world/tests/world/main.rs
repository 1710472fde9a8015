//! The client API judged from outside, byte by byte where it matters, and the seed on a real
//! Postgres.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod client;
mod conditional;
mod control;
mod credentials;
mod faults;
mod process;
mod requests;
mod seeding;
mod shapes;
