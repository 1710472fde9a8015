//! The public status service as its viewers, its operators and client APIs meet
//! it: a real database, real sockets, nothing of the inside.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod heads;
mod join;
mod raw;
mod world;
