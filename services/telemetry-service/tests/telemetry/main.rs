//! The telemetry service as its tenants, its operators and its stores meet it: a real database, real sockets.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod changes;
mod codes;
mod contract;
mod crowd;
mod faults;
mod ground;
mod hints;
mod influx;
mod influx_fake;
mod influx_socket;
mod isolation;
mod ops_surface;
mod partitions;
mod repos;
mod rest;
mod rest_answers;
mod rest_page;
mod rest_refusals;
mod rest_tickets;
mod rls;
mod slow;
mod stop;
mod stores;
mod suite;
mod transports;
mod wire;
mod world;
