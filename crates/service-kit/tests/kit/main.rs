//! The kit as services use it: real files, sockets, signals and processes.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod binaries;
mod broker;
mod broker_faults;
mod broker_network;
mod broker_tls;
mod child;
mod database;
mod envelope;
mod health;
mod issuer;
mod jwt;
mod jwt_keys;
mod lifecycle;
mod ops;
mod outbound;
mod pulse;
mod settings;
mod shelf;
mod upstream;
