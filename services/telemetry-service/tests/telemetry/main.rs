//! The telemetry service as its tenants, its operators and its stores meet it: a real database, real sockets.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod ground;
mod hints;
mod influx;
mod influx_fake;
mod partitions;
mod repos;
mod rls;
mod stores;
mod suite;
